package logstore_test

import (
	"context"
	"fmt"
	"slices"

	"moldau/logstore"
	"moldau/logstore/record"
)

// event is what a batch means to transactions. The model keeps all of them and
// goes through them from the first to the last whenever it is asked: slow, and
// too simple to be wrong.
type event struct {
	first, last  int64 // offsets
	producer     int64
	epoch        int16
	sequence     int32
	commit, ends bool // of a marker
}

// stateAt is what a log that ends at an offset knows of its transactions.
type stateAt struct {
	open     map[int64]int64 // first offsets by producer
	aborted  []logstore.AbortedTransaction
	epochs   map[int64]int16 // of producers
	next     map[int64]int32 // sequences of producers
	withheld map[int64]bool  // offsets of records that are aborted or open
}

func (hi *history) stateAt(end int64) stateAt {
	s := stateAt{open: map[int64]int64{}, epochs: map[int64]int16{}, next: map[int64]int32{}, withheld: map[int64]bool{}}
	written := map[int64][]int64{} // offsets of the open transaction's records
	for _, e := range hi.events {
		if e.last >= end {
			break
		}
		if s.epochs[e.producer] != e.epoch {
			s.next[e.producer] = 0
		}
		s.epochs[e.producer] = e.epoch
		first, isOpen := s.open[e.producer]
		switch {
		case !e.ends:
			if !isOpen {
				s.open[e.producer] = e.first
			}
			for o := e.first; o <= e.last; o++ {
				s.withheld[o] = true
				written[e.producer] = append(written[e.producer], o)
			}
			s.next[e.producer] = e.sequence + int32(e.last-e.first) + 1
			continue
		case isOpen && e.commit:
			for _, o := range written[e.producer] {
				delete(s.withheld, o)
			}
		case isOpen:
			s.aborted = append(s.aborted, logstore.AbortedTransaction{ProducerID: e.producer, First: first, Last: e.first})
		}
		delete(s.open, e.producer)
		delete(written, e.producer)
	}
	return s
}

// checkTransactions compares a log whose high watermark is its end with the
// model.
func (hi *history) checkTransactions(l *logstore.Log, start, end int64) error {
	producers, err := l.Producers()
	if err != nil {
		return err
	}
	if hi.forgets && start == end && len(producers) == 0 {
		return nil
	}
	l.Segments() // takes the writer's lock, under which all bounds are moved
	s := hi.stateAt(end)
	stable := end
	for _, first := range s.open {
		stable = min(stable, max(first, start))
	}
	if got := l.Offset(logstore.LastStable); got != stable {
		return fmt.Errorf("starts at %d, ends at %d: the last stable offset is %d, want %d; open %v", start, end, got, stable, s.open)
	}
	opens := map[int64]int64{}
	for _, o := range l.OpenTransactions() {
		opens[o.ProducerID] = o.First
	}
	if start == end && len(opens) == 0 {
		return nil // emptied, and begun anew: transactions below the start went with their records
	}
	if fmt.Sprint(opens) != fmt.Sprint(s.open) {
		return fmt.Errorf("starts at %d, ends at %d, may begin anew at %d: open are %v, want %v", start, end, hi.restart, opens, s.open)
	}
	for _, from := range []int64{start, (start + end) / 2} {
		for _, upto := range []int64{end, (start + 3*end) / 4} {
			if err := s.checkAborted(l, from, upto, hi.mayGo); err != nil {
				return err
			}
		}
	}
	there := map[int64]bool{}
	var want, got []string
	for r, err := range l.Records(context.Background(), start, logstore.LastStable) {
		if err != nil {
			return err
		}
		there[r.Offset] = true
		got = append(got, fmt.Sprint(r.Offset, string(r.Value)))
	}
	for o := start; o < stable; o++ {
		if v, ok := hi.values[o]; ok && !s.withheld[o] && (there[o] || !hi.mayGo[o]) {
			want = append(want, fmt.Sprint(o, v))
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("starts at %d, stable to %d: committed are %v, want %v", start, stable, got, want)
	}
	return nil
}

func (s *stateAt) checkAborted(l *logstore.Log, from, upto int64, mayGo map[int64]bool) error {
	if from >= upto {
		return nil
	}
	got, err := l.AbortedTransactions(nil, from, upto)
	if err != nil {
		return err
	}
	var want []logstore.AbortedTransaction
	for _, a := range s.aborted {
		if a.Last >= from && a.First < upto && (slices.Contains(got, a) || !mayGo[a.First]) {
			want = append(want, a)
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("aborted within %d to %d: %v, want %v", from, upto, got, want)
	}
	return nil
}

// transact appends n records of a producer's transaction, to the leader's or the
// follower's log, and waits until they are acknowledged.
func (w *workload) transact(tp logstore.TopicPartition, id int64, n int) error {
	hi := w.histories[tp]
	s := hi.stateAt(hi.end)
	e := event{first: hi.end, last: hi.end + int64(n) - 1, producer: id, epoch: s.epochs[id], sequence: s.next[id]}
	o := record.BuilderOptions{Producer: &record.Producer{ID: id, Epoch: e.epoch, BaseSequence: e.sequence}, Transactional: true}
	batch, values := w.batch(o, n)
	return w.appendEvent(tp, e, batch, values)
}

// endTransaction appends a marker, of version 2 if bump says so.
func (w *workload) endTransaction(tp logstore.TopicPartition, id int64, commit, bump bool) error {
	hi := w.histories[tp]
	e := event{first: hi.end, last: hi.end, producer: id, epoch: hi.stateAt(hi.end).epochs[id], commit: commit, ends: true}
	if bump {
		e.epoch++
	}
	return w.appendEvent(tp, e, nil, nil)
}

func (w *workload) appendEvent(tp logstore.TopicPartition, e event, batch record.Batch, values []string) error {
	l, err := w.store.Log(tp)
	if err != nil {
		return err
	}
	hi := w.histories[tp]
	epoch := max(l.LatestEpoch(), 0)
	w.note(func() {
		hi.events = append(hi.events, e)
		hi.trying(e.first, epoch, values...)
		hi.end = e.last + 1
		hi.bases[e.first] = e.first
		delete(hi.mayGo, e.first)
		w.noteKeys(hi, e.first, len(values))
	})
	var a logstore.Appended
	switch {
	case tp == led && e.ends:
		a, err = l.AppendMarker(logstore.Marker{ProducerID: e.producer, ProducerEpoch: e.epoch, Commit: e.commit}, epoch)
	case tp == led:
		a, err = l.AppendLeader(batch, epoch)
	default:
		if e.ends {
			batch = markerOf(w.t, e.producer, e.epoch, 0, e.commit, w.clock.ms())
		}
		batch.SetBaseOffset(e.first)
		batch.SetLeaderEpoch(epoch)
		a, err = l.AppendFollower(batch)
	}
	if err != nil {
		return err
	}
	if a.First != e.first || a.Last != e.last {
		return fmt.Errorf("%w: appended at %d to %d, want %d to %d", errWrong, a.First, a.Last, e.first, e.last)
	}
	w.note(func() { hi.written = hi.end })
	if err := l.Wait(w.t.Context(), logstore.HighWatermark, hi.end); err != nil {
		return err
	}
	if l.Config().Durability == logstore.Synced {
		w.note(func() { hi.acked = hi.end })
	}
	return w.same(tp, hi)
}
