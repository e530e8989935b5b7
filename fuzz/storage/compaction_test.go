package storage_test

import (
	"context"
	"fmt"
	"testing"

	"moldau/fuzz/mutate"
	"moldau/fuzz/target"
	"moldau/logstore"
	"moldau/logstore/record"
)

// FuzzCompaction writes keys, tombstones and transactions, compacts, restarts and
// crashes, and holds the log to a map:
//
//   - Below the offset that compaction has come to, there is of each key the newest
//     record that was committed, and nothing else; above it, all.
//   - A record that is there has its offset, key and value. A tombstone stays as long
//     as it is to.
//   - The last sequence of each producer is known, though its records may be gone.
//   - No compaction fails, and the checker finds no fault.
func FuzzCompaction(f *testing.F) { compactions.Fuzz(f) }

var compactions = target.New("FuzzCompaction", programs(
	[]byte{0, 0, 0, 3, 0, 1, 2, 0, 0, 3, 0, 1, 2, 10, 0, 2, 1, 3, 9, 10, 12},
	[]byte{1, 2, 4, 1, 2, 3, 250, 4, 1, 1, 250, 3, 2, 10, 11, 10, 13, 10, 0, 1, 1, 1, 10},
	[]byte{2, 1, 6, 1, 3, 1, 2, 3, 6, 2, 2, 1, 1, 8, 1, 1, 6, 1, 1, 4, 10, 8, 2, 0, 10, 13, 10},
), func(t testing.TB, _, program []byte) target.Class {
	p := mutate.NewProgram(program[:min(len(program), 200)])
	m := newCompacted(t, p)
	m.begin()
	defer func() { _ = m.store.Close() }()
	for steps := 0; p.More() && steps < 40; steps++ {
		m.step()
	}
	m.check()
	m.reopen()
	m.check()
	if m.log.Compaction().FirstDirty == 0 {
		return target.Deep
	}
	return target.Accepted
})

// keyed is a record that was written, or a marker, which has no key.
type keyed struct {
	key, value         string // value "" for a tombstone
	decided, committed bool
}

// compacted is a log and all that was ever written to it.
type compacted struct {
	*world
	all       []keyed
	open      map[int64][]int // indexes in all of open transactions' records, by producer
	sequences map[int64]int32
	stay      bool // tombstones do
	// most is the furthest that compaction has come: a crash may make the log forget
	// how far that was, but brings nothing back.
	most   int64
	failed error
}

func newCompacted(t testing.TB, p *mutate.Program) *compacted {
	shape := p.Byte()
	m := &compacted{open: map[int64][]int{}, sequences: map[int64]int32{}, stay: shape&1 != 0}
	m.world = newWorld(t, p, func(c *logstore.Config) {
		c.Compact, c.Delete, c.MinCleanableDirtyRatio, c.DeleteRetentionMs = true, false, 0, 1000
		c.SegmentBytes = 180 + 150*int64(shape>>1&3)
		if m.stay {
			c.DeleteRetentionMs = 1 << 50
		}
	})
	m.change = func(o *logstore.Options) {
		o.CompactionMapBytes = 24 * int64(2+3*(shape>>3&7))
		o.Events = func(e logstore.Event) {
			if e, ok := e.(logstore.CompactionFailed); ok && m.failed == nil {
				m.failed = e.Err
			}
		}
	}
	return m
}

func (m *compacted) step() {
	p := m.p
	switch p.Byte() % 14 {
	case 0, 1, 2, 3, 4:
		m.write(-1)
	case 5:
		m.write(0) // idempotent, in no transaction
	case 6, 7:
		m.write(1 + int64(p.Below(2)))
	case 8:
		m.end(1+int64(p.Below(2)), p.One(2))
	case 9:
		m.clock.Add(int64(p.Byte()) * 100)
	case 10, 11:
		must(m.t, m.log.Flush())
		m.store.Housekeep(m.clock.Now())
		must(m.t, m.store.Checkpoint())
		m.store.Compact(m.clock.Now())
		m.check()
	case 12:
		m.reopen()
		m.check()
	default:
		must(m.t, m.log.Flush()) // so that nothing of the list is lost
		m.crash()
		m.world.open()
		m.check()
	}
}

func (m *compacted) write(producer int64) {
	p := m.p
	o := record.BuilderOptions{Codec: codecOf(p)}
	if producer >= 0 {
		o.Producer = &record.Producer{ID: producer, BaseSequence: m.sequences[producer]}
		o.Transactional = producer > 0
	}
	b := record.NewBuilder(o)
	records := 1 + p.Below(4)
	for range records {
		how := p.Byte()
		r := keyed{key: fmt.Sprint("k", how%7), committed: !o.Transactional, decided: !o.Transactional}
		var value []byte
		if how < 200 {
			r.value = fmt.Sprint("v", len(m.all))
			value = []byte(r.value)
		}
		b.Append(m.clock.ms(), []byte(r.key), value)
		if o.Transactional {
			m.open[producer] = append(m.open[producer], len(m.all))
		}
		m.all = append(m.all, r)
	}
	batch, err := b.Finish()
	must(m.t, err)
	a, err := m.log.AppendLeader(batch, 0)
	must(m.t, err)
	if a.Last != int64(len(m.all))-1 {
		m.t.Fatalf("appended up to %d, want %d", a.Last, len(m.all)-1)
	}
	if producer >= 0 {
		m.sequences[producer] += int32(records)
	}
}

func (m *compacted) end(producer int64, commit bool) {
	_, err := m.log.AppendMarker(logstore.Marker{ProducerID: producer, Commit: commit}, 0)
	must(m.t, err)
	m.all = append(m.all, keyed{})
	for _, i := range m.open[producer] {
		m.all[i].decided, m.all[i].committed = true, commit
	}
	delete(m.open, producer)
}

// check reads what was committed and compares it with the map.
func (m *compacted) check() {
	must(m.t, m.failed)
	must(m.t, m.log.Flush())
	m.checkProducers()
	upto := m.log.Compaction().FirstDirty
	m.most = max(m.most, upto)
	newest, newestOfMost := m.newest(upto), m.newest(m.most)
	next, stable := int64(0), m.log.Offset(logstore.LastStable)
	missing := func(to int64) {
		for ; next < to; next++ {
			if r := m.all[next]; m.mustStay(r, next, newestOfMost) {
				m.t.Fatalf("%d, %+v, is missing; compacted up to %d", next, r, m.most)
			}
		}
	}
	for r, err := range m.log.Records(context.Background(), 0, logstore.LastStable) {
		must(m.t, err)
		missing(r.Offset)
		want := m.all[r.Offset]
		if string(r.Key) != want.key || string(r.Value) != want.value || (r.Value == nil) != (want.value == "") || !want.committed {
			m.t.Fatalf("%d is %s=%s, want %+v", r.Offset, r.Key, r.Value, want)
		}
		if r.Offset < upto && newest[want.key] != r.Offset {
			m.t.Fatalf("%d, %+v, is there, though compacted up to %d; the newest is %d", r.Offset, want, upto, newest[want.key])
		}
		next = r.Offset + 1
	}
	missing(stable)
	for i := next; i < int64(len(m.all)); i++ { // above, a transaction is open
		if i < upto {
			m.t.Fatalf("compacted up to %d, above the last stable offset %d", upto, stable)
		}
	}
}

// checkProducers holds that compaction makes the log forget no producer: a batch that
// was sent would otherwise be taken twice.
func (m *compacted) checkProducers() {
	found, err := m.log.Producers()
	must(m.t, err)
	known := map[int64]int32{}
	for _, p := range found {
		known[p.ID] = p.LastSequence
	}
	for id, next := range m.sequences {
		if last, ok := known[id]; !ok || last != next-1 {
			m.t.Fatalf("producer %d has sent up to %d, the log knows of %d, %v", id, next-1, last, ok)
		}
	}
}

// newest are the newest committed records of each key below an offset.
func (m *compacted) newest(upto int64) map[string]int64 {
	all := map[string]int64{}
	for i, r := range m.all[:min(upto, int64(len(m.all)))] {
		if r.committed && r.key != "" {
			all[r.key] = int64(i)
		}
	}
	return all
}

// mustStay tells that a record which readers of what was committed do not see should
// have been there.
func (m *compacted) mustStay(r keyed, offset int64, newest map[string]int64) bool {
	switch {
	case r.key == "" || !r.committed:
		return false
	case offset >= m.most:
		return true
	}
	return newest[r.key] == offset && (r.value != "" || m.stay)
}
