package pace

import (
	"context"
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// watchEvery is how often a watch wakes up; fifo its priority, of 1 to 99.
const (
	watchEvery   = time.Millisecond
	fifoPriority = 50
)

// Watch wakes up every millisecond on one core until ctx is done, and tells how late
// it was, and when. It has real-time priority where the system grants that, so that no
// ordinary thread keeps it waiting: what remains is the kernel, and a virtual machine's
// host. It needs a goroutine of its own, whose thread ends with it.
func Watch(ctx context.Context, core int, woke func(at time.Time, late time.Duration)) (realTime bool, err error) {
	runtime.LockOSThread() // never undone: the thread is of no use to others
	var cores unix.CPUSet
	cores.Set(core)
	if err := unix.SchedSetaffinity(0, &cores); err != nil {
		return false, err
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return false, err
	}
	err = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: fifoPriority}, 0)
	if err != nil && !errors.Is(err, unix.EPERM) {
		return false, err
	}
	realTime = err == nil
	for due := time.Now().Add(watchEvery); ctx.Err() == nil; due = due.Add(watchEvery) {
		Until(due)
		now := time.Now()
		woke(now, now.Sub(due))
		if due.Before(now) { // one that was missed counts once
			due = now
		}
	}
	return realTime, nil
}
