package vfs

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncfsTellsErrors is false before Linux 5.8.
var syncfsTellsErrors = sync.OnceValue(func() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	parts := strings.SplitN(unix.ByteSliceToString(u.Release[:]), ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (major > 5 || major == 5 && minor >= 8)
})

// syncfsIsDurable tells that syncfs does for a file what fdatasync does: on FUSE it
// writes pages to a server that syncs nothing, and on what lies over another file
// system the errors of a file are not the file's own.
func syncfsIsDurable(fd int) bool {
	var s unix.Statfs_t
	if unix.Fstatfs(fd, &s) != nil {
		return false
	}
	switch int64(s.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return true
	}
	return false
}

func syncAll(f *os.File) error {
	if !syncfsTellsErrors() {
		return errors.ErrUnsupported
	}
	return controlled(f, func(fd int) error {
		if !syncfsIsDurable(fd) {
			return errors.ErrUnsupported
		}
		return unix.Syncfs(fd)
	})
}

// writtenBack tells, once, what could not be written of a file that a sync of all
// has written. It writes nothing and waits for nothing.
func writtenBack(f *os.File) error {
	return controlled(f, func(fd int) error { return unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WAIT_BEFORE) })
}

// controlled makes a system call on a file that nobody closes meanwhile.
func controlled(f *os.File, call func(fd int) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	if err := c.Control(func(fd uintptr) { callErr = call(int(fd)) }); err != nil {
		return err
	}
	return callErr
}

func sameDevice(a, b *os.File) bool {
	if b == nil {
		return false
	}
	infoA, err1 := a.Stat()
	infoB, err2 := b.Stat()
	if err1 != nil || err2 != nil {
		return false
	}
	statA, ok1 := infoA.Sys().(*syscall.Stat_t)
	statB, ok2 := infoB.Sys().(*syscall.Stat_t)
	return ok1 && ok2 && statA.Dev == statB.Dev
}
