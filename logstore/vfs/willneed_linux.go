package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func willNeed(f *os.File) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _ = unix.Fadvise(int(fd), 0, 0, unix.FADV_WILLNEED) })
	}
}
