package logstore

import "syscall"

// stallMs is how long a log whose commit wanted for descriptors waits before the
// next.
const stallMs = 1000

// isShortage tells that what failed did so for want of descriptors alone: the
// file was not opened, so nothing was tried, and unlike a sync that failed it can
// be tried again.
func isShortage(err error) bool {
	switch e := err.(type) {
	case syscall.Errno:
		return e == syscall.EMFILE || e == syscall.ENFILE
	case interface{ Unwrap() error }:
		return isShortage(e.Unwrap())
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		for _, one := range all {
			if !isShortage(one) {
				return false
			}
		}
		return len(all) > 0
	}
	return false
}

// syncFailed judges a failure to bring the log's files to stable storage, which
// is final but for a shortage.
func (l *Log) syncFailed(err error) error {
	if isShortage(err) {
		return err
	}
	return l.poison(err)
}

// stall puts the log's next commit off: it would fail as this one did, at once,
// and again. The caller holds l.mu.
func (l *Log) stall(err error) {
	if !l.commit.starved {
		l.commit.starved = true
		l.store.report(task{kind: taskCommit, log: l}, err)
	}
	l.commit.stalled = err
	l.store.enqueue(task{atMs: later(l.store.nowMs(), stallMs), kind: taskCommit, log: l})
}

// unstall lets a log commit again that was stalled.
func (l *Log) unstall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commit.stalled = nil
	if !l.closed.Load() { // nor deleted
		l.scheduleSync()
	}
}
