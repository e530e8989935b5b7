package logstore

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// recoverLogs opens the logs whose files may have changed, several at a time. While
// one reads the journal, to learn what it holds of which log, the others open the
// logs' files. Then each log is scanned, and given back what the journal holds of
// it. What was found is synced, of many logs at once: of as many as may have their
// files open, which are closed then, and after them of the next.
//
// Where the system gives fewer files than may be open, fewer logs are recovered at
// once, and last, one by one, those that began when nothing was left to end with.
func (s *Store) recoverLogs(all []*recovery, p *past) error {
	defer p.forgetJournal()
	g := &recoveryGroups{store: s, past: p, workers: s.recoveryWorkers(), logsMax: math.MaxInt}
	opened, err := g.openFound(all)
	if err != nil {
		return err
	}
	for left := all; ; opened = g.openSome(left) {
		if err := g.recoverOpened(left[:opened]); err != nil {
			return err
		}
		if left = left[opened:]; len(left) == 0 {
			break
		}
	}
	if err := g.recoverStarved(all); err != nil {
		return err
	}
	if err := s.keepPending(all, p); err != nil {
		return fmt.Errorf("keep what the journal holds of logs that do not open: %w", err)
	}
	return nil
}

// recoverOpened is the rest of it for logs that have their files open.
func (g *recoveryGroups) recoverOpened(some []*recovery) error {
	s := g.store
	for _, r := range some {
		r.hear(g.past)
	}
	g.inParallel(some, func(r *recovery) error { return r.recover(g.past.catalog) })
	for _, r := range some {
		if r.unread != nil && (g.last || !isShortage(r.unread)) {
			return r.unread
		}
	}
	s.syncFound(some, g.past)
	g.inParallel(some, (*recovery).finish)
	for _, r := range some {
		if r.failed != nil && !isShortage(r.failed) {
			// It may have been a sync: another open would find all well.
			s.distrust.note(s, r.failed)
		}
	}
	if s.openFiles.half() || g.starved {
		g.inParallel(some, (*recovery).closeFiles)
	}
	for _, r := range some {
		if r.failed == nil {
			r.tell()
		} else {
			r.abandon() // at once: others need the descriptors
		}
	}
	return nil
}

// openFound opens logs' files, of some, and reads the journal, beside each other
// unless one is to do all. It returns how many.
func (g *recoveryGroups) openFound(all []*recovery) (opened int, err error) {
	s, p := g.store, g.past
	if err := s.findJournal(p); err != nil {
		return 0, err
	}
	var reading sync.WaitGroup
	reading.Go(func() { err = s.readJournal(p) })
	if g.workers == 1 {
		reading.Wait()
	}
	opened = g.openSome(all)
	reading.Wait()
	if isShortage(err) { // the logs' files took what there was
		opened = g.giveBack(all[:opened])
		p.forgetJournal()
		p.journaled, p.pendingRotten = map[string]*journaled{}, nil
		if err = s.findJournal(p); err == nil {
			err = s.readJournal(p)
		}
	}
	if err != nil {
		return 0, err
	}
	s.nextIncarnation.Store(max(p.state.NextIncarnation, 1))
	s.found.generation = max(p.report.Generation, p.state.JournalStart)
	s.found.sequence = p.report.Sequence
	s.journalStart.Store(s.found.generation + 1)
	return opened, nil
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
