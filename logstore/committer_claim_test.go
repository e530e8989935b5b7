package logstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// hanging has syncs of files whose name contains the text hang until they are
// released. begun is signalled by each.
func hanging(h *harness, name string) (begun, release chan struct{}) {
	begun, release = make(chan struct{}, 16), make(chan struct{})
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && strings.Contains(op.Name, name) {
			begun <- struct{}{}
			<-release
		}
		return nil
	})
	return begun, release
}

// An append that runs the commit itself has done so when it returns, and does not
// serve those who came meanwhile: their disk may hang.
func TestAppendDoesNotCommitForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		l, other := h.log(), h.another()
		must(t, h.store.Checkpoint())
		first, release := hanging(h, "/t-0/")
		answer := make(chan error, 1)
		go func() {
			_, err := l.Append(context.Background(), record.Record{Value: []byte("a")})
			answer <- err
		}()
		<-first
		ctx, cancel := context.WithCancel(t.Context())
		late := make(chan error, 1)
		go func() {
			_, err := other.Append(ctx, record.Record{Value: []byte("b")})
			late <- err
		}()
		synctest.Wait()
		if len(late) > 0 || len(answer) > 0 {
			t.Fatal("answered while the first commit's sync hangs")
		}
		_, releaseOther := hanging(h, "") // whatever the other's goes to
		close(release)
		synctest.Wait()
		if len(answer) == 0 {
			t.Fatal("the first append waits for the commit of another log")
		}
		must(t, <-answer)
		cancel()
		if err := <-late; !errors.Is(err, context.Canceled) {
			t.Fatalf("the other: %v, want the context's error while its sync hangs", err)
		}
		close(releaseOther)
		synctest.Wait()
		if got := other.Offset(logstore.HighWatermark); got != 1 {
			t.Fatalf("the other's high watermark is %d after all, want 1", got)
		}
		must(t, h.store.Close())
	})
}

// Who may have to leave does not run the commit.
func TestAppendLeavesAHangingSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		l := h.log()
		begun, release := hanging(h, "")
		ctx, cancel := context.WithCancel(t.Context())
		answer := make(chan error, 1)
		go func() {
			_, err := l.Append(ctx, record.Record{Value: []byte("a")})
			answer <- err
		}()
		<-begun
		cancel()
		if err := <-answer; !errors.Is(err, context.Canceled) {
			t.Fatalf("%v, want the context's error", err)
		}
		close(release)
		synctest.Wait()
		if got := l.Offset(logstore.HighWatermark); got != 1 {
			t.Fatalf("high watermark %d, want 1", got)
		}
		must(t, h.store.Close())
	})
}

// Nor does it claim a commit before it can go on: what is asked for while it waits for
// a segment to be sealed would wait as long.
func TestAppendThatWaitsForTheSealerClaimsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.Durability = 100, logstore.OS })
		must(t, h.store.Close())
		h.change = func(o *logstore.Options) { o.UnsealedMax, o.Manual = 2, false }
		h.open()
		l := h.log()
		sealing, release := hanging(h, ".index")
		h.append(l, "a", 1)
		h.append(l, "b", 1) // rolls
		<-sealing
		h.append(l, "c", 1) // rolls again, and that is as much as may wait
		answer, flushed := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := l.Append(context.Background(), record.Record{Value: []byte("d")})
			answer <- err
		}()
		synctest.Wait()
		go func() { flushed <- l.Flush() }()
		synctest.Wait()
		appends, flushes := len(answer), len(flushed)
		close(release)
		must(t, <-flushed)
		must(t, <-answer)
		must(t, h.store.Close())
		if appends > 0 || flushes == 0 {
			t.Fatalf("%d appends and %d flushes returned while a segment was being sealed, want the flush alone", appends, flushes)
		}
	})
}
