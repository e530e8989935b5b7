package logstore

import (
	"errors"
	"maps"
	"math"
	"slices"

	"moldau/logstore/journal"
)

// stop lets no more appends in and waits for the sync in flight.
func (l *Log) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed.Store(true)
	for l.commit.committing || l.commit.flushes > 0 {
		l.commit.progress.Wait()
	}
	l.watchers.wakeAll()
}

// releaseAll drops the store's hold on the log's files.
func (l *Log) releaseAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.view.Swap(&view{})
	release(old.segments)
	l.store.openFiles.unlist(l)
	l.store.agenda.drop(l.retention) // which may be due in years, and would keep the log in memory
	l.retention = task{atMs: math.MaxInt64}
	l.commit.progress.Broadcast()
}

// released tells that the store has let go of the log's files: nothing is left
// that could be synced.
func (l *Log) released() bool { return len(l.view.Load().segments) == 0 }

// resume takes stop back.
func (l *Log) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed.Store(false)
	l.scheduleSync()
	for _, kind := range []taskKind{taskSeal, taskMark} { // which may have come in vain meanwhile
		l.store.enqueue(task{atMs: math.MinInt64, kind: kind, log: l})
	}
	l.askRetention(l.store.nowMs())
}

// Close completes what is in flight, syncs everything, and leaves the marker of
// a clean close, so that the next open scans nothing. Logs that were poisoned
// prevent the marker and are in the error. Reads that are pinned stay valid.
// It may be called again, and returns then what it did.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { s.closeFailed = s.close() })
	return s.closeFailed
}

// enter keeps the store from being closed until s.changes is done.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.changes.Add(1)
	return nil
}

func (s *Store) close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.changes.Wait()
	close(s.closing)
	var failed error
	if !s.opt.ReadOnly {
		// What fails of it is done, or told, with each log.
		_, _, _ = s.pointMany(slices.DeleteFunc(s.Logs(), func(l *Log) bool { return !l.restless() }), true)
	}
	for _, l := range s.Logs() {
		if err := l.close(); err != nil {
			failed = errors.Join(failed, l.wrap("close", err))
		}
	}
	s.workers.Wait()
	s.distrust.again(s)
	for tp := range maps.Clone(s.unmade) {
		_ = s.removeUnmade(tp) // or the next open takes it for an empty log
	}
	if s.osTree != nil {
		defer s.osTree.Close()
	}
	if s.opt.ReadOnly {
		return failed
	}
	if err := s.writeCheckpoints(); err != nil {
		failed = errors.Join(failed, err)
	}
	s.retireCheckpoints()
	failed = errors.Join(failed, s.closeJournal())
	if failed == nil && len(s.broken) == 0 { // a log not opened may have a torn tail
		failed = s.leaveMarker()
	}
	return errors.Join(failed, s.manifest.Close(), s.lock.Close())
}

// closeJournal removes the journal, unless a log needs what is in it.
func (s *Store) closeJournal() error {
	c := &s.committer
	c.cutting.Lock() // of a caller of CutJournal
	defer c.cutting.Unlock()
	c.writing.Lock()
	defer c.writing.Unlock()
	if j := c.journal; j != nil {
		c.journal = nil
		if err := j.Close(); err != nil || s.failure() != nil || slices.ContainsFunc(s.everyLog(), (*Log).needsJournal) {
			return err
		}
		// Or a journal of which half is removed would look rotten.
		lsn, err := s.manifest.StartJournal(max(j.Generation()+1, s.journalStart.Load()))
		if err == nil {
			err = s.manifest.Sync(lsn)
		}
		if err != nil {
			return err
		}
	}
	// An earlier process may have left files of which nothing is needed.
	return journal.Remove(s.fs, s.ownPath(journalDir))
}

// leaveMarker leaves the marker of a clean close, and names it in the manifest:
// another program that opens the directory removes or replaces it.
func (s *Store) leaveMarker() error {
	name := s.path(cleanShutdownFile)
	if err := replaceFile(s.fs, name, []byte(`{"version":0,"brokerEpoch":-1}`), true); err != nil {
		return err
	}
	info, err := s.fs.Stat(name)
	if err != nil {
		return err
	}
	lsn, err := s.manifest.ClosedBy(markerOf(info))
	if err != nil {
		return err
	}
	return s.manifest.Sync(lsn)
}

// retireCheckpoints lets nobody write a checkpoint any more.
func (s *Store) retireCheckpoints() {
	s.checkpoints.mu.Lock()
	defer s.checkpoints.mu.Unlock()
	s.checkpoints.closed = true
}

// close brings one log to rest. It stays readable by those who hold pins.
func (l *Log) close() error {
	l.stop() // first: who appends could roll, and keep the sealer busy, for ever
	defer l.holdCompaction()()
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if l.store.opt.ReadOnly {
		l.releaseAll()
		return nil
	}
	err := l.sealRolled()
	defer l.releaseAll()
	if failure := l.failure(); failure != nil {
		return failure
	}
	if err == nil {
		err = l.clearRetired()
	}
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.pauseSyncs() // of cuts
		defer l.resumeSyncs()
		return errors.Join(l.cutSurplus(), l.bringToRest())
	}
	// What could not be sealed is durable all the same.
	return errors.Join(err, l.flushFiles(l.Offset(LogEnd)))
}

// cutSurplus looks, after a crash, at a log that was found at rest, or came to it, and
// was not written to since: the append that would have ended that may have reached its file, and
// the note of it not the manifest. Who finds the marker scans nothing, and has
// to find whole batches to the end of the file. The caller holds l.mu.
func (l *Log) cutSurplus() error {
	s := l.view.Load().active()
	if !s.tail.unread || l.store.checkpoints.found.clean {
		return nil
	}
	info, err := l.store.fs.Stat(s.path(logSuffix))
	if err == nil && info.Size() > s.size() {
		err = l.loadTail()
	}
	return err
}

// rest leaves everything that Kafka, or the next open, wants to find. The caller
// holds l.mu.
func (l *Log) rest() error {
	s := l.view.Load().active()
	var sh share
	l.collect(&sh)
	err := sh.syncFiles()
	if err == nil {
		l.synced(&sh, true)
	}
	sh.unpin()
	if err != nil {
		return err
	}
	defer s.restIndexes()
	if err := l.flushTail(true); err != nil {
		return err
	}
	if err := unsyncable(s.syncFlushed()); err != nil {
		return err
	}
	end := l.Offset(LogEnd)
	if err := l.loadState(); err != nil {
		return err
	}
	if err := replaceFile(l.store.fs, l.file(segmentFileName(end, snapshotSuffix)), l.producers.encode(), false); err != nil {
		return err
	}
	if err := l.dropSnapshots(func(at int64) bool { return at != end && !l.beginsAt(at) }); err != nil {
		return err
	}
	l.pointSnapshot = end
	if err := l.writeSmall(); err != nil {
		return err
	}
	return unsyncable(l.store.fs.SyncDir(l.dir))
}

// beginsAt tells whether a segment begins at the offset: its snapshot stays.
func (l *Log) beginsAt(offset int64) bool {
	return slices.ContainsFunc(l.view.Load().segments, func(s *segment) bool { return s.base == offset })
}
