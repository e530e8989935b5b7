package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func willNeed(f *os.File, off, bytes int64) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _ = unix.Fadvise(int(fd), off, bytes, unix.FADV_WILLNEED) })
	}
}
