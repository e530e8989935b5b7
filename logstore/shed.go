package logstore

import (
	"errors"
	"slices"
	"sync"
)

const (
	// shedLogsMax is how many logs come to rest together.
	shedLogsMax = 1024
	// shedPauseMs is how long nobody closes files where that has left too many open.
	shedPauseMs = 1000
)

// shed closes the files of logs that were not used for the longest, until there is
// some room below Options.OpenFilesMax. Such a log comes to rest first: it is then
// as after a clean close and an open, but for who waits for it or reads from it. Of
// one that is in use, or must not come to rest, sealed segments are closed alone.
func (s *Store) shed() error {
	o := &s.openFiles
	o.asked.Store(false)
	goal := o.max * 9 / 10
	if wanted := o.wanted.Swap(0); wanted > 0 {
		goal = min(goal, wanted-1)
	}
	var failed error
	began := s.counters.shedFiles.Load()
	for closing := true; closing; { // as long as it helps: others open files meanwhile
		before := s.counters.shedFiles.Load()
		failed = s.shedIdlest(goal)
		closing = failed == nil && o.count.Load() > o.max && s.counters.shedFiles.Load() > before && !s.isClosing()
	}
	if failed != nil {
		// What wanted for descriptors itself may have them now.
		if s.counters.shedFiles.Load() == began {
			o.pauseMs.Store(later(s.nowMs(), retryMs))
		}
	} else if o.count.Load() > o.max && !o.asked.Swap(true) {
		// Nobody may open a file, and ask, for long.
		again := later(s.nowMs(), shedPauseMs)
		o.pauseMs.Store(again)
		s.enqueue(task{atMs: again, kind: taskShed})
	}
	return failed
}

// shedIdlest goes once through the logs, until no more than goal files are open.
func (s *Store) shedIdlest(goal int64) (failed error) {
	o := &s.openFiles
	for idle := o.idlest(); len(idle) > 0 && o.count.Load() > goal && !s.isClosing(); {
		n, excess := 0, o.count.Load()-goal
		for n < min(len(idle), shedLogsMax) && excess > 0 {
			excess -= idle[n].filesOpen()
			n++
		}
		failed = errors.Join(failed, s.shedLogs(idle[:n]))
		idle = idle[n:]
	}
	return failed
}

func (s *Store) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// filesOpen is how many of the log's segments have their file open.
func (l *Log) filesOpen() (n int64) {
	for _, s := range l.view.Load().segments {
		if s.isOpen() {
			n++
		}
	}
	return n
}

// shedLogs brings logs to rest, as far as they may, and closes their files. It leaves
// out those that somebody else is at work on.
func (s *Store) shedLogs(logs []*Log) error {
	held := make([]*Log, 0, len(logs))
	for _, l := range logs {
		// Tried: who holds it may wait for a cut, and that for a log of these.
		if l.upkeep.TryLock() {
			held = append(held, l)
		}
	}
	defer func() {
		for _, l := range held {
			l.upkeep.Unlock()
		}
	}()
	err := s.restAll(held)
	closed := 0
	for _, l := range held {
		if n := l.closeIdle(); n > 0 {
			s.counters.shedFiles.Add(int64(n))
			closed++
		}
	}
	s.counters.shedLogs.Add(int64(closed))
	return err
}

// restAll brings to rest what may of the logs, whose upkeep the caller holds.
func (s *Store) restAll(logs []*Log) error {
	var failed error
	var mu sync.Mutex
	fail := func(l *Log, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil && !errors.Is(err, ErrClosed) {
			failed = errors.Join(failed, l.wrap("bring to rest", err))
		}
	}
	restless := slices.DeleteFunc(slices.Clone(logs), func(l *Log) bool { return !l.restless() })
	s.severalAtATime(restless, func(l *Log) { fail(l, l.sealRolled()) })
	_, left, err := s.pointTogether(restless, true)
	failed = errors.Join(failed, err)
	s.severalAtATime(left, func(l *Log) {
		err := l.flushFiles(l.Offset(LogEnd))
		if err == nil {
			l.mu.Lock()
			err = l.restIfIdle()
			l.mu.Unlock()
		}
		fail(l, err)
	})
	return failed
}

// restless tells that the log is not at rest, and could be.
func (l *Log) restless() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.standing.dirty && l.writable() == nil && l.compaction.stop == nil && !l.pending() &&
		(l.producers == nil || l.producers.txns.open.Len() == 0)
}

// closeIdle closes the files that may be of a log: all if it is at rest, else those of
// sealed segments. It returns how many. The caller holds l.upkeep.
//
// As a truncation does, it makes new segments over the same files, and leaves the
// old ones to those who have them pinned.
func (l *Log) closeIdle() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writable() != nil || l.compaction.stop != nil {
		return 0 // who compacts has its segments at hand, and not by pins alone
	}
	old := l.view.Load().segments
	// A sync under way ends with a place in what was the active segment then; of one
	// that is sealed all is durable.
	atRest := !l.standing.dirty && !l.commit.committing && l.commit.flushes == 0 && len(l.unsealed) == 0 && l.settled() &&
		!slices.ContainsFunc(old, func(s *segment) bool { return s.isOpen() && s.mended.Load() })
	if atRest && l.producers != nil {
		l.seen, l.producers = l.producers.seen(), nil // loaded when somebody asks
	}
	return l.closeSegments(atRest)
}

// closeSegments closes the files of sealed segments, or of all: what lies beside them
// is in its files then. It returns how many. The caller holds l.mu.
func (l *Log) closeSegments(all bool) int {
	old := l.view.Load().segments
	segments := slices.Clone(old)
	closed := map[*segment]*segment{}
	for i, s := range old {
		if s.isOpen() && !s.mended.Load() && (all || s.tail.sealed) {
			segments[i] = l.closedLike(s)
			closed[s] = segments[i]
		}
	}
	if all {
		l.store.openFiles.unlist(l) // first: who finds a closed segment lists it again
	}
	if len(closed) == 0 {
		return 0
	}
	l.producers.move(closed)
	for b := range l.bounds {
		m := l.bounds[b].load()
		if s := closed[m.segment]; s != nil {
			l.bounds[b].store(mark{s, m.place})
		}
	}
	l.view.Store(&view{segments})
	for s := range closed {
		s.unpin()
	}
	if all && slices.ContainsFunc(segments, (*segment).isOpen) { // a reader has opened one meanwhile
		l.store.openFiles.list(l)
	}
	return len(closed)
}

// settled tells that nothing the writer knows of the producers is needed to tell what
// is stable. The caller holds l.mu.
func (l *Log) settled() bool {
	if l.producers == nil {
		return true
	}
	txns := &l.producers.txns
	return txns.open.Len() == 0 && txns.decided.Len() == 0
}

// closedLike is a segment over the same files as s, which nobody has opened. The
// caller holds l.mu.
func (l *Log) closedLike(s *segment) *segment {
	c := l.closedSegment(s.known(), s.tail.sealed)
	c.tail.createdMs, c.tail.synced = s.tail.createdMs, s.size()
	c.firstMs.Store(s.firstMs.Load())
	return c
}

// move lets transactions lie in the segments that stand for others.
func (ps *producers) move(to map[*segment]*segment) {
	if ps == nil {
		return
	}
	for _, t := range slices.Concat(ps.txns.allOpen(), ps.txns.queue) {
		if s := to[t.at.segment]; s != nil {
			t.at.segment = s
		}
	}
}

// severalAtATime does something to each of the logs.
func (s *Store) severalAtATime(logs []*Log, do func(*Log)) {
	s.severally(len(logs), func(i int) { do(logs[i]) })
}
