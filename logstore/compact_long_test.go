package logstore_test

import (
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// A batch that is larger than what one may unpack to is copied by the MiB, whatever
// was written before it, and what is read of it is counted.
func TestBatchThatNoMemoryHolds(t *testing.T) {
	h, l := newCompacted(t, func(c *logstore.Config) { c.MaxMessageBytes, c.SegmentBytes = 10<<20, 6<<20 })
	h.put(l, record.BuilderOptions{}, "a=1")
	h.put(l, record.BuilderOptions{}, "a=2") // so that a new segment is written
	h.put(l, record.BuilderOptions{}, "long="+strings.Repeat("x", 5<<20))
	c := l.Config()
	c.SegmentBytes = 400
	must(t, l.Configure(c))
	h.roll(l)
	l = h.unpackedMax(2000)
	h.put(l, record.BuilderOptions{}, "b=1")
	h.store.Housekeep(h.clock.Now())
	must(t, h.store.Checkpoint())
	steps, bytes := 0, int64(0)
	h.fault.SetHook(func(op vfs.Op) error {
		if writesCleaned(op) {
			steps, bytes = steps+1, bytes+op.Length
		}
		return nil
	})
	h.store.Compact(h.clock.Now())
	h.fault.SetHook(nil)
	done := eventsOf[logstore.LogCompacted](h.events)
	if len(done) != 1 || done[0].Undecoded != 1 || done[0].BytesRead < 5<<20 {
		t.Fatalf("%+v", done)
	}
	if bytes < 5<<20 || steps > 8 {
		t.Fatalf("%d bytes in %d writes", bytes, steps)
	}
}
