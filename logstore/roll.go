package logstore

import (
	"errors"
	"math"
	"slices"
)

// roll ends the active segment and begins one at base. The writer waits for
// three file creations, not for a sync: the old segment is sealed in the
// background. The caller holds l.mu.
func (l *Log) roll(base int64) (*segment, error) {
	s := l.view.Load().active()
	if s.base == base {
		// An empty segment in which the first append does not fit by its offsets
		// would be rolled onto itself.
		return s, nil
	}
	if err := errors.Join(l.touchDurably(), l.loadTail(), l.loadState()); err != nil {
		return nil, err
	}
	fresh, err := l.createSegment(base)
	if err != nil {
		return nil, spaceError(err)
	}
	if err := l.install(fresh); err != nil {
		fresh.abandon()
		return nil, err
	}
	return fresh, nil
}

// install makes fresh the active segment.
func (l *Log) install(fresh *segment) error {
	old := l.view.Load()
	s, base := old.active(), fresh.base
	if err := s.times.MaybeAppend(s.timestampMax.Load(), s.tail.timestampMaxOffset, true); err != nil {
		return err
	}
	l.producers.expire(l.store.nowMs())
	l.unsealed = append(l.unsealed, sealing{s, base, l.producers.encode()})
	l.commit.created++
	l.drawJitter()
	l.view.Store(&view{append(slices.Clip(old.segments), fresh)})
	// The end moves into the new segment: from now on the old one's published
	// end is final, and readers of it need no bound.
	l.bounds[LogEnd].store(mark{fresh, placeAt(0, 0)})
	l.store.enqueue(task{atMs: math.MinInt64, kind: taskSeal, log: l})
	l.askRetention(l.store.nowMs())
	return nil
}

// drawJitter spreads rolls by time, so that logs created together do not all
// roll together.
func (l *Log) drawJitter() {
	l.jitterMs = 0
	c := l.config.Load()
	if j := min(c.SegmentJitterMs, c.rollMs()); j > 0 {
		l.jitterMs = l.store.opt.Rand(j)
	}
}

// bridgeGap lets the log go on at first, behind a hole of 2^31 offsets, as a
// compacted leader may have, which no segment can span. Segments otherwise
// touch, and recovery takes a hole between them for lost writes: so all before
// it is made durable, and a recovery point behind it, before anybody can append
// there. The writer waits meanwhile; it happens once in 2^31 offsets.
func (l *Log) bridgeGap(first int64) error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if err := l.leaveJournal(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pauseSyncs()
	defer l.resumeSyncs()
	if err := l.writable(); err != nil || first < l.Offset(LogEnd) {
		return err
	}
	// What the append that comes had loaded may have been closed meanwhile.
	if err := errors.Join(l.touchDurably(), l.loadTail(), l.loadState()); err != nil {
		return err
	}
	var sh share
	l.collect(&sh)
	defer sh.unpin()
	if err := sh.syncFiles(); err != nil {
		return err
	}
	l.synced(&sh, true)
	for _, s := range l.view.Load().segments {
		if !s.tail.sealed {
			if err := s.syncIndexes(); err != nil {
				return l.poison(err)
			}
		}
	}
	if err := l.writeSmall(); err != nil { // no start reads epochs off what is below its recovery point
		return l.final(spaceError(err))
	}
	fresh, err := l.createSegment(first)
	if err != nil {
		return spaceError(err)
	}
	if err = l.store.fs.SyncDir(l.dir); err == nil {
		l.standing.recovery, l.standing.holesBelow = first, first
		err = l.noteDurably()
	}
	if err == nil {
		err = l.install(fresh)
	}
	if err != nil {
		fresh.abandon()
		return l.poison(err)
	}
	return nil
}
