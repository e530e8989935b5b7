package logstore

import (
	"errors"
	"sync"
	"sync/atomic"
)

// A compaction leaves of a log's records the newest of each key, at the offsets
// and in the order that they have. It goes in rounds: a round reads what was not
// compacted yet, as far as the key map holds its keys, and then goes through the
// log from its beginning to there, group by group of segments: what stays is
// written to one new segment, which is swapped in for the group.
//
// It holds no lock while it reads and writes: sealed segments do not change. Who
// cuts the log, or takes it away, ends it first; retention does not: a group of
// which a segment was retired is given up.

// compaction is a log's part in it.
type compaction struct {
	// running is held through a compaction, and by whoever lets none run. It is
	// taken before upkeep.
	running sync.Mutex

	// Under Log.mu.
	stop     chan struct{} // closed when the one that runs is to end; nil where none does
	holds    int           // how many wait for running, or hold it, to let none run
	failures int           // in a row
	retryMs  int64         // when it is tried again after them
	tried    int64         // offset up to which it came, whatever it left behind

	failing atomic.Bool // failures are not 0, for who does not want the lock
}

// errStopped ends a compaction for which somebody waits; errRetired one of whose
// segments retention took.
var (
	errStopped = errors.New("compaction was stopped")
	errRetired = errors.New("segments were retired meanwhile")
)

// holdCompaction ends the log's compaction, and lets none begin until release is
// called. The caller holds no lock of the log.
func (l *Log) holdCompaction() (release func()) {
	c := &l.compaction
	l.mu.Lock()
	if c.holds++; c.holds == 1 && c.stop != nil {
		close(c.stop)
	}
	l.mu.Unlock()
	c.running.Lock()
	return func() {
		l.mu.Lock()
		c.holds--
		l.mu.Unlock()
		c.running.Unlock()
	}
}

// beginCompaction lets a compaction run, until endCompaction. It fails where one
// runs, or somebody lets none.
func (l *Log) beginCompaction() (stop <-chan struct{}, ok bool) {
	c := &l.compaction
	if !c.running.TryLock() {
		return nil, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.holds > 0 || l.writable() != nil {
		c.running.Unlock()
		return nil, false
	}
	c.stop = make(chan struct{})
	return c.stop, true
}

func (l *Log) endCompaction() {
	l.mu.Lock()
	l.compaction.stop = nil
	l.mu.Unlock()
	l.compaction.running.Unlock()
}

// compactInput is a sealed segment that may be compacted.
type compactInput struct {
	*segment
	end int64 // offset: where the next segment begins
}

// compactPlan is what of a log could be compacted at some moment.
type compactPlan struct {
	inputs     []compactInput // from the log's beginning to limit
	firstDirty int64          // offset from which on nothing was compacted, or not all
	tried      int64          // offset below which it was tried
	limit      int64          // offset: the end of inputs
	clean      int64          // bytes of segments below tried
	dirty      int64          // bytes of the others
}

// ratio is the share of what is dirty.
func (p *compactPlan) ratio() float64 {
	if p.dirty == 0 {
		return 0
	}
	return float64(p.dirty) / float64(p.clean+p.dirty)
}

// planCompaction collects the segments that may be compacted: they are sealed,
// nothing in them can be lost or taken back any more, and every transaction that
// began in them is decided. The caller holds l.mu.
func (l *Log) planCompaction(c *Config, nowMs int64) compactPlan {
	segments := l.view.Load().segments
	p := compactPlan{firstDirty: l.firstDirty()}
	p.tried = max(p.firstDirty, min(l.compaction.tried, l.Offset(LogEnd)))
	if len(segments) > 0 {
		p.limit = segments[0].base
	}
	limit := min(l.Offset(LastStable), l.standing.recovery)
	for i := 0; i+1 < len(segments); i++ {
		s, end := segments[i], segments[i+1].base
		dirty := end > p.tried
		if !s.tail.sealed || end > limit || dirty && c.MinCompactionLagMs > 0 && l.newest(s) > nowMs-c.MinCompactionLagMs {
			break
		}
		if dirty {
			p.dirty += s.size()
		} else {
			p.clean += s.size()
		}
		p.inputs = append(p.inputs, compactInput{s, end})
		p.limit = end
	}
	return p
}

// firstDirty is the offset from which on the log was not compacted. One that
// another program left beyond the log's end says nothing. The caller holds l.mu.
func (l *Log) firstDirty() int64 {
	if l.standing.cleaned > l.Offset(LogEnd) {
		return l.start.Load()
	}
	return max(l.standing.cleaned, l.start.Load())
}

// pinCompaction is planCompaction, with the segments pinned until release.
func (l *Log) pinCompaction(c *Config, nowMs int64) compactPlan {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.planCompaction(c, nowMs)
	for i, in := range p.inputs {
		if !in.pin() { // it cannot be: its reference is dropped after it left the view
			p.inputs = p.inputs[:i]
			break
		}
	}
	return p
}

func (p *compactPlan) release() {
	for _, in := range p.inputs {
		in.unpin()
	}
}
