package storage_test

import (
	"errors"
	"math"
	"testing"

	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/fuzz/target"
	"moldau/logstore"
	"moldau/logstore/record"
)

// FuzzProducers sends batches of idempotent producers, right ones, resent ones and
// wrong ones, and markers, to a log that is restarted now and then, and holds each
// verdict to a naive model:
//
//   - A batch that follows on is appended. One of the last five of its producer's
//     epoch is a duplicate, at its offsets, also after a clean restart. Any other is
//     ErrSequence.
//   - A batch of an older epoch is ErrProducerEpoch; a new epoch begins at 0.
//   - Within a transaction a batch that is not of it is ErrTransactionState.
//   - A marker of an older epoch or coordinator is refused.
//   - What is refused changes nothing.
func FuzzProducers(f *testing.F) { producers.Fuzz(f) }

var producers = target.New("FuzzProducers", programs(
	// Six batches, the fifth from the end once more, a restart, and again.
	[]byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 4, 0, 0, 0, 0, 12, 0, 0, 0, 8, 4, 0, 0, 0, 0, 8, 5, 0},
	// Two producers' transactions, a wrong batch within, markers, a kill.
	[]byte{1, 0, 0, 10, 2, 1, 0, 10, 1, 0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 11, 1, 0, 0, 0, 2, 0, 0, 13, 2, 0, 0, 11, 2, 1, 1, 1, 1, 2, 0, 10},
	// Segments roll, an epoch begins, an old one comes late.
	[]byte{0, 2, 4, 0, 0, 1, 4, 0, 0, 0, 4, 6, 2, 0, 0, 0, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 12, 0, 0, 4, 6, 2, 0},
	// Near the end of the sequences.
	[]byte{1, 0, 0, 7, 1, 1, 2, 0, 0, 1, 1, 0, 0, 1, 0, 0, 8, 2, 0, 1, 0, 0, 4, 3, 0},
), func(t testing.TB, _, program []byte) target.Class {
	p := mutate.NewProgram(program[:min(len(program), 200)])
	// Segments roll by time: after a restart a segment's worth of bytes is looked
	// through for what a producer has sent, which is to be all of it.
	m := &produced{world: newWorld(t, p, func(c *logstore.Config) { c.SegmentBytes, c.SegmentMs = 1<<14, 1000 }), all: map[int64]*sender{}}
	m.begin()
	defer func() { _ = m.store.Close() }()
	for steps := 0; p.More() && steps < 40; steps++ {
		m.step()
	}
	m.check()
	m.reopen()
	m.check()
	if len(m.all) == 0 {
		return target.Early
	}
	return target.Accepted
})

// sent is a batch that was appended.
type sent struct {
	epoch       int16
	first, last int32 // sequences
	at          logstore.Appended
}

// sender is what the model knows of a producer: all it ever sent.
type sender struct {
	epoch       int16
	coordinator int32
	sent        []sent // of the epoch
	txnFirst    int64  // -1 none
}

func (s *sender) next() int32 {
	if n := len(s.sent); n > 0 {
		return int32((int64(s.sent[n-1].last) + 1) & math.MaxInt32)
	}
	return 0
}

type produced struct {
	*world
	all map[int64]*sender
	end int64
}

func (m *produced) step() {
	p := m.p
	id := int64(p.Below(3))
	s := m.all[id]
	epoch, next := int16(0), int32(0)
	if s != nil {
		epoch, next = s.epoch, s.next()
	}
	n := 1 + p.Below(3)
	if p.One(5) {
		m.clock.Add(2000)
	}
	switch p.Byte() % 14 {
	case 0, 1, 2, 3:
		m.send(id, epoch, next, n, s != nil && s.txnFirst >= 0)
	case 4, 5: // off by some
		m.send(id, epoch, next+int32(p.Below(5))-2, n, p.One(2))
	case 6: // of another epoch
		m.send(id, epoch+int16(p.Below(3))-1, int32(p.Below(2)), n, false)
	case 7: // near the end of the sequences
		m.send(id, epoch, math.MaxInt32-int32(p.Below(3)), n, false)
	case 8: // once more
		if s != nil && len(s.sent) > 0 {
			b := s.sent[max(len(s.sent)-1-p.Below(7), 0)]
			m.send(id, b.epoch, b.first, int((int64(b.last)-int64(b.first))&math.MaxInt32)+1, p.One(2))
		}
	case 9: // one of them with another length
		if s != nil && len(s.sent) > 0 {
			b := s.sent[max(len(s.sent)-1-p.Below(5), 0)]
			m.send(id, b.epoch, b.first, n, false)
		}
	case 10:
		m.send(id, epoch, next, n, true)
	case 11:
		m.mark(id, epoch+int16(p.Below(3))-1, int32(p.Below(3)), p.One(2), int16(1+p.Below(2)))
	case 12:
		m.reopen()
		m.check()
	default:
		must(m.t, m.store.Checkpoint())
		killed := m.store
		m.mem = m.mem.Clone()
		_ = killed.Close()
		m.open()
		m.check()
	}
}

// send sends a batch and holds the answer to the model's.
func (m *produced) send(id int64, epoch int16, first int32, n int, transactional bool) {
	if epoch < 0 || first < 0 {
		return // refused before anybody looks at the producer
	}
	b := record.NewBuilder(record.BuilderOptions{Producer: &record.Producer{ID: id, Epoch: epoch, BaseSequence: first}, Transactional: transactional})
	for range n {
		b.Append(m.clock.ms(), nil, []byte("v"))
	}
	batch, err := b.Finish()
	must(m.t, err)
	last := batch.LastSequence()
	a, err := m.log.AppendLeader(batch, 0)
	s := m.all[id]
	want, seen := s.judge(epoch, first, last, transactional)
	switch {
	case want != nil:
		if !errors.Is(err, want) {
			m.t.Fatalf("producer %d, epoch %d, %d to %d: %v, want %v; model %+v", id, epoch, first, last, err, want, s)
		}
		return
	case err != nil:
		m.t.Fatalf("producer %d, epoch %d, %d to %d: %v; model %+v", id, epoch, first, last, err, s)
	case seen != nil:
		if !a.Duplicate || a.First != seen.First || a.Last != seen.Last {
			m.t.Fatalf("producer %d, epoch %d, %d to %d: %+v, want a duplicate of %+v", id, epoch, first, last, a, seen)
		}
		return
	case a.Duplicate || a.First != m.end:
		m.t.Fatalf("producer %d, epoch %d, %d to %d: %+v, want it at %d", id, epoch, first, last, a, m.end)
	}
	if s == nil {
		s = &sender{coordinator: -1, txnFirst: -1}
		m.all[id] = s
	}
	if s.epoch != epoch {
		s.epoch, s.sent = epoch, nil
	}
	if transactional && s.txnFirst < 0 {
		s.txnFirst = a.First
	}
	s.sent = append(s.sent, sent{epoch, first, last, a})
	m.end = a.Last + 1
}

// judge says what becomes of a batch: an error, where it was seen, or neither.
func (s *sender) judge(epoch int16, first, last int32, transactional bool) (error, *logstore.Appended) {
	if s == nil {
		return nil, nil // one that is not known may begin anywhere
	}
	switch {
	case epoch < s.epoch:
		return logstore.ErrProducerEpoch, nil
	case epoch > s.epoch && first != 0:
		return logstore.ErrSequence, nil
	case epoch == s.epoch:
		for i := max(len(s.sent)-5, 0); i < len(s.sent); i++ {
			if s.sent[i].first == first && s.sent[i].last == last {
				return nil, &s.sent[i].at
			}
		}
		if first != s.next() {
			return logstore.ErrSequence, nil
		}
	}
	if s.txnFirst >= 0 && !transactional {
		return logstore.ErrTransactionState, nil
	}
	return nil, nil
}

func (m *produced) mark(id int64, epoch int16, coordinator int32, commit bool, version int16) {
	if epoch < 0 {
		return
	}
	a, err := m.log.AppendMarker(logstore.Marker{ProducerID: id, ProducerEpoch: epoch, CoordinatorEpoch: coordinator, Commit: commit, TransactionVersion: version}, 0)
	s := m.all[id]
	var want error
	switch {
	case s == nil:
	case epoch < s.epoch, version == 2 && epoch == s.epoch && s.txnFirst >= 0:
		want = logstore.ErrProducerEpoch
	case coordinator < s.coordinator:
		want = logstore.ErrCoordinatorEpoch
	}
	if want != nil || err != nil {
		if want == nil || !errors.Is(err, want) {
			m.t.Fatalf("marker of %d, epoch %d, coordinator %d, version %d: %v, want %v; model %+v", id, epoch, coordinator, version, err, want, s)
		}
		return
	}
	if a.First != m.end {
		m.t.Fatalf("marker is at %d, want %d", a.First, m.end)
	}
	if s == nil {
		s = &sender{}
		m.all[id] = s
	}
	if s.epoch != epoch {
		s.epoch, s.sent = epoch, nil
	}
	s.coordinator, s.txnFirst = coordinator, -1
	m.end = a.Last + 1
}

// check compares what the log tells of its producers.
func (m *produced) check() {
	found, err := m.log.Producers()
	must(m.t, err)
	if len(found) != len(m.all) {
		m.t.Fatalf("%d producers, want %d", len(found), len(m.all))
	}
	for _, p := range found {
		s := m.all[p.ID]
		want := naive.Producer{ID: p.ID, Epoch: s.epoch, LastSequence: -1, LastOffset: -1, CoordinatorEpoch: s.coordinator, TxnFirst: s.txnFirst}
		if n := len(s.sent); n > 0 {
			want.LastSequence, want.LastOffset = s.sent[n-1].last, s.sent[n-1].at.Last
		}
		got := naive.Producer{ID: p.ID, Epoch: p.Epoch, LastSequence: p.LastSequence, LastOffset: p.LastOffset, CoordinatorEpoch: p.CoordinatorEpoch, TxnFirst: p.TransactionFirst}
		if got != want {
			m.t.Fatalf("producer is %+v, want %+v", got, want)
		}
	}
}
