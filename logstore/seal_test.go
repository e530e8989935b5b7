package logstore_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// rolling is a log that rolls at every append but the first.
func rolling(t *testing.T, manual bool) (*harness, *logstore.Log) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 100 })
	must(t, h.store.Close())
	h.change = func(o *logstore.Options) { o.UnsealedMax, o.Manual = 2, manual }
	h.open()
	return h, h.log()
}

// unsealed counts the rolled segments that wait for being sealed.
func unsealed(l *logstore.Log) (n int) {
	for _, s := range l.Segments() {
		if !s.Sealed {
			n++
		}
	}
	return n - 1
}

// While a disk hangs that a segment is being sealed on, so many more may roll and
// no more: their indexes are in memory. Reads go on.
func TestRollsWaitForTheSealer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l := rolling(t, false)
		release := make(chan struct{})
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync && strings.HasSuffix(op.Name, ".index") {
				<-release
			}
			return nil
		})
		h.append(l, "a", 1)
		h.append(l, "a", 1) // rolls
		synctest.Wait()     // the first segment is being sealed
		appended, done := atomic.Int64{}, make(chan error, 1)
		go func() {
			for range 20 {
				if _, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "a", 1), 0); err != nil {
					done <- err
					return
				}
				appended.Add(1)
			}
			done <- nil
		}()
		synctest.Wait()
		if n := appended.Load(); n != 1 || unsealed(l) != 2 {
			t.Fatalf("%d appends and %d segments did not wait for the disk", n, unsealed(l))
		}
		wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "a-0", "a-0")
		close(release)
		must(t, <-done)
		if n := unsealed(l); n > 2 {
			t.Fatalf("%d wait for being sealed", n)
		}
	})
}

// Where nobody keeps house appends seal what they have to, and tell when that
// fails.
func TestAppendsSealWhereNobodyElseDoes(t *testing.T) {
	h, l := rolling(t, true)
	for range 20 {
		h.append(l, "a", 1)
		if n := unsealed(l); n > 2 {
			t.Fatalf("%d wait for being sealed", n)
		}
	}
	h.fault.SetHook(failing(vfs.OpWrite, ".snapshot.tmp", syscall.ENOSPC))
	var err error
	for i := 0; i < 3 && err == nil; i++ {
		_, err = l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "b", 1), 0)
	}
	if !errors.Is(err, logstore.ErrNoSpace) {
		t.Fatalf("%v, want ErrNoSpace", err)
	}
	h.fault.SetHook(nil)
	end := l.Offset(logstore.LogEnd)
	h.appendDurably(l, "c", 1)
	if all := values(t, h.powerCut(), logstore.HighWatermark); len(all) != int(end)+1 || fmt.Sprint(all[end]) != "c-0" {
		t.Fatalf("%v", all)
	}
}
