package logstore

import (
	"cmp"
	"slices"
)

// OpenTransaction is a transaction that no marker has ended yet. One whose
// producer and coordinator have both forgotten it holds the last stable offset
// down until somebody aborts it (KAFKA-14402).
type OpenTransaction struct {
	ProducerID    int64
	ProducerEpoch int16
	First         int64 // offset of its first record
	// AgeMs is how long ago, by the log's clock, it began here. Of one that was
	// found by an open it is the age of its first batch by the batch's timestamp.
	AgeMs int64
}

// OpenTransactions are the log's open transactions, oldest first: by offset.
func (l *Log) OpenTransactions() []OpenTransaction {
	nowMs := l.store.nowMs()
	l.mu.Lock()
	defer l.mu.Unlock()
	var open []OpenTransaction
	if l.producers == nil { // opened at rest, when nothing was open
		return nil
	}
	for _, t := range l.producers.txns.allOpen() {
		o := OpenTransaction{ProducerID: t.producerID, First: t.first, AgeMs: max(nowMs-t.beganMs, 0)}
		if p := l.producers.byID[t.producerID]; p != nil {
			o.ProducerEpoch = p.epoch
		}
		open = append(open, o)
	}
	return open
}

// ProducerState is what a log remembers of a producer.
type ProducerState struct {
	ID               int64
	Epoch            int16
	LastSequence     int32 // -1 none
	LastOffset       int64 // of the batch with LastSequence, -1 none
	LastTimestampMs  int64 // of its last batch or marker
	CoordinatorEpoch int32 // of its last marker, -1 none
	TransactionFirst int64 // where its open transaction begins, -1 none
}

// Producers are the producers that the log remembers, by id. Of a log that
// nobody has written to since it was opened they are read from its files.
func (l *Log) Producers() ([]ProducerState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.loadState(); err != nil {
		return nil, l.wrap("load producers", err)
	}
	all := make([]ProducerState, 0, len(l.producers.byID))
	for id, p := range l.producers.byID {
		s := ProducerState{id, p.epoch, -1, -1, p.timestampMs, p.coordinatorEpoch, p.txnFirst}
		if last := p.last(); last != nil {
			s.LastSequence, s.LastOffset = last.lastSequence, last.lastOffset
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b ProducerState) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}
