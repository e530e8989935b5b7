package logstore

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// recoveryGroups is how many logs are recovered at a time, by how many workers: as
// few as the system gives files for.
type recoveryGroups struct {
	store   *Store
	past    *past
	workers int
	logsMax int  // of a group
	starved bool // the system has given no file
	last    bool // what fails now is not tried again
}

// openedAtLeast is how many logs have their files open at once while they are
// recovered, however many that are, unless the system gives fewer: they would not
// share a sync.
const openedAtLeast = 64

// openSome opens the files of logs, as long as not too many are open, and returns
// how many it has done. Where the system gives no more it closes some again, which
// are left to be done: those that it has opened need others to go on.
func (g *recoveryGroups) openSome(all []*recovery) (n int) {
	var ahead atomic.Int64
	var short atomic.Bool
	n = g.inParallelWhile(all, func(done int) bool {
		return done < g.logsMax && !short.Load() && (done < openedAtLeast || !g.store.openFiles.half())
	}, func(r *recovery) error {
		err := r.open(&ahead)
		if isShortage(err) {
			short.Store(true)
		}
		return err
	})
	if short.Load() {
		return g.giveBack(all[:n])
	}
	return n
}

// giveBack closes files of the last of a group, and returns how many logs are left.
func (g *recoveryGroups) giveBack(some []*recovery) (n int) {
	g.starved = true
	g.logsMax = max(1, len(some)*3/4)
	g.workers = min(g.workers, max(1, g.logsMax/16))
	n = min(len(some), g.logsMax)
	for _, r := range some[n:] {
		if r.failed == nil || isShortage(r.failed) {
			g.renew(r)
		}
	}
	return n
}

// recoverStarved does once more, one by one, what logs have failed at for want of
// descriptors: no other has files open by then.
func (g *recoveryGroups) recoverStarved(all []*recovery) error {
	var starved []*recovery
	for _, r := range all {
		if r.failed != nil && isShortage(r.failed) {
			starved = append(starved, r)
		}
	}
	if len(starved) == 0 {
		return nil
	}
	g.starved, g.workers = true, 1
	g.inParallel(all, (*recovery).closeFiles)
	g.last, g.logsMax = true, 1
	for _, r := range starved {
		g.renew(r)
		if err := g.recoverOpened([]*recovery{r}[:g.openSome([]*recovery{r})]); err != nil {
			return err
		}
	}
	return nil
}

// renew lets the recovery of a log begin anew, as after a crash.
func (g *recoveryGroups) renew(r *recovery) {
	r.abandon()
	cut, reason, kept := r.cut, r.reason, r.kept
	*r = *g.store.newRecovery(r.tp, r.known, g.past)
	r.cut, r.reason, r.kept = cut, reason, kept
}

// closeFiles closes the files of a log that was recovered. What lies beside its last
// segment is written out, not synced: the log is in the dirty set, and nothing of that
// is believed after a crash before a checkpoint has synced it. Of one that was found
// to be damaged nothing is written over, and the last segment stays open.
func (r *recovery) closeFiles() error {
	l := r.log
	if l.store.opt.ReadOnly {
		return nil
	}
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.view.Load().active()
	if !s.isOpen() {
		return nil
	}
	defer s.restIndexes()
	// What could not be written stays in memory, and the file open.
	l.closeSegments(r.sound && s.flushIndexes(true) == nil)
	return nil
}

func (s *Store) recoveryWorkers() int {
	if s.opt.RecoveryWorkers > 0 {
		return s.opt.RecoveryWorkers
	}
	return 8 * runtime.GOMAXPROCS(0)
}

// inParallel does a step for every log that has not failed.
func (g *recoveryGroups) inParallel(all []*recovery, step func(*recovery) error) {
	g.inParallelWhile(all, func(int) bool { return true }, step)
}

// inParallelWhile is inParallel that ends early, and says how many were taken.
func (g *recoveryGroups) inParallelWhile(all []*recovery, more func(done int) bool, step func(*recovery) error) (done int) {
	var group sync.WaitGroup
	slots := make(chan struct{}, g.workers)
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
