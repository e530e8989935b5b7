package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/fuzz/target"
	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// FuzzOperations runs a program of operations on a log and on a list of batches:
// appends as leader and as follower, transactions, flushes, checkpoints, truncations,
// advances of the start, clean restarts, and crashes between and within all of them.
// It holds that
//
//   - after every restart the log is a prefix of the list, byte for byte, that
//     contains what was acknowledged, or, where the process alone has died, written;
//   - what was found at an open survives the next loss of power, and nothing else
//     comes back behind what was appended since;
//   - leader epochs, the last stable offset, aborted transactions and producers are
//     those of the batches that are there;
//   - after a clean close the checker finds no fault.
func FuzzOperations(f *testing.F) { operations.Fuzz(f) }

var operations = target.New("FuzzOperations", programs(
	[]byte{0, 0, 1, 0, 0, 1, 2, 0, 9, 0, 3, 0, 11, 1, 0, 0, 1, 1},
	[]byte{1, 5, 3, 1, 0, 5, 2, 2, 1, 7, 8, 1, 0, 2, 11, 0, 12, 9, 0, 1, 2, 11, 1, 7},
	[]byte{2, 14, 1, 0, 14, 1, 1, 14, 2, 3, 15, 1, 0, 15, 2, 1, 10, 8, 4, 11, 2},
	[]byte{0, 0, 3, 1, 0, 3, 1, 0, 3, 1, 9, 3, 7, 8, 1, 12, 20, 0, 2, 1, 11, 1, 3},
), func(t testing.TB, _, program []byte) target.Class {
	p := mutate.NewProgram(program[:min(len(program), 200)])
	segmentBytes := int64(200 + 400*p.Below(4))
	m := &operated{world: newWorld(t, p, func(c *logstore.Config) { c.SegmentBytes = segmentBytes })}
	m.begin()
	defer func() { _ = m.store.Close() }()
	for steps := 0; p.More() && steps < 40; steps++ {
		if err := m.step(); m.crashed(err) {
			m.restart()
		}
	}
	if m.stopFailing() {
		m.restart()
	}
	m.check()
	m.reopen()
	m.check()
	if len(m.all) == 0 {
		return target.Early
	}
	return target.Accepted
})

// programs are seeds of targets that make everything by their program.
func programs(all ...[]byte) func() ([]target.Seed, error) {
	return func() (seeds []target.Seed, err error) {
		for _, p := range all {
			seeds = append(seeds, target.Seed{Program: p})
		}
		return seeds, nil
	}
}

// operated is a log and what it may hold.
type operated struct {
	*world
	all            []naive.Batch // what was tried, and not undone since
	acked, written int64         // all below survives the loss of power, and the end of the process
	start          int64         // as acknowledged
	startTried     int64         // perhaps this
	moved          bool          // the start was: producers may be forgotten with what they wrote
	surplus        []surplus     // what may come back as long as nothing was appended
}

// surplus is what a crash took from the log, with the note that it was written to, and
// perhaps not from its file.
type surplus struct {
	kept    int // batches are before it
	batches []naive.Batch
}

func (m *operated) end() int64 {
	if n := len(m.all); n > 0 {
		return m.all[n-1].Last + 1
	}
	return m.start
}

func (m *operated) step() error {
	p := m.p
	switch p.Byte() % 16 {
	case 0, 1, 2, 3:
		return m.lead(record.BuilderOptions{Codec: codecOf(p)}, 1+p.Below(4), p.One(2))
	case 4, 5:
		return m.follow(1+p.Below(4), int64(p.Below(4)), p.One(2))
	case 6:
		return m.durable(m.log.Flush())
	case 7:
		m.store.Housekeep(m.clock.Now())
		return m.durable(m.store.Checkpoint())
	case 8:
		return m.truncate(m.start - 2 + int64(p.Below(int(m.end()-m.start)+4)))
	case 9:
		return m.advance(m.start + int64(p.Below(int(m.end()-m.start)+2)))
	case 10:
		if m.stopFailing() {
			return vfs.ErrCrashed
		}
		m.reopen()
		m.acked, m.written, m.surplus = m.end(), m.end(), nil
		m.check()
	case 11:
		m.restart()
	case 12:
		m.failSoon()
	case 13:
		m.clock.Add(int64(time.Duration(p.Byte()) * time.Minute / time.Millisecond))
	case 14:
		return m.transact(int64(p.Below(3)), 1+p.Below(3))
	default:
		return m.mark(int64(p.Below(3)), p.One(2), p.One(2))
	}
	return nil
}

// durable notes that all that was written is durable.
func (m *operated) durable(err error) error {
	if err == nil && !m.fault.Crashed() && m.log.Offset(logstore.Durable) >= m.end() {
		m.acked = m.end()
	}
	return err
}

// tried notes a batch that is about to be appended.
func (m *operated) tried(b record.Batch) {
	n, err := naive.First(bytes.Clone(b))
	must(m.t, err)
	m.all = append(m.all, n)
}

// appended notes how an append went.
func (m *operated) appended(a logstore.Appended, err error, wait bool) error {
	if err != nil {
		return err
	}
	last := m.all[len(m.all)-1]
	if a.First != last.Base || a.Last != last.Last || a.Duplicate {
		m.t.Fatalf("appended at %+v, want %d to %d", a, last.Base, last.Last)
	}
	m.written, m.surplus = m.end(), nil
	if wait {
		return m.durable(m.wait(m.end()))
	}
	return nil
}

func (m *operated) build(o record.BuilderOptions, n int) record.Batch {
	o.BaseOffset = max(m.end(), o.BaseOffset)
	b := record.NewBuilder(o)
	for i := range n {
		b.Append(m.clock.ms()+int64(i), []byte("key"), fmt.Appendf(nil, "%d of %d", i, len(m.all)))
	}
	batch, err := b.Finish()
	must(m.t, err)
	return batch
}

func (m *operated) lead(o record.BuilderOptions, n int, wait bool) error {
	epoch := max(m.log.LatestEpoch(), 0) + int32(m.p.Byte()/200)
	o.LeaderEpoch = epoch
	b := m.build(o, n)
	m.tried(b)
	record.Batch(b).SetBaseOffset(0)
	a, err := m.log.AppendLeader(b, epoch)
	if errors.Is(err, logstore.ErrTooLargeForSegment) {
		m.all = m.all[:len(m.all)-1]
		return nil
	}
	return m.appended(a, err, wait)
}

func (m *operated) follow(n int, gap int64, wait bool) error {
	b := m.build(record.BuilderOptions{BaseOffset: m.end() + gap, LeaderEpoch: max(m.log.LatestEpoch(), 0) + int32(m.p.Byte()/200)}, n)
	m.tried(b)
	a, err := m.log.AppendFollower(b)
	return m.appended(a, err, wait)
}

// transact appends to a producer's transaction.
func (m *operated) transact(id int64, n int) error {
	state := naive.Follow(m.all, unpackNaive)
	producer := record.Producer{ID: id}
	for _, p := range state.Producers {
		if p.ID == id {
			producer.Epoch, producer.BaseSequence = p.Epoch, p.LastSequence+1
		}
	}
	if m.moved {
		return nil // what the log remembers of it is not known
	}
	return m.lead(record.BuilderOptions{Producer: &producer, Transactional: true}, n, m.p.One(2))
}

func (m *operated) mark(id int64, commit, bump bool) error {
	if m.moved {
		return nil
	}
	mk := logstore.Marker{ProducerID: id, Commit: commit}
	for _, p := range naive.Follow(m.all, unpackNaive).Producers {
		if p.ID == id {
			mk.ProducerEpoch = p.Epoch
		}
	}
	if bump {
		mk.ProducerEpoch++
	}
	epoch := max(m.log.LatestEpoch(), 0)
	kind := record.ControlAbort
	if commit {
		kind = record.ControlCommit
	}
	b := record.NewBuilder(record.BuilderOptions{
		BaseOffset: m.end(), LeaderEpoch: epoch, Transactional: true, Control: true,
		Producer: &record.Producer{ID: id, Epoch: mk.ProducerEpoch, BaseSequence: -1},
	})
	b.Append(m.clock.ms(), record.ControlKey(kind), record.EndOfTransaction(0))
	batch, err := b.Finish()
	must(m.t, err)
	m.tried(batch)
	a, err := m.log.AppendMarker(mk, epoch)
	return m.appended(a, err, m.p.One(2))
}

func (m *operated) truncate(to int64) error {
	if to < 0 || to >= m.end() {
		return nil
	}
	kept := 0
	for kept < len(m.all) && m.all[kept].Last < to {
		kept++
	}
	end := m.start
	if kept > 0 {
		end = m.all[kept-1].Last + 1
	}
	anew := to < m.start || end < m.start || kept == 0
	if anew {
		m.acked, m.written = 0, 0
		m.startTried = min(to, m.start)
		if to >= m.start {
			m.startTried = m.start
		}
	} else {
		m.acked, m.written = min(m.acked, end), min(m.written, end)
	}
	if err := m.log.TruncateTo(to); err != nil {
		return err
	}
	m.all, m.surplus = m.all[:kept], nil
	if anew {
		m.start, m.moved = m.startTried, true
		if m.log.StartOffset() != m.start {
			m.t.Fatalf("truncated to %d the log starts at %d, want %d", to, m.log.StartOffset(), m.start)
		}
		m.all = nil
	}
	m.acked, m.written = m.end(), m.end()
	m.check()
	return nil
}

func (m *operated) advance(to int64) error {
	if to <= m.start {
		return nil
	}
	if to <= m.end() {
		m.startTried, m.moved = to, true
	}
	err := m.log.AdvanceStart(to)
	switch high := m.log.Offset(logstore.HighWatermark); {
	case err == nil && to > high:
		m.t.Fatalf("advanced to %d, above the high watermark %d", to, high)
	case err == nil:
		m.start = to
	case errors.Is(err, logstore.ErrOffsetRange):
		return nil // not acknowledged yet when it was asked
	}
	return err
}

// restart crashes and opens what is left, which the list then follows.
func (m *operated) restart() {
	least := m.acked
	if m.crash() {
		least = m.written
	}
	m.open()
	l := m.log
	must(m.t, l.Err())
	start, end := l.StartOffset(), l.Offset(logstore.LogEnd)
	if start != m.start && start != m.startTried {
		m.t.Fatalf("the log starts at %d, want %d or %d", start, m.start, m.startTried)
	}
	for _, s := range m.surplus {
		if m.recovered && m.cameBack(s.batches[0]) {
			m.all = append(slices.Clip(m.all[:s.kept]), s.batches...)
		}
	}
	if end < least || end > max(m.end(), start) {
		m.t.Fatalf("the log ends at %d, want %d to %d", end, least, m.end())
	}
	m.start, m.startTried = start, start
	n := 0
	for n < len(m.all) && m.all[n].Last < end {
		n++
	}
	if m.recovered {
		m.surplus = nil
	} else if n < len(m.all) {
		m.surplus = append(m.surplus, surplus{n, slices.Clone(m.all[n:])})
	}
	if m.all = m.all[:n]; m.end() != end && end != start {
		m.t.Fatalf("the log ends at %d, within a batch or behind %d", end, m.end())
	}
	if end == start { // all went, or nothing is left above the start
		m.all, m.moved = nil, m.moved || n > 0 || start > 0
		for i := range m.surplus {
			m.surplus[i].kept = 0
		}
	}
	m.acked, m.written = end, end
	m.check()
}

// cameBack tells that the log has a batch that an earlier crash took, and not what was
// tried in its place.
func (m *operated) cameBack(first naive.Batch) bool {
	if first.Base < m.log.StartOffset() || first.Base >= m.log.Offset(logstore.LogEnd) {
		return false
	}
	for b, err := range m.log.Batches(context.Background(), first.Base, logstore.LogEnd) {
		must(m.t, err)
		return bytes.Equal(b, first.Bytes)
	}
	return false
}

// check compares a log that goes on with the list.
func (m *operated) check() {
	t, l := m.t, m.log
	if start, end := l.StartOffset(), l.Offset(logstore.LogEnd); start != m.start || end != max(m.end(), m.start) {
		t.Fatalf("the log is from %d to %d, want %d to %d", start, end, m.start, m.end())
	}
	i := 0
	for i < len(m.all) && m.all[i].Last < m.start {
		i++
	}
	for b, err := range l.Batches(context.Background(), m.start, logstore.LogEnd) {
		if m.fault.Crashed() {
			return
		}
		must(t, err)
		if i >= len(m.all) || !bytes.Equal(b, m.all[i].Bytes) {
			t.Fatalf("batch %d of %d, at offset %d, is not what was written", i, len(m.all), b.BaseOffset())
		}
		if got := l.EpochOf(max(b.BaseOffset(), m.start)); got != b.LeaderEpoch() {
			t.Fatalf("offset %d is of epoch %d, want %d", b.BaseOffset(), got, b.LeaderEpoch())
		}
		i++
	}
	if i != len(m.all) {
		t.Fatalf("%d batches, want %d", i, len(m.all))
	}
	if m.moved || m.failing != nil || l.Offset(logstore.HighWatermark) < m.end() {
		return
	}
	g := segmentImage{want: naive.Segment{Base: m.start, End: m.end()}, txns: naive.Follow(m.all, unpackNaive)}
	g.checkTransactions(t, l)
}
