package servertest

import (
	"sync"
	"time"
)

// Clock is real time, and what was added to it. The zero Clock is ready for use.
type Clock struct {
	mu    sync.Mutex
	added time.Duration // under mu
}

// Now is real time and all steps.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.added)
}

// Step moves the clock forward.
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added += d
}
