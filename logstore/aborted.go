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
// reader of committed records has to leave out.
func (l *Log) AbortedTransactions(dst []AbortedTransaction, from, upto int64) ([]AbortedTransaction, error) {
	if from >= upto {
		return dst, nil
	}
	var found []index.AbortedTxn
	v, i, err := l.pinAt(max(from, l.start.Load()))
	for err == nil {
		s := v.segments[i]
		var complete bool
		if err = s.load(); err == nil {
			found, complete, err = s.txns.Collect(found[:0], from, upto)
		}
		s.unpin()
		for _, t := range found {
			dst = append(dst, AbortedTransaction{t.ProducerID, t.FirstOffset, t.LastOffset})
		}
		if i++; err != nil || complete || i == len(v.segments) {
			break
		}
		if v.segments[i].pin() {
			continue
		}
		// Retired or truncated since, and what was read with it.
		if v, i, err = l.pinAt(max(v.segments[i].base, l.start.Load())); err == nil && v.segments[i].base <= s.base {
			v.segments[i].unpin()
			break
		}
	}
	return dst, l.wrap("look up aborted transactions", err)
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
