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

func syncAll(f *os.File) error {
	if !syncfsTellsErrors() {
		return errors.ErrUnsupported
	}
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var syncErr error
	if err := c.Control(func(fd uintptr) { syncErr = unix.Syncfs(int(fd)) }); err != nil {
		return err
	}
	return syncErr
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
