package logstore

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"moldau/logstore/record"
)

// compactionBackOffMax is how often the time that a log rests after a failure
// doubles while the compaction fails again and again.
const compactionBackOffMax = 6

// Compact compacts the logs that are due at now, the dirtiest first, and returns
// how many it has. The store's workers do so by themselves; with Options.Manual
// nobody else does. What is compacted must lie below a recovery point: see
// [Store.Checkpoint].
func (s *Store) Compact(now time.Time) int {
	if s.opt.ReadOnly {
		return 0
	}
	return newCompactor(s).compactDue(func() int64 { return now.UnixMilli() })
}

// keepCompacting runs until the store closes. Nothing else waits for it.
func (s *Store) keepCompacting() {
	defer s.workers.Done()
	c := newCompactor(s)
	interval := time.Duration(s.opt.CompactionIntervalMs) * time.Millisecond
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-timer.C:
		}
		c.compactDue(s.nowMs)
		timer.Reset(interval)
	}
}

// compactDue compacts the logs that are due, the dirtiest first. How dirty they are
// is looked at once, and not again after each: there may be thousands. What becomes
// due meanwhile is for the next time.
func (c *compactor) compactDue(nowMs func() int64) (compacted int) {
	for _, d := range c.store.dirtiest(nowMs()) {
		l, now := d.log, nowMs()
		select {
		case <-c.store.closing:
			return compacted
		default:
		}
		if again, ok := l.compactionDue(now); !ok || !again.due { // another worker was here
			continue
		}
		stop, ok := l.beginCompaction()
		if !ok {
			continue
		}
		done, err := c.compactLog(l, now, stop)
		l.endCompaction()
		if err == nil && done.Rounds > 0 {
			compacted++
		}
	}
	return compacted
}

// compactLog runs a compaction and tells of it.
func (c *compactor) compactLog(l *Log, nowMs int64, stop <-chan struct{}) (LogCompacted, error) {
	s := c.store
	began := s.opt.Clock.Now()
	done, err := c.run(l, nowMs, stop)
	done.Took = s.opt.Clock.Now().Sub(began)
	l.mu.Lock()
	k := &l.compaction
	switch {
	case err == nil:
		k.failures, k.retryMs = 0, 0
	case isGivenUp(err):
	default:
		k.failures++
		k.retryMs = later(nowMs, int64(retryMs)<<min(k.failures-1, compactionBackOffMax))
	}
	failures, again := k.failures, k.retryMs
	k.failing.Store(failures > 0)
	l.mu.Unlock()
	switch {
	case err == nil && done.Rounds > 0:
		s.compactions.last.Store(&done)
		s.emit(done)
	case err != nil && !isGivenUp(err):
		s.emit(CompactionFailed{l.tp, err, failures, again - nowMs})
	}
	return done, err
}

// isGivenUp tells that a compaction ended because somebody else changes the log.
func isGivenUp(err error) bool {
	return errors.Is(err, errStopped) || errors.Is(err, errRetired) || errors.Is(err, ErrClosed)
}

// compactions is what a store's workers have in common.
type compactions struct {
	lookedMs atomic.Int64
	ratio    atomic.Uint64 // of the dirtiest log then, as bits
	delayMs  atomic.Int64  // by how much the log that waits longest is overdue
	last     atomic.Pointer[LogCompacted]
}

// dirtiest is the logs to be compacted, the dirtiest first. Of two that are as dirty
// the first is that by name.
func (s *Store) dirtiest(nowMs int64) []dueLog {
	var due []dueLog
	ratio, delay := 0.0, int64(0)
	for _, l := range s.Logs() {
		d, ok := l.compactionDue(nowMs)
		if !ok {
			continue
		}
		ratio, delay = max(ratio, d.ratio), max(delay, d.delayMs)
		if d.due {
			due = append(due, d)
		}
	}
	s.compactions.lookedMs.Store(nowMs)
	s.compactions.ratio.Store(math.Float64bits(ratio))
	s.compactions.delayMs.Store(delay)
	slices.SortStableFunc(due, func(a, b dueLog) int { return cmp.Compare(b.ratio, a.ratio) })
	return due
}

// dueLog is a log that compaction looks at.
type dueLog struct {
	log     *Log
	ratio   float64
	delayMs int64 // it is overdue by max.compaction.lag.ms
	due     bool
}

// compactionDue tells how dirty a log is, and whether it is to be compacted.
func (l *Log) compactionDue(nowMs int64) (d dueLog, ok bool) {
	c := l.config.Load()
	if !c.Compact || l.writable() != nil {
		return d, false
	}
	l.mu.Lock()
	p := l.planCompaction(c, nowMs)
	resting := nowMs < l.compaction.retryMs
	l.mu.Unlock()
	d = dueLog{log: l, ratio: p.ratio()}
	if c.MaxCompactionLagMs < math.MaxInt64 {
		if first := l.firstTimestamp(&p); first >= 0 {
			d.delayMs = max(nowMs-later(first, c.MaxCompactionLagMs), 0)
		}
	}
	d.due = !resting && p.dirty > 0 && (d.ratio > c.MinCleanableDirtyRatio || d.delayMs > 0)
	return d, true
}

// firstTimestamp is that of the oldest of the first batches of what is dirty, -1
// for none.
func (l *Log) firstTimestamp(p *compactPlan) int64 {
	oldest := int64(-1)
	for _, in := range p.inputs {
		if in.end <= p.tried || in.size() == 0 {
			continue
		}
		if first := in.firstMs.Load() - 1; first >= 0 {
			if first > 0 && (oldest < 0 || first < oldest) {
				oldest = first
			}
			continue
		}
		if !in.pin() {
			continue
		}
		var header [record.HeaderBytes]byte
		if in.load() == nil {
			b, err := record.ReadHeader(in.data, 0, in.size(), &header)
			if err == nil {
				in.firstMs.Store(max(b.MaxTimestamp(), 0) + 1)
			}
			if err == nil && b.MaxTimestamp() > 0 && (oldest < 0 || b.MaxTimestamp() < oldest) {
				oldest = b.MaxTimestamp()
			}
		}
		in.unpin()
	}
	return oldest
}
