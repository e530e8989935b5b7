package pace_test

import (
	"context"
	"testing"
	"time"

	"moldau/bench/pace"
)

// A watch is never early, goes on, and ends when it is told to.
func TestWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	var last time.Time
	wakes := 0
	go func() {
		_, err := pace.Watch(ctx, 0, func(at time.Time, late time.Duration) {
			if late < 0 || !at.After(last) {
				t.Errorf("woke %v late, after %v", late, at.Sub(last))
			}
			last = at
			if wakes++; wakes == 5 {
				cancel()
			}
		})
		done <- err
	}()
	if err := <-done; err != nil || wakes != 5 {
		t.Errorf("%d wakes, %v", wakes, err)
	}
}
