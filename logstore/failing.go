package logstore

import "sync"

// work is what tells one piece of background work from another, whenever it is
// tried.
type work struct {
	kind taskKind
	log  *Log
	base int64
	dir  string
}

func (t task) work() work { return work{t.kind, t.log, t.base, t.dir} }

func (k taskKind) String() string {
	return [...]string{"seal", "mark", "unlink", "remove", "retention", "flush", "checkpoint", "cut", "mend", "commit", "shed"}[k]
}

// failing is the work that failed when it was last tried. All of it is tried
// again, and leaves then, or fails as a log's that is closed.
type failing struct {
	mu   sync.Mutex
	errs map[work]string // under mu; as what
}

// add tells whether the work failed like this the last time, too.
func (f *failing) add(w work, err error) (repeated bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, repeated := f.errs[w]
	if f.errs == nil {
		f.errs = map[work]string{}
	}
	f.errs[w] = err.Error()
	return repeated && last == err.Error()
}

// remove tells whether the work was failing.
func (f *failing) remove(w work) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, was := f.errs[w]
	delete(f.errs, w)
	return was
}

// report tells of work that failed.
func (s *Store) report(t task, err error) {
	s.emit(HousekeepingFailed{Log: t.tp(), Work: t.kind.String(), Err: err, Repeated: s.failing.add(t.work(), err)})
}

// finish tells of work that was failing, and has been done. Nobody works on a log
// that takes nothing any more: that its work is over is no news.
func (s *Store) finish(t task) {
	if s.failing.remove(t.work()) && (t.log == nil || t.log.writable() == nil) {
		s.emit(HousekeepingResumed{Log: t.tp(), Work: t.kind.String()})
	}
}

// tp is zero for work on the store itself.
func (t task) tp() TopicPartition {
	if t.log == nil {
		return TopicPartition{}
	}
	return t.log.tp
}
