package yardstick

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what this process has used up, and what the host took from the
// machine meanwhile.
type Usage struct {
	CPUSeconds   float64 // user and system
	WrittenBytes int64   // pages made dirty, however often one was
	StealSeconds float64
}

// Used reads what was used so far.
func Used() (u Usage, err error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, os.NewSyscallError("getrusage", err)
	}
	u.CPUSeconds = (time.Duration(r.Utime.Nano()) + time.Duration(r.Stime.Nano())).Seconds()
	if _, u.StealSeconds, err = Times(os.Getpid()); err != nil {
		return u, err
	}
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(io)) {
		if value, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			u.WrittenBytes, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return u, err
		}
	}
	return u, fmt.Errorf("/proc/self/io has no write_bytes")
}

// Since is what was used after before.
func (u Usage) Since(before Usage) Usage {
	return Usage{u.CPUSeconds - before.CPUSeconds, u.WrittenBytes - before.WrittenBytes, u.StealSeconds - before.StealSeconds}
}
