package logstore_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"moldau/logstore"
	"moldau/logstore/record"
)

func TestSupersededIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(0, 1<<40).Draw(t, "from")
		words := rapid.Int64Range(1, 6).Draw(t, "words")
		s, want := logstore.NewSuperseded(8*words, from), map[int64]bool{}
		offset := rapid.Int64Range(max(0, from-3), from+64*words+3)
		for range rapid.IntRange(0, 300).Draw(t, "adds") {
			o := offset.Draw(t, "offset")
			s.Add(o)
			if o >= from && o < from+64*words {
				want[o] = true
			}
		}
		for o := max(0, from-70); o < from+64*words+70; o++ {
			if s.Has(o) != want[o] || s.Knows(o) != (o >= from && o < from+64*words) {
				t.Fatalf("%d from %d: %v %v, want %v", o, from, s.Has(o), s.Knows(o), want[o])
			}
		}
		for range 50 {
			first, n := offset.Draw(t, "first"), rapid.Int64Range(1, 200).Draw(t, "count")
			all := true
			for o := first; o < first+n; o++ {
				all = all && want[o]
			}
			if s.All(first, n) != all {
				t.Fatalf("%d from %d on are all superseded: %v, want %v", n, first, !all, all)
			}
		}
	})
}

// Batches of which nothing stays are not read a second time, and what lies between
// them is not lost.
func TestSupersededBatchesGoUnread(t *testing.T) {
	h, l := newCompacted(t, func(c *logstore.Config) { c.SegmentBytes = 1 << 20 })
	var want []string
	write := func(n int) {
		for range n {
			a := h.put(l, record.BuilderOptions{}, "hot="+strings.Repeat("x", 1000))
			if a.First%97 == 0 {
				want = append(want, fmt.Sprintf("%d:cold%d=1", a.Last+1, a.First))
				h.put(l, record.BuilderOptions{}, fmt.Sprintf("cold%d=1", a.First))
			}
		}
	}
	write(900)
	h.put(l, record.BuilderOptions{}, "hot=last")
	want = append(want, fmt.Sprintf("%d:hot=last", l.Offset(logstore.LogEnd)-1))
	must(t, l.Configure(func() logstore.Config { c := l.Config(); c.SegmentBytes = l.Bytes(); return c }()))
	h.roll(l)
	h.compact(l)
	wantValues(t, pairs(t, l, logstore.LogEnd), want...)
	done := eventsOf[logstore.LogCompacted](h.events)
	if len(done) != 1 || done[0].BytesRead > done[0].BytesMapped/2 || done[0].RecordsRead-done[0].RecordsRemoved != int64(len(want)) {
		t.Fatalf("%+v", done)
	}
	if got := l.Offset(logstore.LogEnd); done[0].RecordsRead != done[0].Upto || got < done[0].Upto {
		t.Fatalf("%d records of %d, the log's end is %d", done[0].RecordsRead, done[0].Upto, got)
	}
	must(t, h.store.Close())
	noFaults(t, h.mem)
}
