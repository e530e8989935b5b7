package logstore

import (
	"errors"
	"fmt"
	"math"
	"path"
	"slices"

	"moldau/logstore/vfs"
)

// TruncateTo drops all at and above offset, whole batches at a time: the log
// then ends behind the last batch that lies below it. An offset
// before the start empties the log and lets it begin there. It is durable when
// it returns, and so is all that is left.
//
// A crash on the way leaves the log longer than asked for, never with a hole:
// the segments behind go newest first, each durably, then the file is cut.
func (l *Log) TruncateTo(offset int64) error {
	if offset < 0 {
		return l.wrap("truncate", fmt.Errorf("%w: %d", ErrOffsetRange, offset))
	}
	defer l.holdCompaction()()
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	// Before anything of the directory is touched: it may be another log's by now.
	if err := l.writable(); err != nil || offset >= l.Offset(LogEnd) {
		return l.wrap("truncate", err)
	}
	// A log that begins anew may take the name of a segment that was retired.
	if err := l.markAll(); err != nil {
		return l.wrap("truncate", err)
	}
	if err := l.leaveJournal(); err != nil {
		return l.wrap("truncate", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pauseSyncs()
	defer l.resumeSyncs()
	if err := l.writable(); err != nil {
		return l.wrap("truncate", err)
	}
	if err := errors.Join(l.touchDurably(), l.loadTail(), l.loadState()); err != nil {
		return l.wrap("truncate", err)
	}
	var err error
	begun := false
	if offset < l.start.Load() {
		err = l.restartAt(offset, &begun)
	} else {
		err = l.cutTail(offset, &begun)
	}
	switch {
	case err != nil && !begun && isShortage(err):
		// Nothing has changed, and the next may succeed. What was written for this one
		// would keep the log from coming to rest, now that others want its files.
		l.store.shedAnyway()
		l.store.enqueue(task{atMs: math.MinInt64, kind: taskMark, log: l})
	case err != nil:
		// Files and memory may disagree; opening the log anew settles it.
		err = l.poison(err)
	}
	return l.wrap("truncate", err)
}

// truncationDescriptors is how many a truncation has open at a time, besides those of
// segments and of indexes that it has written.
const truncationDescriptors = 4

// beginTruncation makes sure, before anything changes, that there are descriptors for
// the rest: half a truncation is none. They are given back, as what needs them opens
// files by name; that another takes the last ones meanwhile poisons the log.
func (l *Log) beginTruncation(begun *bool) error {
	var held []vfs.HeldDir
	var err error
	for len(held) < truncationDescriptors && err == nil {
		var d vfs.HeldDir
		if d, err = vfs.HoldDir(l.store.fs, l.dir); err == nil {
			held = append(held, d)
		}
	}
	for _, d := range held {
		err = errors.Join(err, d.Close())
	}
	*begun = err == nil
	return err
}

// leaveJournal makes the log's own files hold all of it, and the journal nothing
// that a replay could bring back: what is cut off stays cut off. Appends go on,
// past the journal, until syncs are resumed.
func (l *Log) leaveJournal() error {
	l.mu.Lock()
	l.commit.alone = true
	for l.commit.committing {
		l.commit.progress.Wait()
	}
	l.mu.Unlock()
	l.store.committer.forget(l)
	held := l.journaled.offset()
	if held == 0 {
		return nil
	}
	// First by itself: a cut goes on without a log that it cannot flush, and
	// carries what it has of it.
	err := l.flushFiles(held)
	if err == nil {
		err = l.store.cutJournal()
	}
	if err != nil {
		l.mu.Lock()
		l.commit.alone = false
		l.mu.Unlock()
	}
	return err
}

// cutTail ends the log within the segment that holds offset.
func (l *Log) cutTail(offset int64, begun *bool) error {
	old := l.view.Load().segments
	i := l.view.Load().find(offset)
	at, err := old[i].locate(offset, old[i].size())
	if err != nil {
		return err
	}
	var end int64
	if at.position == 0 {
		end = old[i].base
	} else if last, err := old[i].lastOffset(at.position); err != nil {
		return err
	} else {
		end = last + 1 // where the next open would find it, if offset lies in a gap
	}
	if start := l.start.Load(); end < start {
		return l.restartAt(start, begun) // the start lies within the batch that goes
	}
	l.litter = true // until the new indexes have their names
	s, err := l.shorten(old[i], at.position, end)
	if err != nil {
		return err
	}
	for _, before := range old[:i] {
		if before.tail.synced < before.size() {
			if err := before.data.Sync(); err != nil {
				s.unpin()
				return err
			}
			before.tail.synced = before.size()
		}
	}
	if err := l.beginTruncation(begun); err != nil {
		s.unpin()
		return err
	}
	defer release(old[i:]) // whatever fails from here on, they are in no view
	if err := l.lowerTo(&view{append(slices.Clone(old[:i]), s)}, s.endMark()); err != nil {
		return err
	}
	if err := l.dropFiles(old[i+1:]); err != nil {
		return err
	}
	if err := s.data.Truncate(at.position); err != nil {
		return err
	}
	if err := s.data.Sync(); err != nil {
		return err
	}
	s.tail.synced = at.position
	if err := s.replaceIndexes(l.store.fs); err != nil {
		return err
	}
	l.litter = false
	return l.truncated(s)
}

// truncated ends a truncation: all that is left, up to the segment's end, is
// durable, whatever the log's durability. Were the bound not there, a commit
// would be made of what the files have no bytes to sync for.
func (l *Log) truncated(s *segment) error {
	if err := l.forget(s.endOffset()); err != nil {
		return err
	}
	l.synced(&share{upto: s.endMark()}, true)
	return nil
}

// restartAt empties the log and begins it at offset.
func (l *Log) restartAt(offset int64, begun *bool) error {
	if err := l.beginTruncation(begun); err != nil {
		return err
	}
	old := l.view.Load().segments
	l.standing.recovery, l.commit.flushed = 0, 0
	if err := l.noteDurably(); err != nil {
		return err
	}
	if err := l.dropFiles(old); err != nil {
		return err
	}
	if err := l.forgetProducers(); err != nil {
		return err
	}
	// Before there is a segment that begins at offset: a crash between finds no
	// segment, and makes one at the start offset.
	l.start.Store(offset)
	l.standing.start = offset
	if err := l.noteDurably(); err != nil {
		return err
	}
	s, err := l.createSegment(offset)
	if err != nil {
		return err
	}
	defer release(old)
	if err := l.lowerTo(&view{[]*segment{s}}, s.endMark()); err != nil {
		return err
	}
	return l.truncated(s)
}

// lowerTo lets every bound that lies above end come down to it, and makes the
// recovery point follow durably, before any file is touched.
func (l *Log) lowerTo(v *view, end mark) error {
	for b := range l.bounds {
		switch m := l.bounds[b].load(); {
		case m.offset() >= end.offset():
			l.bounds[b].store(end)
		case m.segment.base == end.segment.base:
			l.bounds[b].store(mark{end.segment, m.place})
		}
	}
	l.view.Store(v)
	l.dirty = true
	l.commit.wanted = min(l.commit.wanted, end.offset())
	l.commit.progress.Broadcast()
	l.unsealed = slices.DeleteFunc(l.unsealed, func(u sealing) bool { return u.segment.base >= end.segment.base })
	l.standing.recovery = min(l.standing.recovery, end.offset())
	l.standing.holesBelow = min(l.standing.holesBelow, end.offset())
	l.standing.cleaned = min(l.standing.cleaned, end.offset())
	l.compaction.tried = min(l.compaction.tried, end.offset())
	l.commit.flushed = min(l.commit.flushed, end.offset())
	return l.noteDurably()
}

// dropFiles takes segments off the directory, newest first, each durably. The
// data goes first: a crash that left it without what lies beside would make
// aborted records out to be good. Readers keep what they have open.
func (l *Log) dropFiles(segments []*segment) error {
	for _, s := range slices.Backward(segments) {
		if err := removeFiles(l.store.fs, l.dir, s.base, "", segmentSuffixes[:1]); err != nil {
			return err
		}
		if err := l.store.fs.SyncDir(l.dir); err != nil {
			return err
		}
		if err := removeFiles(l.store.fs, l.dir, s.base, "", segmentSuffixes[1:]); err != nil {
			return err
		}
	}
	return nil
}

// release drops the store's references, once no view holds the segments.
func release(segments []*segment) {
	for _, s := range segments {
		s.unpin()
	}
}

// forget drops epochs, producers and snapshots that reach above end.
func (l *Log) forget(end int64) error {
	l.epochs.truncateTail(end)
	if err := l.dropSnapshots(func(at int64) bool { return at > end }); err != nil {
		return err
	}
	ps, err := l.loadProducers(end)
	if err != nil {
		return err
	}
	decided := &l.producers.txns
	l.producers = ps
	l.keepDecided(decided, end)
	l.settleAnew()
	if err := l.writeSmall(); err != nil {
		return err
	}
	return l.store.fs.SyncDir(l.dir)
}

// dropSnapshots removes the producer snapshots that gone names by offset.
func (l *Log) dropSnapshots(gone func(offset int64) bool) error {
	names, err := l.store.fs.ReadDir(l.dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if at, ok := parseSegmentFileName(n.Name(), snapshotSuffix); ok && gone(at) {
			if err := l.store.fs.Remove(path.Join(l.dir, n.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
