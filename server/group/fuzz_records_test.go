package group

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"moldau/fuzz/mutate"
	"moldau/fuzz/target"
	"moldau/logstore/record"
	"moldau/server/coordinator"
)

// FuzzOffsetsTopic replays records of __consumer_offsets with keys and values of any
// bytes, and holds that
//
//   - an offset's record is taken exactly if a naive reader takes it, and its group is
//     then told what that reader says; a group's is refused with errRecord or taken;
//   - what is refused changes nothing, and takes no longer than its bytes are worth: a
//     run that is kept busy by a count shows as one that does not end;
//   - all records twice are as once, and so are, where none was refused, the newest of
//     each key, as compaction leaves them;
//   - what was taken and is written anew, as it would be now, is replayed as the same;
//   - memory is counted as what is there takes.
func FuzzOffsetsTopic(f *testing.F) { offsetsRecords.Fuzz(f) }

var offsetsRecords = target.New("FuzzOffsetsTopic", func() (all []target.Seed, err error) {
	var every []coordinator.Record
	for i, k := range kafkas {
		key, err1 := hex.DecodeString(k.key)
		value, err2 := hex.DecodeString(k.value)
		if err = errors.Join(err1, err2); err != nil {
			return nil, err
		}
		every = append(every, coordinator.Record{Key: key, Value: value})
		all = append(all, target.Seed{Data: packRecords(every[i:]), Program: []byte{byte(i), 0, 3, 1, 2, 3, 4, 5}})
	}
	return append(all, target.Seed{Data: packRecords(every)},
		target.Seed{Data: packRecords(every), Program: []byte{9, 0, 1, 4, 1, 1, 3, 2, 0, 9, 3, 4, 1, 2, 8, 8, 1, 1, 2, 2, 10, 1, 1}},
		target.Seed{Program: []byte{9, 0, 4, 1, 2, 3, 10, 1, 4, 2, 1, 9, 1, 1, 3, 4, 9, 2, 3, 0, 11, 0, 7, 1, 2, 3, 4}}), nil
}, func(t testing.TB, data, program []byte) target.Class {
	records := changeRecords(unpackRecords(data[:min(len(data), mutate.BytesMax)]), mutate.NewProgram(program))
	r := &replayed{t: t, w: newWorld(Options{}), naive: map[string]map[partition]committed{}}
	for _, x := range records {
		r.take(x)
	}
	once := r.dump(r.w.machine)
	for _, x := range records {
		_ = r.w.machine.replayRecord(&record.Record{Key: x.Key, Value: x.Value})
	}
	if twice := r.dump(r.w.machine); twice != once {
		t.Fatalf("%x\nonce\n%s\ntwice\n%s", records, once, twice)
	}
	if r.refused == 0 {
		r.same("compacted", once, newestOfEach(records))
	}
	r.same("written anew", once, r.written())
	r.checkBytes()
	switch {
	case len(r.taken) == 0:
		return target.Early
	case r.refused > 0:
		return target.Deep
	}
	return target.Accepted
})

// packRecords is records as a seed has them: each key and value behind its length.
func packRecords(records []coordinator.Record) (b []byte) {
	for _, r := range records {
		for _, part := range [][]byte{r.Key, r.Value} {
			n := uint16(len(part))
			if part == nil {
				n = math.MaxUint16
			}
			b = append(binary.BigEndian.AppendUint16(b, n), part...)
		}
	}
	return b
}

func unpackRecords(b []byte) (records []coordinator.Record) {
	next := func() []byte {
		if len(b) < 2 {
			b = nil
			return nil
		}
		n := binary.BigEndian.Uint16(b)
		b = b[2:]
		if n == math.MaxUint16 {
			return nil
		}
		part := b[:min(int(n), len(b))]
		b = b[len(part):]
		return append([]byte{}, part...)
	}
	for len(b) > 0 && len(records) < 24 {
		records = append(records, coordinator.Record{Key: next(), Value: next()})
	}
	return records
}

// changeRecords edits records as a program says: most edits make a sound record, or
// leave a record one.
func changeRecords(all []coordinator.Record, p *mutate.Program) []coordinator.Record {
	for steps := 0; p.More() && steps < 16; steps++ {
		op := p.Byte() % 16
		if len(all) == 0 || op < 5 && len(all) < 24 {
			all = append(all, drawRecord(p))
			continue
		}
		r := &all[p.Below(len(all))]
		part := &r.Value
		if op == 5 {
			part = &r.Key
		}
		switch op {
		case 5, 6:
			*part = mutate.Rot(*part, p)
		case 7: // a number in place of what was there
			if at := p.Below(len(*part) + 1); at < len(*part) {
				copy((*part)[at:], binary.BigEndian.AppendUint64(nil, uint64(p.Int64())))
			}
		case 8: // a compact one
			at := p.Below(len(*part) + 1)
			*part = slices.Concat((*part)[:at], binary.AppendUvarint(nil, uint64(uint32(p.Int64()))), (*part)[at:])
		case 9, 10:
			if len(*part) > 1 {
				(*part)[0], (*part)[1] = 0, byte(p.Below(6))
			}
		case 11:
			r.Value = nil
		case 12:
			all = append(all[:len(all):len(all)], coordinator.Record{Key: slices.Clone(r.Key), Value: slices.Clone(r.Value)})
		case 13:
			other := &all[p.Below(len(all))]
			*r, *other = *other, *r
		case 14: // the value of another
			r.Value = slices.Clone(all[p.Below(len(all))].Value)
		default:
			*part = (*part)[:min(p.Below(64), len(*part))]
		}
	}
	return all
}

func drawRecord(p *mutate.Program) coordinator.Record {
	group := fmt.Sprint("g", p.Below(3))
	kind := p.Byte()
	if kind%4 > 0 {
		key := partition{fmt.Sprint("t", kind>>4%2), int32(kind >> 6)}
		c := committed{offset: p.Int64(), leaderEpoch: int32(p.Below(3)) - 1, metadata: string(p.Bytes(p.Below(6))), atMs: startMs, expiresMs: -1}
		switch kind % 4 {
		case 2:
			c.topicID = [16]byte{1, byte(p.Byte())}
		case 3:
			c.expiresMs = int64(p.Byte())
		}
		return offsetRecord(group, key, c)
	}
	var u usage
	g := newGroup(group, startMs, &u)
	g.protocolType, g.generation, g.protocol = "consumer", int32(p.Byte()), "range"
	shares := map[string][]byte{}
	for i := range p.Below(4) {
		m := &member{id: fmt.Sprint("m", p.Below(5)), clientID: "c", clientHost: "/h", rebalanceMs: 1000 * int32(p.Byte()), sessionMs: 6000,
			protocols: []Protocol{{"range", p.Bytes(p.Below(8))}}}
		if p.One(3) {
			m.instance = fmt.Sprint("i", i)
		}
		shares[m.id] = []byte{byte(i)}
		g.add(m)
	}
	return g.record(shares, startMs)
}

// replayed is a machine that took records, and what a naive reader made of the offsets
// among them.
type replayed struct {
	t       testing.TB
	w       *world
	naive   map[string]map[partition]committed
	taken   []coordinator.Record
	refused int
}

func (r *replayed) take(x coordinator.Record) {
	err := r.w.machine.replayRecord(&record.Record{Key: x.Key, Value: x.Value})
	if err != nil {
		if r.refused++; !errors.Is(err, errRecord) {
			r.t.Fatal(err)
		}
		r.same(fmt.Sprintf("without key %x, value %x, which is refused", x.Key, x.Value), r.dump(r.w.machine), r.taken)
	} else {
		r.taken = append(r.taken, x)
	}
	group, p, ok := naiveOffsetKey(x.Key)
	if !ok {
		return
	}
	c, ok := naiveOffset(x.Value)
	if ok || x.Value == nil {
		ok = true
		if r.naive[group] == nil {
			r.naive[group] = map[partition]committed{}
		}
		if r.naive[group][p] = c; x.Value == nil {
			delete(r.naive[group], p)
		}
	}
	if ok != (err == nil) {
		r.t.Fatalf("key %x, value %x: %v, the naive reader takes it: %t", x.Key, x.Value, err, ok)
	}
	for p, want := range r.naive[group] {
		got := r.w.machine.offset(group, p.topic, p.number)
		if got.Offset != want.offset || got.LeaderEpoch != want.leaderEpoch || got.Metadata != want.metadata {
			r.t.Fatalf("%s, %v is at %+v, want %+v", group, p, got, want)
		}
	}
	if g := r.w.machine.groups[group]; g != nil && len(g.offsets) != len(r.naive[group]) {
		r.t.Fatalf("%s has %d offsets, want %d", group, len(g.offsets), len(r.naive[group]))
	}
}

// same holds that a machine that is loaded from other records is the same.
func (r *replayed) same(how, want string, records []coordinator.Record) {
	w := newWorld(Options{})
	for _, x := range records {
		if err := w.machine.replayRecord(&record.Record{Key: x.Key, Value: x.Value}); err != nil {
			r.t.Fatalf("%s: key %x, value %x: %v", how, x.Key, x.Value, err)
		}
	}
	if got := r.dump(w.machine); got != want {
		r.t.Fatalf("%s: %s\nis\n%s\nwant\n%s", how, records, got, want)
	}
}

func newestOfEach(records []coordinator.Record) (newest []coordinator.Record) {
	for i, x := range records {
		if !slices.ContainsFunc(records[i+1:], func(o coordinator.Record) bool { return string(o.Key) == string(x.Key) }) {
			newest = append(newest, x)
		}
	}
	return newest
}

// written is the records that say what the machine has.
func (r *replayed) written() (records []coordinator.Record) {
	for _, id := range slices.Sorted(maps.Keys(r.w.machine.groups)) {
		g := r.w.machine.groups[id]
		if g.recorded {
			shares := map[string][]byte{}
			for _, m := range g.members {
				shares[m.id] = m.assignment
			}
			records = append(records, g.record(shares, g.sinceMs))
		}
		for _, p := range slices.SortedFunc(maps.Keys(g.offsets), comparePartitions) {
			records = append(records, offsetRecord(id, p, g.offsets[p]))
		}
	}
	return records
}

// dump is all that a machine's log tells of.
func (r *replayed) dump(m *machine) string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		g := m.groups[id]
		fmt.Fprintf(&b, "%q", id)
		if g.recorded {
			fmt.Fprintf(&b, " %v %q generation %d %q leader %q", g.state, g.protocolType, g.generation, g.protocol, g.leader)
		}
		for _, mb := range g.members {
			fmt.Fprintf(&b, "\n  %q %q %q %q %d %d %x %x", mb.id, mb.instance, mb.clientID, mb.clientHost, mb.rebalanceMs, mb.sessionMs, mb.metadata(g.protocol), mb.assignment)
		}
		for _, p := range slices.SortedFunc(maps.Keys(g.offsets), comparePartitions) {
			c := g.offsets[p]
			fmt.Fprintf(&b, "\n  %q %d: %d %d %q %d %d %x", p.topic, p.number, c.offset, c.leaderEpoch, c.metadata, c.atMs, max(c.expiresMs, -1), c.topicID)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (r *replayed) checkBytes() {
	var all int64
	for _, g := range r.w.machine.groups {
		sum := int64(groupOverheadBytes + len(g.id))
		for _, m := range g.members {
			sum += m.bytes()
		}
		for p, c := range g.offsets {
			sum += offsetBytes(p, c)
		}
		if sum != g.bytes {
			r.t.Fatalf("%s takes %d bytes, counted are %d", g.id, sum, g.bytes)
		}
		all += sum
	}
	if all != r.w.usage.bytes.Load() {
		r.t.Fatalf("all takes %d bytes, counted are %d", all, r.w.usage.bytes.Load())
	}
}
