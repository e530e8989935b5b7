package logstore

import (
	"sync"
	"time"
)

// throttleStep is how long a throttled compaction waits, at most, before it looks
// at the clock again, which may not be that of its timer.
const throttleStep = 100 * time.Millisecond

// throttle spreads what compactions read and write over time. One that was idle
// may go on at once, but has nothing saved up.
type throttle struct {
	clock     Clock
	perSecond int64 // bytes; 0 for no limit

	mu   sync.Mutex
	paid time.Time // under mu; when all that was taken is
}

// wait takes so many bytes, and waits until all that was taken before has been
// paid by time, or stop is closed.
func (t *throttle) wait(bytes int64, stop <-chan struct{}) error {
	if t.perSecond <= 0 {
		return nil
	}
	due := t.take(bytes)
	for {
		left := due.Sub(t.clock.Now())
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(min(left, throttleStep))
		select {
		case <-timer.C:
		case <-stop:
			timer.Stop()
			return errStopped
		}
	}
}

// take notes so many bytes and returns when those before them are paid.
func (t *throttle) take(bytes int64) (due time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.clock.Now(); t.paid.Before(now) {
		t.paid = now
	}
	due = t.paid
	t.paid = due.Add(time.Duration(float64(bytes) / float64(t.perSecond) * float64(time.Second)))
	return due
}
