package vfs

import (
	"errors"
	"io"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile takes the lock that Java's FileChannel takes on Windows. It belongs
// to the handle, so it excludes other holders of this process too.
func lockFile(root *os.Root, name string) (io.Closer, error) {
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err = setLock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func setLock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var lockErr error
	err = raw.Control(func(fd uintptr) {
		const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
		lockErr = windows.LockFileEx(windows.Handle(fd), flags, 0,
			math.MaxUint32, math.MaxInt32, new(windows.Overlapped))
	})
	if err != nil {
		return err
	}
	if lockErr == windows.ERROR_LOCK_VIOLATION {
		return ErrLocked
	}
	return lockErr
}
