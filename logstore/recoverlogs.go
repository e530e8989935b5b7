package logstore

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// recoverLogs opens the logs whose files may have changed, several at a time. While
// one reads the journal, to learn what it holds of which log, the others open the
// logs' files. Then each log is scanned, and given back what the journal holds of
// it. What was found is synced, of many logs at once: of as many as may have their
// files open, which are some that need not stay open, then of the next.
func (s *Store) recoverLogs(all []*recovery, p *past) error {
	defer p.forgetJournal()
	opened, err := s.openFound(all, p)
	if err != nil {
		return err
	}
	for left := all; ; opened = s.openSome(left) {
		if err := s.recoverOpened(left[:opened], p); err != nil {
			return err
		}
		if left = left[opened:]; len(left) == 0 {
			break
		}
	}
	if err := s.keepPending(all, p); err != nil {
		return fmt.Errorf("keep what the journal holds of logs that do not open: %w", err)
	}
	return nil
}

// recoverOpened is the rest of it for logs that have their files open.
func (s *Store) recoverOpened(some []*recovery, p *past) error {
	for _, r := range some {
		r.hear(p)
	}
	s.inParallel(some, func(r *recovery) error { return r.recover(p.catalog) })
	for _, r := range some {
		if r.unread != nil {
			return r.unread
		}
	}
	s.syncFound(some, p)
	s.inParallel(some, (*recovery).finish)
	for _, r := range some {
		if r.failed != nil && !isShortage(r.failed) {
			// It may have been a sync: another open would find all well.
			s.distrust.note(s, r.failed)
		}
	}
	if !s.openFiles.half() {
		return nil
	}
	for _, r := range some {
		if r.failed == nil {
			r.log.upkeep.Lock()
			r.log.closeIdle()
			r.log.upkeep.Unlock()
		}
	}
	return nil
}

// openFound opens logs' files, of some, and reads the journal, beside each other
// unless one is to do all. It returns how many.
func (s *Store) openFound(all []*recovery, p *past) (opened int, err error) {
	if err := s.findJournal(p); err != nil {
		return 0, err
	}
	var reading sync.WaitGroup
	reading.Go(func() { err = s.readJournal(p) })
	if s.recoveryWorkers() == 1 {
		reading.Wait()
	}
	opened = s.openSome(all)
	reading.Wait()
	if err != nil {
		return 0, err
	}
	s.nextIncarnation.Store(max(p.state.NextIncarnation, 1))
	s.found.generation = max(p.report.Generation, p.state.JournalStart)
	s.found.sequence = p.report.Sequence
	s.journalStart.Store(s.found.generation + 1)
	return opened, nil
}

// openedAtLeast is how many logs have their files open at once while they are
// recovered, however many that are: fewer would not share a sync.
const openedAtLeast = 64

// openSome opens the files of logs, as long as not too many are open, and returns
// how many it has done.
func (s *Store) openSome(all []*recovery) (n int) {
	var ahead atomic.Int64
	return s.inParallelWhile(all, func(done int) bool {
		return done < openedAtLeast || !s.openFiles.half()
	}, func(r *recovery) error { return r.open(&ahead) })
}

// forgetJournal lets go of what was needed to replay it.
func (p *past) forgetJournal() {
	if p.catalog != nil {
		p.catalog.Close()
	}
	p.catalog = nil
	for _, of := range p.journaled {
		of.places = nil
	}
}

// syncFound syncs the files and directories of many logs with one call, so that
// finish need not sync each. Where that cannot be done, or fails, it does.
func (s *Store) syncFound(all []*recovery, p *past) {
	var found []*recovery
	var files []vfs.File
	for _, r := range all {
		if r.failed == nil && !r.clean {
			found = append(found, r)
			for _, segment := range r.segments[r.first:] {
				files = append(files, segment.data.File)
			}
		}
	}
	if len(found) < s.opt.syncAllMin || s.opt.ReadOnly || p.distrusted {
		return
	}
	each, err := vfs.SyncFound(s.fs, s.path(""), files)
	if err != nil {
		return
	}
	for _, r := range found {
		n := len(r.segments) - r.first
		r.failed, each = errors.Join(each[:n]...), each[n:]
		r.secured = r.failed == nil
	}
}

func (s *Store) recoveryWorkers() int {
	if s.opt.RecoveryWorkers > 0 {
		return s.opt.RecoveryWorkers
	}
	return 8 * runtime.GOMAXPROCS(0)
}

// inParallel does a step for every log that has not failed.
func (s *Store) inParallel(all []*recovery, step func(*recovery) error) {
	s.inParallelWhile(all, func(int) bool { return true }, step)
}

// inParallelWhile is inParallel that ends early, and says how many were taken.
func (s *Store) inParallelWhile(all []*recovery, more func(done int) bool, step func(*recovery) error) (done int) {
	var group sync.WaitGroup
	slots := make(chan struct{}, s.recoveryWorkers())
	for _, r := range all {
		if !more(done) {
			break
		}
		done++
		if r.failed != nil {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			r.failed = step(r)
		})
	}
	group.Wait()
	return done
}

// readAheadBytesMax bounds what the system is asked to read of all logs before
// they are scanned: what lies in memory for too long is not there any more.
const readAheadBytesMax = 512 << 20

// readAhead has the system begin to read what will be scanned first; ahead is what
// it was asked for so far.
func (r *recovery) readAhead(ahead *atomic.Int64) {
	if r.clean || r.distrusted || len(r.segments) == 0 {
		return
	}
	s := r.segments[(&view{r.segments}).find(r.point)]
	size, err := s.data.Size()
	from := int64(0)
	if r.point > s.base && err == nil {
		if near, err := s.offsets.Lookup(r.point - 1); err == nil {
			from = near.Position // a guess, until the index is known to hold
		}
	}
	bytes := min(size-from, scanWindowBytes)
	if err != nil || bytes <= 0 || ahead.Add(bytes) > readAheadBytesMax {
		return
	}
	vfs.WillNeed(s.data.File, from, bytes)
	if from > 0 {
		// The first header is looked at as well; a read of it alone, of what is not in
		// memory, would have the system read 32 pages.
		vfs.WillNeed(s.data.File, 0, record.HeaderBytes)
	}
}
