package group

import (
	"math"
	"sync"
	"sync/atomic"
)

// alarm wakes the goroutine that watches the shards' deadlines.
type alarm struct {
	nextMs atomic.Int64  // when it goes off; written under mu, and read without by those who have time
	sooner chan struct{} // told when that became less

	mu    sync.Mutex
	awake bool // the deadlines are being looked through, so nobody need be woken
}

func newAlarm() *alarm {
	a := &alarm{sooner: make(chan struct{}, 1)}
	a.nextMs.Store(math.MaxInt64)
	return a
}

// expect sees to it that the alarm goes off at a time at the latest.
func (a *alarm) expect(ms int64) {
	if ms >= a.nextMs.Load() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if ms >= a.nextMs.Load() {
		return
	}
	a.nextMs.Store(ms)
	if a.awake {
		return
	}
	a.ring()
}

// ring wakes the goroutine now.
func (a *alarm) ring() {
	select {
	case a.sooner <- struct{}{}:
	default:
	}
}

// collect runs look, which must expect every deadline there is, and returns the
// first of them and of those that came up meanwhile.
func (a *alarm) collect(look func()) (nextMs int64) {
	a.mu.Lock()
	a.awake = true
	a.nextMs.Store(math.MaxInt64)
	a.mu.Unlock()
	look()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.awake = false
	return a.nextMs.Load()
}
