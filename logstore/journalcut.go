package logstore

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

// flushersMax is how many files a cut syncs at a time.
const flushersMax = 8

// CutJournal flushes the logs that the journal holds records of, and lets the
// journal's files be used anew. The store does it by itself when the journal is
// half full, and at each checkpoint. Appends go on meanwhile.
//
// In this order: files are synced, the records of logs whose files cannot be are
// carried forward, the manifest says durably where the journal begins, and only
// then may its files be overwritten.
func (s *Store) CutJournal() error {
	if err := s.enter(); err != nil {
		return fmt.Errorf("logstore: cut the journal: %w", err)
	}
	defer s.changes.Done()
	return s.cutJournal()
}

// cutJournal is CutJournal for who works for the store, and is waited for by Close.
func (s *Store) cutJournal() error {
	c := &s.committer
	c.cutting.Lock()
	defer c.cutting.Unlock()
	return c.cutOrPause()
}

// cutAsked is the cut that was asked for, unless one in between has done. None is
// asked for before it ends: what it is about to let go of is no reason.
func (s *Store) cutAsked() error {
	c := &s.committer
	c.cutting.Lock()
	defer c.cutting.Unlock()
	defer c.asked.Store(false)
	if !c.halfFull() {
		return nil
	}
	return c.cutOrPause()
}

func (c *committer) cutOrPause() error {
	err := c.cut()
	if err != nil {
		c.pauseCuts()
	}
	return err
}

func (c *committer) halfFull() bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.journal != nil && c.journal.Bytes() > c.store.opt.JournalBytes/2
}

func (c *committer) cut() error {
	s := c.store
	upto, rotation := c.rotate()
	if upto == 0 {
		s.noteReleased(rotation) // of what was announced and found no room
		return nil
	}
	held := s.journaledLogs()
	s.flushJournaled(held)
	if err := c.carry(upto, held); err != nil {
		return err
	}
	if err := s.noteFlushed(); err != nil {
		return err
	}
	s.journalStart.Store(upto + 1)
	lsn, err := s.manifest.StartJournal(upto + 1)
	if err != nil {
		return fmt.Errorf("manifest: %w", spaceError(err))
	}
	if err := s.syncManifest(lsn); err != nil {
		return err
	}
	c.release(upto)
	s.noteReleased(rotation)
	s.counters.journalCuts.Add(1)
	return nil
}

func (c *committer) release(upto uint64) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.journal.Release(upto)
}

// rotate lets the next commit begin a new file, and returns the generation of
// the last that is complete, 0 if the journal is empty. What is written from now
// on is of the rotation returned.
func (c *committer) rotate() (upto, rotation uint64) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.rotation++
	c.lag.reset()
	if c.journal == nil || c.journal.Bytes() == 0 {
		return 0, c.rotation
	}
	c.journal.Rotate()
	return c.journal.Generation(), c.rotation
}

// journaledLogs are the logs that the journal is needed for, and the offset below which
// it is. What it is given meanwhile is of the next cut.
func (s *Store) journaledLogs() map[*Log]int64 {
	held := map[*Log]int64{}
	for _, l := range s.everyLog() {
		l.mu.Lock()
		if upto := l.journaled.offset(); upto > l.commit.flushed {
			held[l] = upto
		}
		l.mu.Unlock()
	}
	return held
}

// flushJournaled syncs the logs' files as far as the journal holds them. One that
// fails is poisoned, and keeps its records in the journal.
func (s *Store) flushJournaled(held map[*Log]int64) {
	needy := slices.DeleteFunc(s.everyLog(), func(l *Log) bool { return held[l] == 0 })
	if len(needy) >= s.opt.syncAllMin {
		s.flushAll(needy)
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, flushersMax)
	for _, l := range needy { // those that are flushed by now cost nothing
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			_ = l.flushFiles(held[l]) // the log is poisoned by it
		})
	}
	group.Wait()
}

// flushAll flushes the files of many logs with one call. Where that fails, or
// cannot be done, the files are left to be synced one by one: each tells then
// whether it was among what could not be written.
func (s *Store) flushAll(logs []*Log) (done bool) {
	shares := make([]share, 0, len(logs))
	var files []vfs.File
	standing := int64(0)
	for _, l := range logs {
		var sh share
		if !l.beginFlush(&sh) {
			continue
		}
		shares, standing = append(shares, sh), max(standing, sh.standing)
		for _, u := range sh.segments {
			files = append(files, u.segment.data.File)
		}
	}
	began := s.opt.Clock.Now()
	err := s.syncManifest(standing)
	if err == nil {
		err = vfs.SyncAll(s.fs, s.path(""), files)
	}
	if err == nil {
		s.counters.syncs.Observe(s.opt.Clock.Now().Sub(began))
	}
	for i := range shares {
		shares[i].log.endFlush(&shares[i], err == nil)
	}
	return err == nil
}

// needsJournal tells that the journal holds what the log's own files may not.
func (l *Log) needsJournal() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.journaled.offset() > l.commit.flushed
}

// noteFlushed tells the manifest how far files are synced, so that bad bytes
// below are known for rot.
func (s *Store) noteFlushed() (err error) {
	for _, l := range s.everyLog() {
		l.mu.Lock()
		if err == nil && l.standing.dirty && l.journaled.offset() > 0 {
			err = l.note()
		}
		l.mu.Unlock()
	}
	return err
}

// noteReleased tells the logs what the journal holds of them no longer. Not
// before the manifest says so, durably: until then a replay would bring back what
// a truncation cuts off.
func (s *Store) noteReleased(rotation uint64) {
	for _, l := range s.everyLog() {
		l.mu.Lock()
		l.journaled.released(l.commit.flushed, rotation)
		l.mu.Unlock()
	}
}

// carry writes the records of logs that could not be flushed to the journal once more,
// so that the others need not keep it for them. They lie behind newer ones then, that
// came while the cut ran.
func (c *committer) carry(upto uint64, held map[*Log]int64) error {
	needed := map[uint64]int64{}
	var carried []*Log
	for _, l := range c.store.everyLog() { // not those deleted since
		l.mu.Lock()
		if held[l] > l.commit.flushed {
			needed[l.incarnation] = l.commit.flushed
			carried = append(carried, l)
		}
		l.mu.Unlock()
	}
	if len(needed) == 0 {
		return nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	for _, l := range carried {
		l.journaled.announce(held[l], c.rotation)
	}
	before, bytes := c.journal.Pending(), c.journal.Bytes()
	err := c.journal.Carry(upto, func(h journal.Header) bool {
		flushed, ok := needed[h.Incarnation]
		return ok && h.Kind == journal.Batches && h.Last >= flushed
	})
	if c.journal.Bytes() != bytes {
		before = 0 // what was pending went with the first of what was carried
	}
	if err == nil && c.journal.Pending() > before { // a commit that waits for the room of this cut needs none yet
		err = c.journal.Commit()
	}
	if errors.Is(err, journal.ErrFull) || isShortage(err) {
		for c.journal.Pending() > before {
			c.journal.Undo()
		}
		return err // appends go to their own files until there is room
	}
	if err != nil {
		return c.store.poison(err)
	}
	return nil
}

// askCut has the journal cut, by whoever does the store's background work.
func (s *Store) askCut() {
	if s.committer.cutsPaused() || s.committer.asked.Swap(true) {
		return
	}
	if s.opt.Manual {
		s.enqueue(task{kind: taskCut})
		return
	}
	s.workers.Add(1)
	go func() { // not behind other housekeeping, which may wait for disks
		defer s.workers.Done()
		if err := s.cutAsked(); err != nil {
			s.report(task{kind: taskCut}, err)
		} else {
			s.finish(task{kind: taskCut})
		}
	}()
}
