package logstore

import (
	"math"

	"moldau/logstore/record"
)

// leftBehind is the first batch that a compaction leaves as it is and should not
// have: its records cannot be read, or there is no room for what would be left of
// it. Records may be in it that a tombstone behind it hides, and its own keys may
// be in no map. So, in all rounds of the run, tombstones behind it stay, and the log
// counts as compacted up to it only: the next run maps all keys from there on, and
// finds what may go if the batch can be read then, after a start with another limit
// for one. Kept tombstones alone would not do: who follows a leader, or comes from
// Kafka, has some with a horizon that says nothing of what could be read here.
//
// So that such a batch does not have the log compacted for ever, it is not due by
// what was tried already (compaction.tried). That is in memory: a start tries again.
type leftBehind struct {
	from int64 // offset of that batch, math.MaxInt64 for none
}

func newLeftBehind() leftBehind { return leftBehind{math.MaxInt64} }

// note notes a batch that is left.
func (lb *leftBehind) note(b record.Batch) { lb.from = min(lb.from, b.BaseOffset()) }

// before tells that there is one, at or before b.
func (lb *leftBehind) before(b record.Batch) bool { return lb.from <= b.BaseOffset() }

// noteCompacted notes how far a log was compacted, and from where on not all was.
func (l *Log) noteCompacted(upto, left int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.compaction.tried = upto
	l.standing.cleaned = min(upto, left)
	l.standing.holesBelow = max(l.standing.holesBelow, upto)
	return l.note()
}
