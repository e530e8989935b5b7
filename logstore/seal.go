package logstore

import (
	"slices"
)

// sealing is a rolled segment on its way to being sealed, with the producers'
// state as it was at its end.
type sealing struct {
	segment  *segment
	end      int64 // offset
	snapshot []byte
}

// sealAll seals every rolled segment.
func (l *Log) sealAll() error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	for !l.closed.Load() { // the directory may be another log's by then
		if more, err := l.seal(); err != nil || !more {
			return err
		}
	}
	return nil
}

// sealRolled is sealAll for who holds l.upkeep, and for a log at its end.
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
	if len(l.unsealed) == 0 || l.failure() != nil {
		l.mu.Unlock()
		return false, nil
	}
	j := l.unsealed[0]
	pinned := j.segment.pin()
	l.sealing = true
	l.mu.Unlock()
	defer l.sealingEnded()
	if !pinned { // truncated or retired meanwhile
		l.sealed(j)
		return true, nil
	}
	defer j.segment.unpin()
	if err := l.flushFiles(j.end); err != nil {
		return false, err
	}
	defer j.segment.restIndexes()
	if err := j.segment.flushIndexes(false); err != nil {
		return false, err
	}
	if err := j.segment.sealIndexes(); err != nil {
		return false, l.final(err)
	}
	if err := replaceFile(l.store.fs, l.file(segmentFileName(j.end, snapshotSuffix)), j.snapshot, true); err != nil {
		return false, l.final(err)
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

// sealingEnded lets those go on who wait in awaitSealer.
func (l *Log) sealingEnded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealing = false
	l.commit.progress.Broadcast()
}

// awaitSealer holds an append back while too many rolled segments wait for being
// sealed. Where nobody is about it the append does it: housekeeping may have
// another log to see to, and an append that waits for it would never learn that
// the disk is too full for it. The caller holds l.mu, which is given up meanwhile.
func (l *Log) awaitSealer() error {
	for len(l.unsealed) >= l.store.opt.UnsealedMax && l.writable() == nil {
		if l.sealing {
			l.commit.progress.Wait()
			continue
		}
		l.mu.Unlock()
		err := l.sealOne()
		l.mu.Lock()
		if err != nil {
			return spaceError(err)
		}
	}
	return nil
}

// sealOne seals the oldest rolled segment, unless enough are by now.
func (l *Log) sealOne() error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	l.mu.Lock()
	enough := len(l.unsealed) < l.store.opt.UnsealedMax
	l.mu.Unlock()
	if enough || l.closed.Load() {
		return nil
	}
	_, err := l.seal()
	return err
}
