package logstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

// unpackedMax has the next open read no batch that unpacks to more.
func (h *harness) unpackedMax(bytes int) *logstore.Log {
	h.change = func(o *logstore.Options) {
		o.DecompressedBytesMax = bytes
		o.CompactionMapBytes = 100 // which is four keys, so that there are rounds
	}
	return h.reopen()
}

// A tombstone does not go while a batch before it may hold what it hides: one that
// an earlier compaction could not read, and did not look at again.
func TestTombstoneBehindABatchThatWasLeft(t *testing.T) {
	for _, round := range []int{0, 6} { // records between the two, that end a round
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			h, l := newCompacted(t, func(c *logstore.Config) { c.DeleteRetentionMs, c.SegmentBytes = 1000, 4000 })
			h.put(l, record.BuilderOptions{Codec: record.Zstd}, "k=old", "big="+strings.Repeat("x", 5000))
			for i := range round {
				h.put(l, record.BuilderOptions{}, fmt.Sprintf("u%d=1", i))
			}
			h.put(l, record.BuilderOptions{}, "k")
			h.roll(l)
			tombstone := fmt.Sprintf("%d:k", 2+round)
			l = h.unpackedMax(2000)
			for range 2 { // the second time its horizon is past
				h.compact(l)
				h.clock.add(time.Hour)
				h.put(l, record.BuilderOptions{}, "more=1")
				h.roll(l)
			}
			l = h.unpackedMax(1 << 20)
			got := pairs(t, l, logstore.LogEnd)
			if !slices.Contains(got, "0:k=old") || !slices.Contains(got, tombstone) {
				t.Fatalf("%v", got)
			}
			h.compact(l)
			for _, p := range pairs(t, l, logstore.LogEnd) {
				if p == "0:k=old" {
					t.Fatalf("k was deleted and is back: %v", pairs(t, l, logstore.LogEnd))
				}
			}
			h.clock.add(time.Hour)
			h.put(l, record.BuilderOptions{}, "other=1")
			h.roll(l)
			h.compact(l)
			if got := pairs(t, l, logstore.LogEnd); slices.Contains(got, "0:k=old") || slices.Contains(got, tombstone) {
				t.Fatalf("the tombstone stays for ever: %v", got)
			}
			must(t, h.store.Close())
			noFaults(t, h.mem)
		})
	}
}

// A batch that is never readable does not have its log compacted again and again.
func TestBatchThatIsLeftIsNotDue(t *testing.T) {
	h, l := newCompacted(t, func(c *logstore.Config) { c.SegmentBytes = 4000 })
	h.put(l, record.BuilderOptions{Codec: record.Zstd}, "big="+strings.Repeat("x", 5000))
	h.roll(l)
	l = h.unpackedMax(2000)
	h.compact(l)
	if s := l.Compaction(); s.Dirty != 0 || s.FirstDirty != s.Upto {
		t.Fatalf("%+v", s)
	}
	if n := h.store.Compact(h.clock.Now()); n != 0 {
		t.Fatal("compacted again")
	}
	if done := eventsOf[logstore.LogCompacted](h.events); len(done) != 1 || done[0].Undecoded != 1 {
		t.Fatalf("%+v", done)
	}
	l = h.unpackedMax(1 << 20)
	if s := l.Compaction(); s.FirstDirty != 0 {
		t.Fatalf("after a start %+v", s)
	}
}
