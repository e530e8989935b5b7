package logstore

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// AdvanceStart raises the start offset, as Kafka's DeleteRecords does. It is
// durable when it returns; the segments below go in the background.
// ErrOffsetRange tells that offset is past the high watermark. Lowering it is
// not possible and no error.
func (l *Log) AdvanceStart(offset int64) error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if err := l.writable(); err != nil {
		return l.wrap("advance start", err)
	}
	if high := l.Offset(HighWatermark); offset > high {
		return l.wrap("advance start", fmt.Errorf("%w: %d, the high watermark is %d", ErrOffsetRange, offset, high))
	}
	if offset <= l.start.Load() {
		return nil
	}
	if err := l.noteStart(offset); err != nil {
		return l.wrap("advance start", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raiseStart(offset)
	l.askRetention(l.store.nowMs())
	return nil
}

// noteStart makes a start offset durable before anybody sees it. The log is dirty
// from then on: which epochs it has is not in a note.
func (l *Log) noteStart(offset int64) error {
	l.mu.Lock()
	before := l.standing
	l.standing.start, l.standing.dirty = offset, true
	err := l.note()
	if err != nil {
		l.standing = before
	}
	lsn := l.standing.lsn
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return l.store.syncManifest(lsn)
}

// raiseStart moves the start offset; the caller holds l.mu.
func (l *Log) raiseStart(offset int64) {
	l.start.Store(max(offset, l.start.Load()))
	l.epochs.truncateHead(l.start.Load())
	l.settle()
	l.dirty = true
}

// retire applies start offset, size and time, in this order, and returns when
// to look again (ms, never for math.MaxInt64).
func (l *Log) retire(nowMs int64) (nextMs int64, err error) {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if l.writable() != nil {
		return math.MaxInt64, nil
	}
	c := l.Config()
	start := l.start.Load()
	// Sealed first: the snapshot at a segment's end is all that remembers the
	// producers in it once it is gone. Where that fails, for want of space above
	// all, what is sealed goes all the same.
	sealErr := l.sealRolled()
	next, err := l.retireDue(c, start, nowMs)
	return next, errors.Join(err, sealErr)
}

func (l *Log) retireDue(c Config, start, nowMs int64) (nextMs int64, err error) {
	if err := l.retireWhile("start offset", func(s *segment, end, _ int64) bool { return end <= start }); err != nil {
		return 0, err
	}
	if !c.Delete {
		return math.MaxInt64, nil
	}
	if c.RetentionBytes >= 0 {
		err := l.retireWhile("retention.bytes", func(s *segment, _, total int64) bool {
			return total-s.size() >= c.RetentionBytes
		})
		if err != nil {
			return 0, err
		}
	}
	if c.RetentionMs < 0 {
		return math.MaxInt64, nil
	}
	err = l.retireWhile("retention.ms", func(s *segment, _, _ int64) bool {
		return nowMs-l.newest(s) > c.RetentionMs
	})
	if err != nil {
		return 0, err
	}
	return l.nextExpiry(c.RetentionMs), nil
}

// newest is the time of a segment's newest record; without one that has a
// timestamp, of its file's last change.
func (l *Log) newest(s *segment) int64 {
	if ts := s.timestampMax.Load(); ts >= 0 {
		return ts
	}
	info, err := l.store.fs.Stat(s.path(logSuffix))
	if err != nil || info.ModTime().IsZero() {
		return s.tail.createdMs
	}
	return info.ModTime().UnixMilli()
}

// nextExpiry is when the oldest segment expires. Its newest record may come
// yet; looking too early costs little.
func (l *Log) nextExpiry(retentionMs int64) int64 {
	s := l.view.Load().segments[0]
	if s.size() == 0 && !s.tail.sealed {
		return math.MaxInt64
	}
	newest := l.newest(s)
	return later(newest, later(retentionMs, 1))
}

// retireWhile drops segments from the oldest on, as long as they are sealed,
// lie below the high watermark, and due says so of the segment, its end and the
// bytes of all that are left. The active one is rolled, and sealed, before it
// goes.
func (l *Log) retireWhile(reason string, due func(s *segment, end, total int64) bool) error {
	l.mu.Lock()
	gone, bytes := l.dueSegments(due)
	v := l.view.Load()
	var rollErr error
	if n := len(gone); n == len(v.segments) && n > 0 {
		if _, rollErr = l.roll(v.active().endOffset()); rollErr == nil {
			l.mu.Unlock()
			rollErr = l.sealRolled()
			l.mu.Lock()
		}
		if rollErr != nil {
			bytes -= gone[n-1].size()
			gone = gone[:n-1]
		}
	}
	if len(gone) == 0 {
		l.mu.Unlock()
		return rollErr
	}
	v = l.view.Load()
	// The start first: a reader that finds the new view must not take its first
	// segment for the one it asked for.
	l.raiseStart(v.segments[len(gone)].base)
	l.view.Store(&view{slices.Clone(v.segments[len(gone):])})
	start := l.start.Load()
	for _, s := range gone {
		l.retired = append(l.retired, s.base)
	}
	l.mu.Unlock()
	release(gone)
	l.store.emit(SegmentsRetired{l.tp, reason, len(gone), bytes, start})
	l.store.enqueue(task{atMs: math.MinInt64, kind: taskMark, log: l})
	return rollErr
}

// dueSegments collects the segments that are due, and their bytes. The caller
// holds l.mu.
func (l *Log) dueSegments(due func(s *segment, end, total int64) bool) (gone []*segment, bytes int64) {
	segments, high, total := l.view.Load().segments, l.Offset(HighWatermark), l.Bytes()
	for i, s := range segments {
		active := i == len(segments)-1
		end := s.endOffset()
		if !active {
			end = segments[i+1].base
		}
		if end > high || active && s.size() == 0 || !active && !s.tail.sealed || !due(s, end, total-bytes) {
			break
		}
		gone = append(gone, s)
		bytes += s.size()
	}
	return gone, bytes
}

// scheduleDeadlines sees to it that a segment's expiry and, in os mode, its
// flush are on the store's queue. One task of a kind is enough for a log: when
// it is due it looks when to come back. The caller holds l.mu.
func (l *Log) scheduleDeadlines(s *segment) {
	c := l.config.Load()
	if c.Durability == OS && c.FlushMs < math.MaxInt64 && !l.flushDue {
		l.flushDue = true
		l.store.enqueue(task{atMs: l.store.nowMs() + min(c.FlushMs, math.MaxInt32), kind: taskFlush, log: l})
	}
	if l.retention.atMs == math.MaxInt64 && c.Delete && c.RetentionMs >= 0 {
		l.askRetention(later(max(s.timestampMax.Load(), 0), c.RetentionMs))
	}
}

// askRetention has retention looked at by atMs. A log has one deadline. The
// caller holds l.mu.
func (l *Log) askRetention(atMs int64) {
	if atMs < l.retention.atMs {
		l.store.agenda.drop(l.retention)
		l.retention = l.store.enqueue(task{atMs: atMs, kind: taskRetention, log: l})
	}
}

// doRetention is the task of the log's deadline.
func (l *Log) doRetention(t task, nowMs int64) error {
	l.mu.Lock()
	current := l.retention.sequence == t.sequence // or it was moved meanwhile
	if current {
		l.retention = task{atMs: math.MaxInt64}
	}
	l.mu.Unlock()
	if !current {
		return nil
	}
	next, err := l.retire(nowMs)
	if err != nil || next <= nowMs {
		// A segment that is due may have to wait for the high watermark.
		next = later(nowMs, retryMs)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if next < math.MaxInt64 {
		l.askRetention(next)
	}
	return err
}
