package logstore

import (
	"moldau/index"
	"moldau/logstore/record"
)

// AbortedTransaction is a transaction that a marker has aborted: all batches of
// the producer from First to Last are void.
type AbortedTransaction struct {
	ProducerID  int64
	First, Last int64 // offsets of its first record and of the marker
}

// AbortedTransactions appends to dst the aborted transactions that reach into
// the offsets from from up to upto, in the order of their markers. Of a read
// below [LastStable], from its first offset to [Fetch.Upto], they are what a
// reader of committed records has to leave out. Of what the log's start has passed
// nothing is known: who was there before asks [Log.StartOffset] afterwards.
func (l *Log) AbortedTransactions(dst []AbortedTransaction, from, upto int64) ([]AbortedTransaction, error) {
	n, before := len(dst), l.view.Load()
	err := l.eachAborted(from, upto, func(t index.AbortedTxn) {
		dst = append(dst, AbortedTransaction{t.ProducerID, t.FirstOffset, t.LastOffset})
	})
	if l.cutSince(before, err) {
		return l.AbortedTransactions(dst[:n], from, upto)
	}
	return dst, l.wrap("look up aborted transactions", err)
}

// eachAborted calls visit with the entries of the transaction indexes that
// AbortedTransactions is made of.
func (l *Log) eachAborted(from, upto int64, visit func(index.AbortedTxn)) error {
	if from >= upto {
		return nil
	}
	var found []index.AbortedTxn
	last := int64(-1) // marker that was visited
	v, i, err := l.pinAt(max(from, l.start.Load()))
	for err == nil {
		s := v.segments[i]
		var complete bool
		if err = s.load(); err == nil {
			found, complete, err = s.txns.Collect(found[:0], from, upto)
		}
		s.unpin()
		for _, t := range found {
			if t.LastOffset > last { // or a segment that was merged with this one has told it
				visit(t)
				last = t.LastOffset
			}
		}
		if i++; err != nil || complete || i == len(v.segments) {
			break
		}
		next := v.segments[i]
		if next.pin() {
			continue
		}
		// Retired, truncated or compacted since. What was read with it then, or holds
		// the same offsets now.
		if v, i, err = l.pinAt(max(next.base, l.start.Load())); err == nil && v.segments[i].endOffset() <= next.base {
			v.segments[i].unpin()
			break
		}
	}
	return err
}

// isAborted tells that a batch is of one of the transactions.
func isAborted(aborted []AbortedTransaction, b record.Batch) bool {
	if !b.Transactional() {
		return false
	}
	for _, t := range aborted {
		if t.ProducerID == b.ProducerID() && t.First <= b.BaseOffset() && b.BaseOffset() < t.Last {
			return true
		}
	}
	return false
}
