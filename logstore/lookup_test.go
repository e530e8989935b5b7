package logstore_test

import (
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"

	"pgregory.net/rapid"
)

var codecs = []record.Codec{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd}

// timed is a record as a naive scan sees it.
type timed struct{ offset, ms int64 }

// scanFor is what OffsetForTimestamp is to find.
func scanFor(all []timed, start, ms int64) (timed, bool) {
	for _, r := range all {
		if r.offset >= start && r.ms >= ms {
			return r, true
		}
	}
	return timed{}, false
}

// appendTimed appends one batch of records with those timestamps.
func appendTimed(t testing.TB, l *logstore.Log, codec record.Codec, all []timed, ms ...int64) []timed {
	t.Helper()
	b := record.NewBuilder(record.BuilderOptions{Codec: codec})
	for _, m := range ms {
		b.Append(m, []byte("key"), []byte("some value that may be compressed, some value that may be compressed"))
	}
	batch, err := b.Finish()
	must(t, err)
	a, err := l.AppendLeader(batch, 3)
	must(t, err)
	must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
	for i, m := range ms {
		all = append(all, timed{a.First + int64(i), m})
	}
	return all
}

// sameLookups compares every lookup that can differ with the naive scan.
func sameLookups(t testing.TB, l *logstore.Log, all []timed) {
	t.Helper()
	start := l.StartOffset()
	largest := int64(-1)
	for _, r := range all {
		if r.offset >= start {
			largest = max(largest, r.ms)
		}
		for _, ms := range []int64{r.ms - 1, r.ms, r.ms + 1} {
			at, ok, err := l.OffsetForTimestamp(ms)
			must(t, err)
			want, found := scanFor(all, start, ms)
			if ok != found || ok && (at.Offset != want.offset || at.TimestampMs != want.ms || at.Epoch != 3) {
				t.Fatalf("from %d, time %d: %+v, %v, want %+v, %v", start, ms, at, ok, want, found)
			}
		}
	}
	at, ok, err := l.OffsetOfMaxTimestamp()
	must(t, err)
	want, found := scanFor(all, start, largest)
	if found = found && largest >= 0; ok != found || ok && (at.Offset != want.offset || at.TimestampMs != want.ms) {
		t.Fatalf("largest from %d: %+v, %v, want %+v, %v", start, at, ok, want, found)
	}
}

func TestOffsetForTimestamp(t *testing.T) {
	for _, codec := range codecs {
		t.Run(codec.String(), func(t *testing.T) {
			h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 700, 150 })
			l := h.log()
			now := h.clock.ms()
			var all []timed
			if _, ok, err := l.OffsetOfMaxTimestamp(); ok || err != nil {
				t.Fatal("an empty log has a largest timestamp")
			}
			for _, d := range [][]int64{{0, 5, 3}, {2, 2}, {10, 30, 20}, {25}, {30}, {29, 28}, {40, 39}, {7}, {41, 41, 60}, {50}, {59}, {60}, {61, 1}, {0}} {
				ms := make([]int64, len(d))
				for i := range d {
					ms[i] = now + 10*d[i]
				}
				all = appendTimed(t, l, codec, all, ms...)
			}
			sameLookups(t, l, all)
			h.store.Housekeep(h.clock.Now())
			sameLookups(t, l, all)
			for _, start := range []int64{1, 7, 12, 20, int64(len(all)) - 1} {
				must(t, l.AdvanceStart(start))
				sameLookups(t, l, all)
			}
			must(t, l.AdvanceStart(int64(len(all))))
			sameLookups(t, l, all)
		})
	}
}

// Truncation and all ways of reopening keep what lookups need to know.
func TestLookupsAfterChanges(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 900, 200 })
	l := h.log()
	now := h.clock.ms()
	var all []timed
	grow := func(d ...int64) {
		for _, d := range d {
			all = appendTimed(t, l, record.None, all, now+d, now+d/2)
		}
	}
	grow(100, 5, 300, 20, 10, 900, 30, 40, 800, 700, 50)
	for _, again := range []func(*harness) *logstore.Log{(*harness).reopen, (*harness).kill, (*harness).powerCut, (*harness).reopen} {
		l = again(h)
		sameLookups(t, l, all)
		grow(60, 950, 3)
		sameLookups(t, l, all)
		cut := len(all) - 4
		must(t, l.TruncateTo(all[cut].offset))
		all = all[:cut]
		sameLookups(t, l, all)
		h.store.Housekeep(h.clock.Now())
		grow(20, 1000, 10)
		sameLookups(t, l, all)
		must(t, h.store.Checkpoint())
	}
	must(t, l.TruncateTo(3))
	sameLookups(t, l, all[:2])
}

func TestLookupsUnderLogAppendTime(t *testing.T) {
	for _, codec := range codecs {
		h := newHarness(t, func(c *logstore.Config) { c.TimestampType, c.IndexIntervalBytes = logstore.LogAppendTime, 0 })
		l := h.log()
		var all []timed
		for range 5 {
			first := len(all)
			all = appendTimed(t, l, codec, all, 17, 4, 99)
			for i := range all[first:] {
				all[first+i].ms = h.clock.ms()
			}
			h.clock.add(1e9)
		}
		sameLookups(t, l, all)
		for r, err := range l.Records(t.Context(), 0, logstore.HighWatermark) {
			must(t, err)
			if r.TimestampMs != all[r.Offset].ms {
				t.Fatalf("%v: offset %d has time %d, want the log's %d", codec, r.Offset, r.TimestampMs, all[r.Offset].ms)
			}
		}
	}
}

func TestLookupsWithoutTimestamps(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	all := appendTimed(t, l, record.None, nil, -1, -1)
	sameLookups(t, l, all)
	l = h.powerCut()
	sameLookups(t, l, all)
	all = appendTimed(t, l, record.None, all, -1, 70, -1)
	sameLookups(t, l, all)
}

func TestLookupsEqualAScan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHarness(t, func(c *logstore.Config) {
			c.SegmentBytes = rapid.Int64Range(400, 3000).Draw(rt, "segment bytes")
			c.IndexIntervalBytes = rapid.Int64Range(0, 600).Draw(rt, "index interval")
		})
		l := h.log()
		var all []timed
		for range rapid.IntRange(1, 15).Draw(rt, "batches") {
			ms := rapid.SliceOfN(rapid.Int64Range(-1, 50), 1, 4).Draw(rt, "times")
			all = appendTimed(t, l, rapid.SampledFrom(codecs).Draw(rt, "codec"), all, ms...)
			if rapid.IntRange(0, 3).Draw(rt, "seal") == 0 {
				h.store.Housekeep(h.clock.Now())
			}
		}
		must(t, l.AdvanceStart(rapid.Int64Range(0, int64(len(all))).Draw(rt, "start")))
		sameLookups(t, l, all)
		sameLookups(t, h.powerCut(), all)
		sameLookups(t, h.reopen(), all)
		must(t, h.store.Close())
	})
}

// Rot that a lookup meets is named.
func TestLookupMeetsRot(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	all := appendTimed(t, l, record.Gzip, nil, h.clock.ms(), h.clock.ms()+1)
	f, err := h.mem.OpenFile(firstLog, 2, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("rot, not gzip"), 61)
	must(t, err)
	must(t, f.Close())
	_, _, err = l.OffsetForTimestamp(all[1].ms)
	wantCorrupt(t, err, firstLog)
	for _, err := range l.Records(t.Context(), 0, logstore.HighWatermark) {
		wantCorrupt(t, err, "")
	}
}
