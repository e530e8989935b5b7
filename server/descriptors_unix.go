//go:build linux || darwin || freebsd

package server

import (
	"math"

	"golang.org/x/sys/unix"
)

// descriptorsMax is how many files the process may have open, 0 if that is
// unknown. Go has raised the soft limit to the hard one by then.
func descriptorsMax() int64 {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || uint64(l.Cur) > math.MaxInt64 {
		return 0
	}
	return int64(l.Cur)
}
