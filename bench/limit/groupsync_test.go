package limit

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestGroupSync waits for a sync that began after the call, and shares it.
func TestGroupSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int64
		failure := errors.New("third")
		g := &GroupSync{Sync: func() error {
			n := begun.Add(1)
			time.Sleep(time.Second)
			if n == 3 {
				return failure
			}
			return nil
		}}
		type outcome struct {
			begunBefore, begunAfter int64
			err                     error
		}
		outcomes := make(chan outcome, 100)
		wait := func() {
			before := begun.Load()
			err := g.Wait()
			outcomes <- outcome{before, begun.Load(), err}
		}
		go wait()
		synctest.Wait()
		for range 10 { // while the first runs: all share the second
			go wait()
		}
		time.Sleep(1500 * time.Millisecond)
		go wait() // while the second runs
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(outcomes) != 12 || g.syncs != 3 {
			t.Fatalf("%d returned after %d syncs, want 12 after 3", len(outcomes), g.syncs)
		}
		failed := 0
		for range 12 {
			o := <-outcomes
			if o.begunAfter <= o.begunBefore {
				t.Errorf("returned after %d syncs had begun, %d had before the call", o.begunAfter, o.begunBefore)
			}
			if errors.Is(o.err, failure) {
				failed++
			}
		}
		if failed != 1 {
			t.Errorf("%d saw the third sync fail, want 1", failed)
		}
		if g.running || g.next != nil {
			t.Error("still running")
		}
	})
}
