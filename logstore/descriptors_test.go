package logstore_test

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// starved fails operations from the first to the last as they fail in a process
// that may not open another file: all that go by a name.
func starved(first, last int64) func(vfs.Op) error {
	return func(op vfs.Op) error {
		switch op.Kind {
		case vfs.OpRead, vfs.OpWrite, vfs.OpTruncate, vfs.OpSync, vfs.OpSyncAll, vfs.OpClose:
			return nil
		}
		if op.Seq < first || op.Seq > last || op.Held {
			return nil
		}
		return syscall.EMFILE
	}
}

// tick passes time in which background work is done.
func (h *harness) tick() {
	for range 3 {
		h.clock.add(20 * time.Second)
		h.store.Housekeep(h.clock.Now())
	}
}

// starvable does whatever a store does, over two logs, and returns what each of
// them took, by offset. Only want of descriptors may be in its way.
func starvable(h *harness, logs []*logstore.Log) (taken [2][]string) {
	h.t.Helper()
	ok := func(err error) bool {
		h.t.Helper()
		if err != nil && !errors.Is(err, syscall.EMFILE) {
			h.t.Fatal(err)
		}
		return err == nil
	}
	for round := range 4 {
		for range 2 {
			var ends [2]int64
			for i, l := range logs {
				prefix := fmt.Sprint(round, "-", l.Offset(logstore.LogEnd))
				a, err := l.AppendLeader(batchOf(h.t, record.BuilderOptions{}, h.clock.ms(), prefix, 1), 0)
				if ok(err) {
					ends[i] = a.Last + 1
					taken[i] = append(taken[i], prefix+"-0")
				}
			}
			for i, l := range logs {
				if ends[i] > 0 && !ok(l.Flush()) {
					h.tick() // it is tried again
				}
			}
		}
		h.tick()
		if round == 2 {
			ok(logs[0].AdvanceStart(2))
		}
	}
	return taken
}

// A process without descriptors for a while loses nothing by it, and no log: a
// file that could not be opened was not synced, and is not one whose sync failed.
func TestWantOfDescriptorsPoisonsNothing(t *testing.T) {
	run := func(first, last int64) int64 {
		h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.FileDeleteDelayMs = 200, 0 })
		must(t, h.store.Close())
		h.change = journaling
		h.open()
		logs := []*logstore.Log{h.log(), nil}
		other, err := h.store.Create(logstore.TopicPartition{Topic: "u"}, logstore.TopicID{2}, h.config)
		must(t, err)
		logs[1] = other
		begin := h.fault.Ops()
		h.fault.SetHook(starved(begin+first, begin+last))
		want := starvable(h, logs)
		ops := h.fault.Ops() - begin
		h.fault.SetHook(nil)
		h.tick()
		for i, l := range logs {
			if err := l.Err(); err != nil {
				t.Fatalf("operations %d to %d: %v", first, last, err)
			}
			want[i] = append(want[i], "last-0")
			a := h.append(l, "last", 1)
			err := l.Flush()
			for tries := 0; err != nil && tries < 3; tries++ {
				h.tick() // a commit that was starved has ended after the last, and waits for its time
				err = l.Flush()
			}
			must(t, err)
			must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
		}
		h.powerCut()
		for i, l := range logs {
			l, err := h.store.Log(l.Name())
			must(t, err)
			start := l.StartOffset()
			if got := values(t, l, logstore.HighWatermark); start > int64(2-2*i) || !slices.Equal(got, want[i][start:]) {
				t.Fatalf("operations %d to %d: %s begins at %d and holds %v, it took %v", first, last, l.Name(), start, got, want[i])
			}
		}
		must(t, h.store.Close())
		return ops
	}
	ops := run(1<<40, 0)
	step := int64(1)
	if raceEnabled {
		step = 8
	}
	for first := int64(1); first <= ops; first += step {
		run(first, first)
		run(first, first+3)
		run(first, first+60)
	}
}
