package logstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// signalled tells whether a waiter was woken, and takes the signal.
func signalled(w *logstore.Waiter) bool {
	select {
	case <-w.C:
		return true
	default:
		return false
	}
}

// A waiter is woken by the bound it reads by, above the offset it names, once.
func TestWatch(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Durability, c.Replicated = logstore.OS, true })
	l := h.log()
	wait := map[string]*logstore.Waiter{}
	watch := func(name string, b logstore.Bound, above int64) {
		wait[name] = logstore.NewWaiter()
		l.Watch(b, above, wait[name])
	}
	want := func(when string, names ...string) {
		t.Helper()
		woken := map[string]bool{}
		for _, n := range names {
			woken[n] = true
		}
		for n, w := range wait {
			if got := signalled(w); got != woken[n] {
				t.Errorf("%s: %s woken %v", when, n, got)
			}
		}
	}
	watch("end>-1", logstore.LogEnd, -1)
	want("already so", "end>-1")
	watch("end>0", logstore.LogEnd, 0)
	watch("end>1", logstore.LogEnd, 1)
	watch("durable>0", logstore.Durable, 0)
	watch("high>0", logstore.HighWatermark, 0)
	watch("high>1", logstore.HighWatermark, 1)
	watch("unwatched", logstore.LogEnd, 0)
	l.Unwatch(wait["unwatched"])
	h.append(l, "a", 1)
	want("one appended", "end>0")
	h.append(l, "b", 1)
	want("two appended", "end>1")
	must(t, l.Flush())
	want("flushed", "durable>0")
	must(t, l.SetHighWatermark(1))
	want("high watermark 1", "high>0")
	must(t, l.SetHighWatermark(2))
	want("high watermark 2", "high>1")
	// One waiter, many watches: one signal says look again.
	many := logstore.NewWaiter()
	for range 3 {
		l.Watch(logstore.LogEnd, 2, many)
	}
	l.Watch(logstore.LogEnd, 3, many)
	h.append(l, "c", 1)
	if !signalled(many) || signalled(many) {
		t.Error("want one signal for three watches")
	}
	h.append(l, "d", 1)
	if !signalled(many) {
		t.Error("the fourth watch is lost")
	}
}

func TestWaitersWakeWhenTheLogEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(h *harness, l *logstore.Log)
		want error
	}{
		{"close", func(h *harness, l *logstore.Log) { must(h.t, h.store.Close()) }, logstore.ErrClosed},
		{"delete", func(h *harness, l *logstore.Log) { must(h.t, h.store.Delete(tp)) }, logstore.ErrClosed},
		{"poison", func(h *harness, l *logstore.Log) {
			h.fault.SetHook(func(op vfs.Op) error {
				if op.Kind == vfs.OpSync {
					return syscall.EIO
				}
				return nil
			})
			h.append(l, "a", 1)
		}, logstore.ErrPoisoned},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, nil)
			l := h.log()
			watched := logstore.NewWaiter()
			l.Watch(logstore.HighWatermark, 5, watched)
			waited := make(chan error)
			go func() { waited <- l.Wait(context.Background(), logstore.HighWatermark, 10) }()
			c.end(h, l)
			if err := <-waited; !errors.Is(err, c.want) {
				t.Fatalf("Wait: %v, want %v", err, c.want)
			}
			<-watched.C
			if err := l.Wait(context.Background(), logstore.HighWatermark, 10); !errors.Is(err, c.want) {
				t.Fatalf("Wait after: %v", err)
			}
			late := logstore.NewWaiter()
			l.Watch(logstore.HighWatermark, 5, late)
			if !signalled(late) {
				t.Fatal("a late watch is never woken")
			}
		})
	}
}

func TestWaitIsCancelled(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	ctx, cancel := context.WithCancelCause(context.Background())
	waited := make(chan error)
	go func() { waited <- l.Wait(ctx, logstore.LogEnd, 1) }()
	for l.Watches() == 0 {
		select {
		case err := <-waited:
			t.Fatal(err)
		default:
			runtime.Gosched()
		}
	}
	cancel(errors.New("no matter"))
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if n := l.Watches(); n != 0 {
		t.Errorf("%d watches of who gave up", n)
	}
	h.append(l, "a", 1)
	must(t, l.Wait(ctx, logstore.LogEnd, 1)) // what is there is there
}

// A timer ends a wait, unless what it is for has come as well.
func TestWaitUntilItIsLate(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	late := make(chan time.Time, 1)
	late <- time.Time{}
	if err := l.WaitUntil(t.Context(), late, logstore.LogEnd, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	h.append(l, "a", 1)
	late <- time.Time{}
	must(t, l.WaitUntil(t.Context(), late, logstore.LogEnd, 1))
	if len(late) != 1 {
		t.Error("it looked at the time")
	}
}

// No wake-up is lost: every reader sees every record, though it only ever waits
// for the next.
func TestNoWakeUpIsLost(t *testing.T) {
	const appenders, each, readers = 3, 60, 3
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 2000 })
	l := h.log()
	var group sync.WaitGroup
	for range appenders {
		group.Go(func() {
			for i := range each {
				if _, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), fmt.Sprint(i), 1), 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for r := range readers {
		group.Go(func() {
			w := logstore.NewWaiter()
			bound := []logstore.Bound{logstore.HighWatermark, logstore.LogEnd, logstore.Durable}[r]
			for seen := int64(0); seen < appenders*each; {
				l.Watch(bound, seen, w)
				<-w.C
				if now := l.Offset(bound); now > seen {
					seen = now
				}
				l.Unwatch(w)
			}
		})
	}
	group.Wait()
}

// While a sync hangs, appends go on and share the next one.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		l := h.log()
		first, release, syncs := true, make(chan struct{}), 0
		var mu sync.Mutex
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Kind != vfs.OpSync || !strings.HasSuffix(op.Name, ".log") {
				return nil
			}
			mu.Lock()
			syncs++
			hang := first
			first = false
			mu.Unlock()
			if hang {
				<-release
			}
			return nil
		})
		h.append(l, "first", 1)
		synctest.Wait()
		for i := range 20 {
			h.append(l, fmt.Sprint(i), 1)
		}
		synctest.Wait()
		if d := l.Offset(logstore.Durable); d != 0 || syncs != 1 {
			t.Fatalf("%d durable after %d syncs", d, syncs)
		}
		close(release)
		synctest.Wait()
		if d := l.Offset(logstore.HighWatermark); d != 21 || syncs != 2 {
			t.Fatalf("%d durable after %d syncs, want all 21 after 2", d, syncs)
		}
		must(t, h.store.Close())
	})
}

// A store that keeps house by itself does so by its clock, and ends with Close.
func TestHousekeepingGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.RetentionMs, c.FileDeleteDelayMs = 300, 3600_000, 60_000 })
		h.change = func(o *logstore.Options) { o.Manual, o.Clock = false, nil }
		must(t, h.store.Close())
		h.open()
		l, err := h.store.Create(tp, logstore.TopicID{}, h.config)
		must(t, err)
		for i := range 10 {
			_, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, nowInBubble(), fmt.Sprint(i), 1), 0)
			must(t, err)
		}
		synctest.Wait()
		if s := l.Segments(); len(s) < 3 || !s[0].Sealed {
			t.Fatalf("not sealed: %+v", s)
		}
		advanceBubble(61)
		synctest.Wait()
		if got := string(readAll(t, h.mem, "data/logs/recovery-point-offset-checkpoint")); got != "0\n2\nmoldau! 0 0\nt 0 10\n" {
			t.Fatalf("checkpoint %q", got)
		}
		advanceBubble(3540)
		synctest.Wait()
		if got := l.StartOffset(); got != 10 || len(filesIn(t, h.mem, logDir, ".deleted")) == 0 {
			t.Fatalf("starts at %d after retention.ms", got)
		}
		advanceBubble(61)
		synctest.Wait()
		if left := filesIn(t, h.mem, logDir, ".deleted"); len(left) > 0 {
			t.Fatalf("not unlinked: %v", left)
		}
		must(t, h.store.Close())
	})
}

// Inside a synctest bubble time passes only here.
func advanceBubble(seconds int) { time.Sleep(time.Duration(seconds) * time.Second) }

func nowInBubble() int64 { return time.Now().UnixMilli() }
