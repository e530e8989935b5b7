package logstore

import (
	"errors"
	"fmt"
	"syscall"
)

// poison ends a log's life as a place to write to. After a failed sync the
// kernel marks the pages clean that it could not write, so that a second sync
// would lie; nothing more is acknowledged until the log is opened anew and
// reads back what the disk holds, for which distrust sees.
func (l *Log) poison(cause error) error {
	err := fmt.Errorf("%w: %w", ErrPoisoned, cause)
	if l.failed.CompareAndSwap(nil, &err) {
		l.store.distrust.note(l.store, cause)
		l.store.emit(LogPoisoned{l.tp, cause})
		l.watchers.wakeAll()
	}
	return err
}

// failure is why the log was poisoned, nil if it was not.
func (l *Log) failure() error {
	if p := l.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// isDeviceError tells that a failed write may have reached the file in part
// that cannot be known.
func isDeviceError(err error) bool { return errors.Is(err, syscall.EIO) }

// spaceError adds ErrNoSpace where the device is full.
func spaceError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
