package logstore_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// givenUp returns a log of which the compaction that began at 2 was given up for
// want of descriptors, just when the data was named .swap, and so was its clearing
// up. The want lasts until the hook is taken off.
func givenUp(t *testing.T, change func(*logstore.Config)) (*harness, *logstore.Log) {
	t.Helper()
	h, l := newCompacted(t, change)
	h.put(l, record.BuilderOptions{}, "stays=0")
	h.roll(l)
	for _, n := range []string{"1", "2"} {
		h.put(l, record.BuilderOptions{}, "k="+n, "x="+n, "pad="+strings.Repeat("p", 100))
	}
	h.roll(l)
	h.store.Housekeep(h.clock.Now())
	must(t, h.store.Checkpoint())
	short := false
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpRename && strings.HasSuffix(op.Name, "/00000000000000000002.log.cleaned") {
			short = true
		} else if short && (op.Kind == vfs.OpSyncDir || op.Kind == vfs.OpRemove) {
			return syscall.EMFILE
		}
		return nil
	})
	h.store.Compact(h.clock.Now())
	if !short || len(eventsOf[logstore.CompactionFailed](h.events)) != 1 || !isThere(h, "00000000000000000002.log.swap") {
		t.Fatalf("no swap was given up: %+v", eventsOf[logstore.CompactionFailed](h.events))
	}
	must(t, l.Err())
	return h, l
}

func isThere(h *harness, name string) bool {
	_, err := h.mem.Stat(logDir + "/" + name)
	return err == nil
}

// A swap that was given up replaces nothing that came later, and no later swap
// takes it in.
func TestSwapThatWasGivenUp(t *testing.T) {
	for _, c := range []struct {
		name string
		goOn func(h *harness, l *logstore.Log)
	}{
		{"truncation", func(h *harness, l *logstore.Log) {
			must(h.t, l.TruncateTo(2))
			for _, r := range strings.Fields("a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1") {
				h.put(l, record.BuilderOptions{}, r)
			}
		}},
		{"compaction from a lower offset", func(h *harness, l *logstore.Log) {
			h.put(l, record.BuilderOptions{}, "k")
			h.roll(l)
			c := l.Config()
			c.SegmentBytes = 100_000
			must(h.t, l.Configure(c))
			h.events.list = nil
			h.clock.add(time.Hour)
			h.compact(l)
			h.put(l, record.BuilderOptions{}, "y=1")
			h.clock.add(time.Hour)
			c.SegmentBytes = 400
			must(h.t, l.Configure(c))
			h.roll(l)
			c.SegmentBytes = 100_000
			must(h.t, l.Configure(c))
			h.compact(l)
		}},
		{"retention", func(h *harness, l *logstore.Log) {
			for range 3 {
				h.roll(l)
			}
			must(h.t, l.AdvanceStart(l.Segments()[4].Base))
			h.store.Housekeep(h.clock.Now())
		}},
		{"rest", func(h *harness, l *logstore.Log) { h.reopen() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, l := givenUp(t, nil)
			h.fault.SetHook(nil)
			c.goOn(h, l)
			l, err := h.store.Log(tp)
			must(t, err)
			must(t, h.store.Checkpoint())
			h.put(l, record.BuilderOptions{}, "last=1")
			before := pairs(t, l, logstore.HighWatermark)
			l = h.powerCut()
			wantValues(t, pairs(t, l, logstore.HighWatermark), before...)
			must(t, h.store.Close())
			noFaults(t, h.mem)
		})
	}
}

// While the want lasts nothing changes that a start would put the swap in place of.
func TestSwapThatCannotBeTakenBack(t *testing.T) {
	h, l := givenUp(t, nil)
	h.fault.SetHook(nil)
	for range 3 {
		h.roll(l)
	}
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSyncDir || op.Kind == vfs.OpRemove {
			return syscall.EMFILE
		}
		return nil
	})
	before, segments := pairs(t, l, logstore.HighWatermark), l.Segments()
	if err := l.TruncateTo(2); err == nil {
		t.Fatal("truncated")
	}
	must(t, l.Err())
	wantValues(t, pairs(t, l, logstore.HighWatermark), before...)
	must(t, l.AdvanceStart(segments[4].Base))
	h.store.Housekeep(h.clock.Now())
	if !isThere(h, "00000000000000000002.log") {
		t.Fatal("the segment at 2 has gone")
	}
	h.fault.SetHook(nil)
	h.clock.add(time.Minute)
	h.store.Housekeep(h.clock.Now())
	for _, name := range []string{"00000000000000000002.log", "00000000000000000002.log.swap"} {
		if isThere(h, name) {
			t.Fatalf("%s is there when the want is over", name)
		}
	}
	left := pairs(t, l, logstore.HighWatermark)
	wantValues(t, pairs(t, h.powerCut(), logstore.HighWatermark), left...)
	must(t, h.store.Close())
	noFaults(t, h.mem)
}

// Who holds on to a log that was deleted clears nothing up in the directory of the one
// that has its name now.
func TestTruncationOfADeletedLogTouchesNothing(t *testing.T) {
	h, l := givenUp(t, nil)
	h.fault.SetHook(nil)
	must(t, h.store.Delete(tp))
	fresh := h.log()
	h.appendDurably(fresh, "a", 1)
	name := logDir + "/00000000000000000000.log.swap"
	overwrite(t, h.mem, name, []byte("a promise"))
	if err := l.TruncateTo(0); !errors.Is(err, logstore.ErrClosed) && !errors.Is(err, logstore.ErrNotFound) {
		t.Errorf("truncated: %v", err)
	}
	if len(readAll(t, h.mem, name)) == 0 {
		t.Error("the swap is gone")
	}
	must(t, h.mem.Remove(name))
}
