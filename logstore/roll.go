package logstore

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"moldau/logstore/record"
)

// roll ends the active segment and begins one at base. The writer waits for
// three file creations, not for a sync: the old segment is sealed in the
// background. The caller holds l.mu.
func (l *Log) roll(base int64) (*segment, error) {
	old := l.view.Load()
	s := old.active()
	if s.base == base {
		// An empty segment in which the first append does not fit by its offsets
		// would be rolled onto itself.
		return s, nil
	}
	fresh, err := l.createSegment(base)
	if err != nil {
		return nil, spaceError(err)
	}
	if err := s.times.MaybeAppend(s.timestampMax.Load(), s.tail.timestampMaxOffset, true); err != nil {
		fresh.abandon()
		return nil, err
	}
	l.producers.expire(l.store.nowMs())
	l.unsealed = append(l.unsealed, sealing{s, base, l.producers.encode()})
	l.commit.freshEntries = true
	l.drawJitter()
	l.view.Store(&view{append(slices.Clip(old.segments), fresh)})
	// The end moves into the new segment: from now on the old one's published
	// end is final, and readers of it need no bound.
	l.bounds[LogEnd].store(mark{fresh, placeAt(0, 0)})
	l.store.enqueue(task{atMs: math.MinInt64, kind: taskSeal, log: l})
	l.store.enqueueRetention(l, l.store.nowMs())
	return fresh, nil
}

// sealing is a rolled segment on its way to being sealed, with the producers'
// state as it was at its end.
type sealing struct {
	segment  *segment
	end      int64 // offset
	snapshot []byte
}

// drawJitter spreads rolls by time, so that logs created together do not all
// roll together.
func (l *Log) drawJitter() {
	l.jitterMs = 0
	if j := min(l.config.Load().SegmentJitterMs, l.config.Load().SegmentMs); j > 0 {
		l.jitterMs = l.store.opt.Rand(j)
	}
}

// sealAll seals every rolled segment.
func (l *Log) sealAll() error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	return l.sealRolled()
}

// sealRolled is sealAll for who holds l.upkeep.
func (l *Log) sealRolled() error {
	for {
		if more, err := l.seal(); err != nil || !more {
			return err
		}
	}
}

// seal completes the oldest rolled segment: its bytes, indexes and snapshot are
// synced, in this order, and its indexes mapped. It reports whether there may be
// more to do. The writer goes on meanwhile. The caller holds l.upkeep.
func (l *Log) seal() (more bool, err error) {
	l.mu.Lock()
	if len(l.unsealed) == 0 || l.Err() != nil {
		l.mu.Unlock()
		return false, nil
	}
	j := l.unsealed[0]
	pinned := j.segment.pin()
	l.mu.Unlock()
	if !pinned { // truncated or retired meanwhile
		l.sealed(j)
		return true, nil
	}
	defer j.segment.unpin()
	if err := l.flushTo(j.end); err != nil {
		return false, err
	}
	defer j.segment.restIndexes()
	if err := errors.Join(j.segment.offsets.Flush(), j.segment.times.Flush()); err != nil {
		return false, err
	}
	if err := errors.Join(j.segment.offsets.Seal(), j.segment.times.Seal()); err != nil {
		// A failed sync is final: trying again would find the pages clean.
		return false, l.poison(err)
	}
	if err := replaceFile(l.store.fs, l.file(segmentFileName(j.end, snapshotSuffix)), j.snapshot, true); err != nil {
		return false, err
	}
	l.sealed(j)
	return true, nil
}

// sealed takes j off the list, if truncation did not.
func (l *Log) sealed(j sealing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	j.segment.tail.sealed = true
	l.unsealed = slices.DeleteFunc(l.unsealed, func(u sealing) bool { return u.segment == j.segment })
}

// bridgeGap lets the log go on behind a hole of 2^31 offsets, as a compacted
// leader may have, which no segment can span. Segments otherwise touch, and
// recovery takes a hole between them for lost writes: so all before it is made
// durable, and a recovery point behind it, before anything is appended there.
func (l *Log) bridgeGap(batches []byte) error {
	first, last := int64(-1), int64(-1)
	for rest := batches; len(rest) > 0; {
		b, tail, err := record.Next(rest)
		if err != nil {
			return err
		}
		if first < 0 {
			first = b.BaseOffset()
		}
		last, rest = b.LastOffset(), tail
	}
	if first < 0 || last < first {
		return nil // refused where the batches are checked
	}
	if last-first >= math.MaxInt32 {
		return fmt.Errorf("%w: one append from offset %d to %d", ErrTooLargeForSegment, first, last)
	}
	if last-l.Offset(LogEnd) < math.MaxInt32 {
		return nil
	}
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	l.mu.Lock()
	err := l.writable()
	if err == nil && last-l.Offset(LogEnd) >= math.MaxInt32 {
		_, err = l.roll(first)
	}
	l.mu.Unlock()
	if err == nil {
		err = l.sealRolled()
	}
	if err == nil {
		err = l.store.fs.SyncDir(l.dir)
	}
	if err != nil {
		return err
	}
	return l.store.setRecoveryPoint(l.tp, first)
}
