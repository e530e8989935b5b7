package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func forget(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var adviseErr error
	err = c.Control(func(fd uintptr) { adviseErr = unix.Fadvise(int(fd), 0, 0, unix.FADV_DONTNEED) })
	if err == nil {
		err = adviseErr
	}
	return err
}
