//go:build unix

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// fcntlLock takes a write lock on the whole file, or ErrLocked.
func fcntlLock(f *os.File, command int) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var lockErr error
	err = raw.Control(func(fd uintptr) {
		whole := unix.Flock_t{Type: unix.F_WRLCK}
		lockErr = unix.FcntlFlock(fd, command, &whole)
	})
	if err != nil {
		return err
	}
	if lockErr == unix.EAGAIN || lockErr == unix.EACCES {
		return ErrLocked
	}
	return lockErr
}
