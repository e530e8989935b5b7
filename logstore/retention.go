package logstore

import (
	"errors"
	"fmt"
	"io/fs"
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
	if err := l.store.setStartOffset(l.tp, offset); err != nil {
		return l.wrap("advance start", err)
	}
	l.mu.Lock()
	l.raiseStart(offset)
	l.mu.Unlock()
	l.store.enqueueRetention(l, math.MinInt64)
	return nil
}

// raiseStart moves the start offset; the caller holds l.mu.
func (l *Log) raiseStart(offset int64) {
	l.start.Store(max(offset, l.start.Load()))
	l.epochs.truncateHead(l.start.Load())
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
	// producers in it once it is gone.
	if err := l.sealRolled(); err != nil {
		return 0, err
	}
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
		return s.size() > 0 && nowMs-l.newest(s) > c.RetentionMs
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
	if s.size() == 0 {
		return math.MaxInt64
	}
	newest := l.newest(s)
	if newest > math.MaxInt64-retentionMs-1 {
		return math.MaxInt64
	}
	return newest + retentionMs + 1
}

// retireWhile drops segments from the oldest on, as long as due says so and
// they lie below the high watermark. due gets the segment, its end and the
// bytes of all that are left. The last segment is rolled before it goes.
func (l *Log) retireWhile(reason string, due func(s *segment, end, total int64) bool) error {
	l.mu.Lock()
	v, high, total := l.view.Load(), l.Offset(HighWatermark), l.Bytes()
	n, bytes := 0, int64(0)
	for ; n < len(v.segments); n++ {
		s := v.segments[n]
		last := n == len(v.segments)-1
		end := s.endOffset()
		if !last {
			end = v.segments[n+1].base
		}
		if end > high || last && s.size() == 0 || !due(s, end, total-bytes) {
			break
		}
		bytes += s.size()
	}
	if n == 0 {
		l.mu.Unlock()
		return nil
	}
	gone := slices.Clone(v.segments[:n])
	if n == len(v.segments) {
		_, err := l.roll(v.active().endOffset())
		l.mu.Unlock()
		if err == nil {
			err = l.sealRolled()
		}
		if err != nil {
			return err
		}
		l.mu.Lock()
	}
	v = l.view.Load()
	l.view.Store(&view{slices.Clone(v.segments[n:])})
	l.raiseStart(v.segments[n].base)
	start := l.start.Load()
	l.mu.Unlock()
	release(gone)
	l.store.opt.Events(SegmentsRetired{l.tp, reason, n, bytes, start})
	return l.markDeleted(gone)
}

// markDeleted renames the files of retired segments, oldest first, each
// durably, so that a crash leaves no hole, and has them unlinked later.
func (l *Log) markDeleted(gone []*segment) error {
	for _, s := range gone {
		for _, suffix := range []string{offsetsSuffix, timesSuffix, txnSuffix, snapshotSuffix, logSuffix} {
			err := l.store.fs.Rename(s.path(suffix), s.path(suffix)+deletedSuffix)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := l.store.fs.SyncDir(l.dir); err != nil {
			return err
		}
		l.store.enqueue(task{
			atMs: l.store.nowMs() + l.Config().FileDeleteDelayMs,
			kind: taskUnlink, log: l, base: s.base,
		})
	}
	return nil
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
	if l.retentionDue || !c.Delete || c.RetentionMs < 0 {
		return
	}
	newest := max(s.timestampMax.Load(), 0)
	if newest < math.MaxInt64-c.RetentionMs-1 {
		l.retentionDue = true
		l.store.enqueueRetention(l, newest+c.RetentionMs+1)
	}
}
