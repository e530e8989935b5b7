package storage_test

import (
	"slices"
	"testing"

	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/fuzz/target"
	"moldau/logstore"
	"moldau/logstore/record"
)

// FuzzEpochs appends under leader epochs, truncates, advances the start and restarts,
// and holds what the log says of its epochs to a naive list: which epoch an offset is
// of, where an epoch ended, and which is the latest. An epoch that is left without a
// record still fences older leaders; one whose records are truncated does not.
func FuzzEpochs(f *testing.F) { epochs.Fuzz(f) }

var epochs = target.New("FuzzEpochs", programs(
	[]byte{0, 1, 2, 0, 3, 1, 0, 0, 1, 5, 3, 7, 0, 1, 1},
	[]byte{0, 0, 1, 1, 2, 2, 0, 1, 0, 6, 4, 7, 8, 0, 2, 0, 5, 0},
	[]byte{0, 9, 3, 2, 4, 1, 6, 9, 5, 2, 8, 7, 0, 1, 1},
), func(t testing.TB, _, program []byte) target.Class {
	p := mutate.NewProgram(program[:min(len(program), 120)])
	segmentBytes := int64(150 + 200*p.Below(4))
	m := &led{world: newWorld(t, p, func(c *logstore.Config) { c.SegmentBytes = segmentBytes })}
	m.begin()
	defer func() { _ = m.store.Close() }()
	for steps := 0; p.More() && steps < 40; steps++ {
		m.step()
		m.check()
	}
	m.reopen()
	m.check()
	if len(m.all) == 0 {
		return target.Early
	}
	return target.Accepted
})

// led is a log and the list of its epochs.
type led struct {
	*world
	all        []naive.Epoch
	batches    []naive.Epoch // of each batch, where it begins
	start, end int64
	entered    bool // where the first epoch begins is in a checkpoint
}

func (m *led) latest() int32 {
	if n := len(m.all); n > 0 {
		return m.all[n-1].Epoch
	}
	return -1
}

func (m *led) step() {
	p := m.p
	switch p.Byte() % 10 {
	case 0, 1, 2, 3:
		m.append(max(m.latest(), 0)+int32(p.Below(4)), 1+p.Below(3), int64(p.Below(3)))
	case 4: // of an old leader
		if m.latest() > 0 {
			b := m.batch(m.latest()-1, 1, 0)
			if _, err := m.log.AppendLeader(b, m.latest()-1); err == nil {
				m.t.Fatalf("epoch %d appends, the latest is %d", m.latest()-1, m.latest())
			}
		}
	case 5:
		m.truncate(m.start + int64(p.Below(int(m.end-m.start)+1)))
	case 6:
		m.advance(m.start + int64(p.Below(int(m.end-m.start)+1)))
	case 7:
		m.reopen()
		m.entered = true
	case 8:
		m.store.Housekeep(m.clock.Now())
		must(m.t, m.store.Checkpoint())
		m.entered = true
	default: // the process dies
		m.kill()
	}
}

// kill ends the process. What is read then may tell of one epoch more: that of
// records below the start, of which the last above it was truncated. And where a gap
// lies at the start, the first epoch may begin behind it, or be that of what is there.
func (m *led) kill() {
	must(m.t, m.log.Flush())
	m.mem = m.mem.Clone()
	_ = m.store.Close()
	m.open()
	var scanned []naive.Epoch
	for _, b := range m.batches {
		scanned = naive.Assign(scanned, b.Epoch, b.Start)
	}
	below := int32(-1)
	for _, e := range scanned {
		if e.Start < m.start {
			below = e.Epoch
		}
	}
	if below >= 0 && m.log.EpochOf(m.start) == below && (len(m.all) == 0 || m.all[0].Start > m.start) {
		m.all = append([]naive.Epoch{{Epoch: below, Start: m.start}}, m.all...)
	}
	if !m.entered && len(m.all) > 0 && m.all[0].Start == m.start && m.log.EpochOf(m.start) < 0 {
		for b, err := range m.log.Batches(m.t.Context(), m.start, logstore.LogEnd) {
			must(m.t, err)
			if m.all[0].Start = b.BaseOffset(); m.all[0].Epoch != b.LeaderEpoch() {
				m.all = m.all[1:]
			}
			break
		}
	}
}

func (m *led) batch(epoch int32, n int, gap int64) record.Batch {
	b := record.NewBuilder(record.BuilderOptions{BaseOffset: m.end + gap, LeaderEpoch: epoch})
	for range n {
		b.Append(m.clock.ms(), nil, []byte("value"))
	}
	batch, err := b.Finish()
	must(m.t, err)
	return batch
}

func (m *led) append(epoch int32, n int, gap int64) {
	a, err := m.log.AppendFollower(m.batch(epoch, n, gap))
	must(m.t, err)
	if a.First != m.end+gap {
		m.t.Fatalf("appended at %d, want %d", a.First, m.end+gap)
	}
	m.all = naive.Assign(m.all, epoch, a.First)
	m.batches, m.end = append(m.batches, naive.Epoch{Epoch: epoch, Start: a.First}), a.Last+1
}

// truncate drops the batches at and above an offset, and their epochs.
func (m *led) truncate(to int64) {
	if to >= m.end {
		return
	}
	must(m.t, m.log.TruncateTo(to))
	m.end = m.log.Offset(logstore.LogEnd)
	m.start = m.log.StartOffset()
	if m.end > to {
		m.t.Fatalf("truncated to %d the log ends at %d", to, m.end)
	}
	gone := func(e naive.Epoch) bool { return e.Start >= m.end }
	m.all, m.batches = slices.DeleteFunc(m.all, gone), slices.DeleteFunc(m.batches, gone)
}

// advance drops what ended at or before the start; the epoch that it lies in begins
// there.
func (m *led) advance(to int64) {
	if to <= m.start {
		return
	}
	must(m.t, m.log.Flush())
	must(m.t, m.log.AdvanceStart(to))
	m.start, m.entered = to, false
	for len(m.all) > 1 && m.all[1].Start <= to {
		m.all = m.all[1:]
	}
	if len(m.all) > 0 && m.all[0].Start < to {
		m.all[0].Start = to
	}
}

// check asks for every epoch and every offset.
func (m *led) check() {
	l := m.log
	if l.LatestEpoch() != m.latest() {
		m.t.Fatalf("the latest epoch is %d, want %d of %v", l.LatestEpoch(), m.latest(), m.all)
	}
	for epoch := int32(-1); epoch <= m.latest()+1; epoch++ {
		found, end := l.EpochEnd(epoch)
		if wantFound, wantEnd := m.ended(epoch); found != wantFound || end != wantEnd {
			m.t.Fatalf("epoch %d ended as %d at %d, want %d at %d of %v", epoch, found, end, wantFound, wantEnd, m.all)
		}
	}
	for offset := max(m.start-1, 0); offset <= m.end; offset++ {
		want := int32(-1)
		for _, e := range m.all {
			if e.Start <= offset {
				want = e.Epoch
			}
		}
		if got := l.EpochOf(offset); got != want {
			m.t.Fatalf("offset %d is of epoch %d, want %d of %v", offset, got, want, m.all)
		}
	}
}

// ended is the largest epoch at or below the asked one, and where it ended: where the
// next begins, or the log ends.
func (m *led) ended(asked int32) (epoch int32, end int64) {
	if asked < 0 || len(m.all) == 0 || asked > m.latest() {
		return -1, -1
	}
	epoch, end = asked, m.all[0].Start // older than all that is known
	for i, e := range m.all {
		if e.Epoch > asked {
			break
		}
		epoch, end = e.Epoch, m.end
		if i+1 < len(m.all) {
			end = m.all[i+1].Start
		}
	}
	return epoch, end
}
