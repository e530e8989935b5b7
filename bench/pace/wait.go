package pace

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Thread makes this goroutine's thread one that wakes up on time, and keeps the
// goroutine on it until release. Sleeps of an ordinary thread may be 50 us late by
// intent, so that the kernel wakes up several at once.
func Thread() (release func(), err error) {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return func() {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // 0 is what it was
		runtime.UnlockOSThread()
	}, nil
}

// Until sleeps until a time, in the kernel, and not at all if it has passed.
func Until(at time.Time) {
	for {
		left := time.Until(at)
		if left <= 0 {
			return
		}
		t := unix.NsecToTimespec(int64(left))
		_ = unix.Nanosleep(&t, nil) // who was woken up early sleeps on
	}
}
