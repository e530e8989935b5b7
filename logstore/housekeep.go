package logstore

import (
	"cmp"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/google/btree"
)

// taskKind is a sort of background work.
type taskKind uint8

const (
	taskSeal       taskKind = iota // of a log's rolled segments
	taskMark                       // of retired segments' files, as deleted
	taskUnlink                     // of a retired segment's files
	taskRemove                     // of a deleted log's directory
	taskRetention                  // of a log
	taskFlush                      // of a log with flush.ms
	taskCheckpoint                 // of the store
	taskCut                        // of the journal
	taskMend                       // of a log's indexes that were built anew
	taskCommit                     // of a log that was stalled
	taskShed                       // of the store's files that are not in use
)

// task is one piece of work and when it is due. One that has become
// pointless finds nothing to do.
type task struct {
	atMs     int64
	sequence uint64 // keeps tasks of the same time apart, and in order
	kind     taskKind
	log      *Log
	base     int64  // taskUnlink: the segment
	dir      string // taskRemove: the directory
}

// retryMs is when failed work is tried again.
const retryMs = 15_000

// agenda is the store's queue of work by deadline: one for all logs, so that
// none needs a goroutine or timer of its own.
type agenda struct {
	mu       sync.Mutex
	tree     *btree.BTreeG[task] // under mu
	sequence uint64              // under mu
	wake     chan struct{}       // capacity 1: something earlier was added
}

func newAgenda() *agenda {
	return &agenda{
		tree: btree.NewG(8, func(a, b task) bool {
			if c := cmp.Compare(a.atMs, b.atMs); c != 0 {
				return c < 0
			}
			return a.sequence < b.sequence
		}),
		wake: make(chan struct{}, 1),
	}
}

// later is ms and a delay, at most the end of time.
func later(ms, delayMs int64) int64 {
	if ms > math.MaxInt64-delayMs {
		return math.MaxInt64
	}
	return ms + delayMs
}

func (s *Store) enqueue(t task) task {
	a := s.agenda
	a.mu.Lock()
	a.sequence++
	t.sequence = a.sequence
	a.tree.ReplaceOrInsert(t)
	first, _ := a.tree.Min()
	a.mu.Unlock()
	if first.sequence == t.sequence {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
	return t
}

// drop takes a task off the queue, if it is there.
func (a *agenda) drop(t task) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tree.Delete(t)
}

// due takes the first task off the queue if its time has come; otherwise it
// tells when that will be.
func (a *agenda) due(nowMs int64) (t task, ok bool, nextMs int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	first, any := a.tree.Min()
	if !any {
		return task{}, false, math.MaxInt64
	}
	if first.atMs > nowMs {
		return task{}, false, first.atMs
	}
	a.tree.DeleteMin()
	return first, true, 0
}

// Housekeep does all background work that is due at now: sealing, retention,
// flushes, checkpoints. With Options.Manual nobody else does it.
func (s *Store) Housekeep(now time.Time) { s.housekeep(now.UnixMilli()) }

func (s *Store) housekeep(nowMs int64) (nextMs int64) {
	for {
		t, ok, next := s.agenda.due(nowMs)
		if !ok {
			return next
		}
		err := s.do(t, nowMs)
		switch {
		case err == nil && t.kind == taskCommit && t.log.writable() == nil: // whether it goes well is told by the commit
		case err == nil:
			s.finish(t)
		case errors.Is(err, ErrClosed):
			s.failing.remove(t.work())
		default:
			s.report(t, err)
			if t.kind == taskRetention || t.kind == taskCheckpoint { // have their own deadlines
				break
			}
			if errors.Is(err, ErrPoisoned) {
				s.failing.remove(t.work()) // for good
				break
			}
			t.atMs = later(nowMs, retryMs)
			s.enqueue(t)
		}
	}
}

func (s *Store) do(t task, nowMs int64) error {
	switch t.kind {
	case taskSeal:
		return t.log.sealAll()
	case taskMark:
		return t.log.markRetired()
	case taskUnlink:
		return t.log.unlink(t.base)
	case taskRemove:
		return s.removeDir(t.dir)
	case taskRetention:
		return t.log.doRetention(t, nowMs)
	case taskFlush:
		t.log.mu.Lock()
		t.log.flushDue = false
		t.log.mu.Unlock()
		return t.log.Flush()
	case taskCheckpoint:
		err, wait := s.Checkpoint(), s.opt.CheckpointMs
		if err != nil {
			wait = min(wait, retryMs)
		}
		s.enqueue(task{atMs: later(nowMs, wait), kind: taskCheckpoint})
		return err
	case taskCut:
		return s.cutAsked()
	case taskMend:
		return t.log.mend()
	case taskCommit:
		t.log.unstall()
	case taskShed:
		return s.shed()
	}
	return nil
}

// keepHouse runs until the store closes.
func (s *Store) keepHouse() {
	defer s.workers.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-s.agenda.wake:
		case <-timer.C:
		}
		nowMs := s.nowMs()
		next := s.housekeep(nowMs)
		timer.Reset(time.Duration(min(next-nowMs, 3600_000)) * time.Millisecond)
	}
}
