//go:build linux || darwin || freebsd

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func statfs(f *os.File, s *unix.Statfs_t) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var statErr error
	err = raw.Control(func(fd uintptr) {
		for {
			if statErr = unix.Fstatfs(int(fd), s); statErr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return statErr
}
