package logstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

// Appends stop at the reserve, long before the device is full; reads, retention
// and deletions go on, and appends when there is room again.
func TestReserveIsKeptFree(t *testing.T) {
	const capacity, reserve = 4 << 20, 1 << 20
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.FileDeleteDelayMs = 256<<10, 0 })
	must(t, h.store.Close())
	h.change = func(o *logstore.Options) {
		o.ReserveBytes = reserve
		o.JournalFileBytes, o.JournalBytes = 16<<10, 64<<10
	}
	h.open()
	h.mem.SetCapacity(capacity)
	l := h.log()
	low := func(want bool) {
		t.Helper()
		space, err := h.mem.Space(".")
		must(t, err)
		room, err := h.store.Room()
		must(t, err)
		if want := (logstore.Room{FreeBytes: space.Free, ReserveBytes: reserve, Low: want}); room != want {
			t.Errorf("%+v, want %+v", room, want)
		}
	}
	low(false)
	batch := func() []byte {
		return batchOf(t, record.BuilderOptions{}, h.clock.ms(), strings.Repeat("x", 32<<10), 1)
	}
	var err error
	for range 2 * capacity / (32 << 10) {
		if _, err = l.AppendLeader(batch(), 0); err != nil {
			break
		}
		must(t, l.Flush())
	}
	if !errors.Is(err, logstore.ErrNoSpace) || l.Err() != nil {
		t.Fatalf("append: %v, the log: %v", err, l.Err())
	}
	space, err := h.mem.Space(".")
	must(t, err)
	if space.Free < reserve*3/4 || space.Free > reserve*5/4 {
		t.Fatalf("%d bytes are free, %d are reserved", space.Free, int64(reserve))
	}
	low(true)
	end := l.Offset(logstore.HighWatermark)
	if got := len(values(t, l, logstore.HighWatermark)); int64(got) != end {
		t.Fatalf("read %d of %d", got, end)
	}
	must(t, h.store.Checkpoint()) // what is there is brought to safety all the same
	must(t, l.AdvanceStart(end))
	h.store.Housekeep(h.clock.Now())
	h.clock.add(time.Second)
	h.store.Housekeep(h.clock.Now())
	low(false) // though nobody has appended since
	a, err := l.AppendLeader(batch(), 0)
	must(t, err)
	must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
	h.mem.SetCapacity(1 << 40)
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), fmt.Sprint(strings.Repeat("x", 32<<10), "-0"))
}
