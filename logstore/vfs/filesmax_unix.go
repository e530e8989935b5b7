//go:build linux || darwin || freebsd

package vfs

import (
	"math"

	"golang.org/x/sys/unix"
)

// FilesMax is how many files the process may have open (RLIMIT_NOFILE), if that is
// known. Go has raised the soft limit to the hard one by then.
func FilesMax() (n int64, known bool) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || uint64(l.Cur) > math.MaxInt64 {
		return 0, false
	}
	return int64(l.Cur), true
}
