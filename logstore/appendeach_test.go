package logstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"

	"pgregory.net/rapid"
)

// Appends that are made together get the answers, and leave the files, of those that
// are made one by one; of these many share a write.
func TestAppendsTogetherAreThoseOneByOne(t *testing.T) {
	together, alone := 0, 0 // writes
	rapid.Check(t, func(rt *rapid.T) {
		var config logstore.Config
		each := newHarness(t, func(c *logstore.Config) {
			c.SegmentBytes = rapid.Int64Range(400, 5000).Draw(rt, "segment bytes")
			c.SegmentMs, c.IndexIntervalBytes, c.MaxMessageBytes = 50, 150, 390
			if rapid.IntRange(0, 2).Draw(rt, "small indexes") == 0 {
				c.IndexIntervalBytes, c.SegmentIndexBytes = 0, rapid.Int64Range(24, 80).Draw(rt, "index bytes")
			}
			if rapid.Bool().Draw(rt, "append time") {
				c.TimestampType = logstore.LogAppendTime
			}
			config = *c
		})
		one := newHarness(t, func(c *logstore.Config) { *c = config })
		for _, h := range []*harness{each, one} {
			o, err := h.store.Create(other, logstore.TopicID{2}, config)
			must(t, err)
			h.append(o, "asks for room", 1)
		}
		ofEach, ofOne := writesTo(each), writesTo(one)
		d := &drawnBatches{t: t, rt: rt, clock: each.clock}
		epoch := int32(0)
		for range rapid.IntRange(1, 12).Draw(rt, "rounds") {
			appends := d.round()
			epoch += rapid.SampledFrom([]int32{0, 0, 0, 1}).Draw(rt, "epoch")
			asked := epoch - rapid.SampledFrom([]int32{0, 0, 0, 0, 0, 1}).Draw(rt, "fenced")
			var want []logstore.LeaderAppend
			for _, a := range appends {
				w := logstore.LeaderAppend{Batches: bytes.Clone(a.Batches)}
				w.Appended, w.Err = one.log().AppendLeader(w.Batches, asked)
				d.sent(w)
				want = append(want, w)
			}
			each.log().AppendLeaderEach(appends, asked)
			for i, a := range appends {
				if w := want[i]; fmt.Sprint(a.Err) != fmt.Sprint(w.Err) || w.Err == nil && a.Appended != w.Appended {
					rt.Fatalf("append %d of %d: %+v, %v, alone %+v, %v", i, len(appends), a.Appended, a.Err, w.Appended, w.Err)
				}
			}
			if rapid.Bool().Draw(rt, "time passes") {
				each.clock.add(30 * time.Millisecond)
				one.clock.add(30 * time.Millisecond)
			}
		}
		if got, want := each.store.Counters().Appends, one.store.Counters().Appends; got != want {
			rt.Fatalf("%d appends are counted, alone %d", got, want)
		}
		must(rt, each.store.Close())
		must(rt, one.store.Close())
		got, want := imageOf(rt, each.mem, logDir), imageOf(rt, one.mem, logDir)
		if len(want) == 0 || !maps.EqualFunc(got, want, bytes.Equal) {
			rt.Fatalf("files %v, alone %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		together, alone = together+*ofEach, alone+*ofOne
	})
	if 10*together > 9*alone {
		t.Errorf("%d writes where one by one are %d", together, alone)
	}
}

// drawnBatches are what clients may send, good and bad.
type drawnBatches struct {
	t     *testing.T
	rt    *rapid.T
	clock *clock
	built int
	known [4]record.Producer // by id: its epoch, and its next sequence
	drawn [4]record.Producer // the same, if all of the round that should be is accepted
	last  []byte             // that was numbered and accepted
}

// round draws what arrives together: a few batches of each kind in a row.
func (d *drawnBatches) round() (appends []logstore.LeaderAppend) {
	d.drawn = d.known
	for range rapid.IntRange(1, 3).Draw(d.rt, "kinds") {
		kind := rapid.SampledFrom([]string{"plain", "next", "next", "again", "gap", "bad CRC", "too large", "two", "two numbered", "transactional", "new epoch"}).Draw(d.rt, "kind")
		id := rapid.Int64Range(1, 2).Draw(d.rt, "producer")
		for range rapid.IntRange(1, 5).Draw(d.rt, "in a row") {
			appends = append(appends, logstore.LeaderAppend{Batches: d.draw(kind, id)})
		}
	}
	return appends
}

// sent learns what became of a batch.
func (d *drawnBatches) sent(a logstore.LeaderAppend) {
	b := record.Batch(a.Batches)
	if a.Err != nil || a.Duplicate || b.ProducerID() < 0 {
		return
	}
	d.known[b.ProducerID()] = record.Producer{ID: b.ProducerID(), Epoch: b.ProducerEpoch(), BaseSequence: b.LastSequence() + 1}
	if !b.Transactional() {
		d.last = bytes.Clone(b)
	}
}

func (d *drawnBatches) draw(kind string, id int64) []byte {
	n := rapid.IntRange(1, 4).Draw(d.rt, "records")
	ms := d.clock.ms() + rapid.Int64Range(-60, 60).Draw(d.rt, "ms")
	d.built++
	build := func(n int) []byte { return batchOf(d.t, record.BuilderOptions{}, ms, fmt.Sprint(d.built), n) }
	next := func(id int64, n int) []byte {
		p := d.drawn[id]
		p.ID = id
		d.drawn[id].BaseSequence += int32(n)
		return batchOf(d.t, record.BuilderOptions{Producer: &p, Transactional: id == 3}, ms, fmt.Sprint(d.built), n)
	}
	switch kind {
	case "next":
		return next(id, n)
	case "again":
		if d.last != nil {
			return bytes.Clone(d.last)
		}
	case "gap":
		p := d.drawn[id]
		d.drawn[id].BaseSequence++
		b := next(id, n)
		d.drawn[id] = p
		return b
	case "bad CRC":
		b := build(n)
		b[len(b)-1] ^= 1
		return b
	case "too large":
		return build(40)
	case "two":
		return append(build(1), build(2)...)
	case "two numbered":
		p := d.drawn[id]
		b := append(next(id, 1), next(id, 1)...)
		d.drawn[id] = p
		return b
	case "transactional":
		return next(3, n)
	case "new epoch":
		d.drawn[id] = record.Producer{Epoch: d.drawn[id].Epoch + 1}
		return next(id, n)
	}
	return build(n)
}

// writesTo counts the writes to the log's segments.
func writesTo(h *harness) *int {
	n := new(int)
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".log") {
			*n++
		}
		return nil
	})
	return n
}

func (h *harness) five(o func(i int) record.BuilderOptions) []logstore.LeaderAppend {
	var appends []logstore.LeaderAppend
	for i := range 5 {
		appends = append(appends, logstore.LeaderAppend{Batches: batchOf(h.t, o(i), h.clock.ms(), fmt.Sprint(i), 1)})
	}
	return appends
}

// What may be written together is, of producers that number their batches, too.
func TestAppendsTogetherShareAWrite(t *testing.T) {
	for name, o := range map[string]func(i int) record.BuilderOptions{
		"plain": func(int) record.BuilderOptions { return record.BuilderOptions{} },
		"numbered": func(i int) record.BuilderOptions {
			return record.BuilderOptions{Producer: &record.Producer{ID: 7, BaseSequence: int32(i)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil)
			l := h.log()
			h.append(l, "first", 1)
			writes := writesTo(h)
			appends := h.five(o)
			l.AppendLeaderEach(appends, 0)
			for i, a := range appends {
				if must(t, a.Err); a.First != int64(1+i) || a.Last != a.First {
					t.Errorf("append %d is at %d to %d", i, a.First, a.Last)
				}
			}
			if *writes != 1 {
				t.Errorf("%d writes for %d appends", *writes, len(appends))
			}
			wantValues(t, values(t, l, logstore.LogEnd), "first-0", "0-0", "1-0", "2-0", "3-0", "4-0")
			again := h.five(o)
			if name == "numbered" {
				l.AppendLeaderEach(again, 0)
				for i, a := range again {
					if must(t, a.Err); !a.Duplicate || a.First != int64(1+i) {
						t.Errorf("append %d again: %+v", i, a.Appended)
					}
				}
			}
			l = h.reopen()
			wantValues(t, values(t, l, logstore.LogEnd), "first-0", "0-0", "1-0", "2-0", "3-0", "4-0")
		})
	}
}

// On a full disk those are appended that there is room for.
func TestAppendsTogetherOnAFullDisk(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.append(l, "first", 1)
	appends := h.five(func(int) record.BuilderOptions { return record.BuilderOptions{} })
	bytesLeft := int64(len(appends[0].Batches)*2 + 10)
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".log") {
			if op.Length > bytesLeft {
				return vfs.ShortWrite(10, syscall.ENOSPC)
			}
			bytesLeft -= op.Length
		}
		return nil
	})
	l.AppendLeaderEach(appends, 0)
	h.fault.SetHook(nil)
	for i, a := range appends {
		if i < 2 {
			if must(t, a.Err); a.First != int64(1+i) {
				t.Errorf("append %d is at %d", i, a.First)
			}
		} else if !errors.Is(a.Err, logstore.ErrNoSpace) {
			t.Errorf("append %d: %v", i, a.Err)
		}
	}
	wantValues(t, values(t, l, logstore.LogEnd), "first-0", "0-0", "1-0")
	h.append(l, "behind", 1)
	l = h.reopen()
	wantValues(t, values(t, l, logstore.LogEnd), "first-0", "0-0", "1-0", "behind-0")
}

// A device that fails leaves nobody in doubt.
func TestAppendsTogetherOnAFailingDisk(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.appendDurably(l, "first", 1)
	appends := h.five(func(int) record.BuilderOptions { return record.BuilderOptions{} })
	h.fault.SetHook(failing(vfs.OpWrite, ".log", syscall.EIO))
	l.AppendLeaderEach(appends, 0)
	h.fault.SetHook(nil)
	for i, a := range appends {
		if !errors.Is(a.Err, logstore.ErrPoisoned) {
			t.Errorf("append %d: %v", i, a.Err)
		}
	}
	wantValues(t, values(t, l, logstore.Durable), "first-0")
}

// Near the reserve each has the room that it would have alone.
func TestAppendsTogetherNearTheReserve(t *testing.T) {
	const reserve, each = 1 << 20, 4 << 10
	h := newHarness(t, nil)
	must(t, h.store.Close())
	h.change = func(o *logstore.Options) { o.ReserveBytes = reserve }
	h.open()
	h.append(h.log(), "first", 1)
	l := h.reopen() // nothing is granted yet
	must(t, l.Flush())
	space, err := h.mem.Space(".")
	must(t, err)
	h.mem.SetCapacity(space.Total - space.Free + reserve + 2*each)
	var appends []logstore.LeaderAppend
	for range 5 {
		appends = append(appends, logstore.LeaderAppend{Batches: batchOf(t, record.BuilderOptions{}, h.clock.ms(), strings.Repeat("x", each), 1)})
	}
	l.AppendLeaderEach(appends, 0)
	h.mem.SetCapacity(1 << 40)
	if must(t, appends[0].Err); !errors.Is(appends[4].Err, logstore.ErrNoSpace) {
		t.Errorf("the last append: %v", appends[4].Err)
	}
}
