package logstore

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"moldau/logstore/vfs"
)

// openFilesDefault bounds the open files where the system does not say how many a
// process may have, and openFilesMost where it allows more: sealed indexes are
// mapped, and of maps a process has 65,530.
const (
	openFilesDefault = 8_192
	openFilesMost    = 20_000
)

// openFiles are the segments' files of a store that are open. Each log that is used
// opens its own; above the bound those that were not used for the longest are
// closed again. The bound is a soft one: who opens another waits only where a
// sixteenth more are open, see awaitFiles.
type openFiles struct {
	count atomic.Int64
	max   int64 // 0 for no bound

	// time is what tells which log was used last: it goes on with the files that
	// are opened, not with the clock, and so slowly that a log in use rarely has to
	// note it.
	time atomic.Uint64

	asked   atomic.Bool  // somebody is about to close some; or the store is being opened
	pauseMs atomic.Int64 // before that nobody is asked: it was of little use, and is tried again then
	wanted  atomic.Int64 // where the system gave no more: 1 above how many may be left

	helping sync.Mutex // who opens files, and closes others because nobody else does

	mu     sync.Mutex
	pass   chan struct{}     // under mu; closed when the closing that is under way has ended
	logs   map[*Log]struct{} // under mu; those that may have a file open
	opened int64             // under mu; how often
}

// openFilesTicks is how often the time goes on while as many files are opened as
// may be open.
const openFilesTicks = 64

func (o *openFiles) begin(opt Options) {
	o.logs = map[*Log]struct{}{}
	o.asked.Store(true)
	switch limit, known := vfs.FilesMax(); {
	case opt.ReadOnly || opt.OpenFilesMax < 0:
	case opt.OpenFilesMax > 0:
		o.max = int64(opt.OpenFilesMax)
	case known:
		o.max = min(limit/4*3, openFilesMost)
	default:
		o.max = openFilesDefault
	}
}

// list notes that a log has a file open.
func (o *openFiles) list(l *Log) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.logs[l] = struct{}{}
	if o.opened++; o.opened >= o.max/openFilesTicks {
		o.opened = 0
		o.time.Add(1)
	}
	l.used.Store(o.time.Load())
}

// half tells that half of the files that may be open are.
func (o *openFiles) half() bool { return o.max > 0 && o.count.Load() > o.max/2 }

func (o *openFiles) unlist(l *Log) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.logs, l)
}

// listed is how many logs have files open.
func (o *openFiles) listed() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.logs)
}

// idlest is the logs that may have files open, the one first that was not used for
// the longest.
func (o *openFiles) idlest() []*Log {
	o.mu.Lock()
	logs := slices.AppendSeq(make([]*Log, 0, len(o.logs)), maps.Keys(o.logs))
	o.mu.Unlock()
	// As it was when they were collected: a comparison must not change its mind.
	used := make(map[*Log]uint64, len(logs))
	for _, l := range logs {
		used[l] = l.used.Load()
	}
	slices.SortFunc(logs, func(a, b *Log) int {
		return cmp.Or(cmp.Compare(used[a], used[b]), compareNames(a.tp, b.tp))
	})
	return logs
}

// use notes that the log is in use.
func (l *Log) use() {
	if now := l.store.openFiles.time.Load(); l.used.Load() != now {
		l.used.Store(now)
	}
}

// opened notes that the log has opened a file, and has others closed if there are
// too many.
//
// A log that is being made, or recovered, is listed when it has its segments.
func (l *Log) opened() {
	o := &l.store.openFiles
	if l.view.Load() != nil {
		o.list(l)
		if l.released() { // who reads from it has it pinned, and it is not the store's any more
			o.unlist(l)
		}
	}
	if o.max > 0 && o.count.Load() > o.max {
		l.store.askShed()
	}
}

// beginShedding is done when the store is open: it may have opened too many.
func (s *Store) beginShedding() {
	o := &s.openFiles
	o.asked.Store(false)
	if o.max > 0 && o.count.Load() > o.max {
		s.askShed()
	}
}

// beginPass tells whether nobody has asked before. Whoever finds that somebody has finds
// the pass that is waited for as well; it is nil where another's will do.
func (o *openFiles) beginPass() (pass chan struct{}, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.asked.Swap(true) {
		return nil, false
	}
	if o.pass == nil {
		o.pass = make(chan struct{})
		return o.pass, true
	}
	return nil, true
}

func (o *openFiles) endPass(pass chan struct{}) {
	if pass == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pass = nil
	close(pass)
}

// awaitFiles lets who may open a file wait for others to be closed, or close some, if
// far more are open than may be: opening would win, up to what the system allows. The
// caller holds no lock.
func (s *Store) awaitFiles() {
	o := &s.openFiles
	if o.max == 0 || !o.tooMany() || s.opt.Manual {
		return
	}
	o.mu.Lock()
	pass := o.pass
	o.mu.Unlock()
	if pass != nil {
		<-pass
		return
	}
	// Nobody is at it: a moment ago it was of little use.
	if s.enter() != nil {
		return
	}
	defer s.changes.Done()
	o.helping.Lock()
	defer o.helping.Unlock()
	if o.tooMany() {
		_ = s.shedIdlest(o.max) // what fails is told by whoever does it next
	}
}

func (o *openFiles) tooMany() bool { return o.count.Load() > o.max+o.max/16 }

// shedAnyway has files closed because the system gave none, whatever the bound.
func (s *Store) shedAnyway() {
	if o := &s.openFiles; o.max > 0 {
		o.wanted.Store(1 + o.count.Load()*9/10)
		s.askShed()
	}
}

// makeRoom is shedAnyway for who waits for it, and wanted for descriptors when s had
// closed as many files as before says, or later. It tells whether more were closed
// since, by this or by others: where the caller does the background work, or it was of
// little use a moment ago, none may be. The caller holds no lock of a log.
func (s *Store) makeRoom(before int64) bool {
	o := &s.openFiles
	s.shedAnyway()
	if s.opt.Manual {
		return false
	}
	o.mu.Lock()
	pass := o.pass
	o.mu.Unlock()
	if pass != nil {
		<-pass
	}
	return s.counters.shedFiles.Load() > before
}

// askShed has files closed, by whoever does the store's background work.
func (s *Store) askShed() {
	o := &s.openFiles
	if s.nowMs() < o.pauseMs.Load() || o.asked.Load() {
		return
	}
	if s.opt.Manual {
		if !o.asked.Swap(true) {
			s.enqueue(task{kind: taskShed})
		}
		return
	}
	s.mu.RLock() // or Close could wait for workers already
	defer s.mu.RUnlock()
	if s.closed {
		return
	}
	pass, first := o.beginPass()
	if !first {
		return
	}
	s.workers.Add(1)
	go func() { // not behind other housekeeping: files are being opened meanwhile
		defer s.workers.Done()
		defer o.endPass(pass)
		if err := s.shed(); err != nil {
			s.report(task{kind: taskShed}, err)
			s.enqueue(task{atMs: later(s.nowMs(), retryMs), kind: taskShed})
		} else {
			s.finish(task{kind: taskShed})
		}
	}()
}
