package logstore

import (
	"math"
	"time"
)

// CompactionStatus tells how compactions of a store get on.
type CompactionStatus struct {
	// SinceLooked is how long ago somebody looked for what is due, and DirtiestRatio
	// how dirty the dirtiest log was then: the share of bytes not compacted yet. Both
	// are 0 before.
	SinceLooked   time.Duration
	DirtiestRatio float64
	// Overdue is by how much the log that has waited longest exceeded
	// MaxCompactionLagMs then.
	Overdue time.Duration
	// Failing logs rest after a compaction that failed. FailingBytes is what of them
	// is dirty.
	Failing      int
	FailingBytes int64
	// Last is the last compaction that did anything, nil before the first.
	Last *LogCompacted
}

// Compaction tells how compactions get on. It takes the locks of the logs whose
// compaction fails, for a moment.
func (s *Store) Compaction() CompactionStatus {
	c := &s.compactions
	st := CompactionStatus{
		DirtiestRatio: math.Float64frombits(c.ratio.Load()),
		Overdue:       time.Duration(c.delayMs.Load()) * time.Millisecond,
		Last:          c.last.Load(),
	}
	if at := c.lookedMs.Load(); at > 0 {
		st.SinceLooked = time.Duration(max(s.nowMs()-at, 0)) * time.Millisecond
	}
	for _, l := range s.Logs() {
		if !l.compaction.failing.Load() {
			continue
		}
		l.mu.Lock()
		p := l.planCompaction(l.config.Load(), s.nowMs())
		l.mu.Unlock()
		st.Failing++
		st.FailingBytes += p.dirty
	}
	return st
}

// CompactionState is how far a log was compacted.
type CompactionState struct {
	FirstDirty   int64 // offset: nothing from here on was compacted. After a start some below may not be either: what could not be read, and all behind it
	Upto         int64 // offset: it could be, up to here
	Dirty, Clean int64 // bytes of segments between the two, and below
}

// Compaction tells how far the log was compacted.
func (l *Log) Compaction() CompactionState {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.planCompaction(l.config.Load(), l.store.nowMs())
	return CompactionState{p.tried, max(p.limit, p.tried), p.dirty, p.clean}
}
