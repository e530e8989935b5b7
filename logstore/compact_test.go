package logstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// newCompacted is a log of small segments that is compacted whenever Compact is
// called and anything is dirty.
func newCompacted(t *testing.T, change func(*logstore.Config)) (*harness, *logstore.Log) {
	t.Helper()
	h := newHarness(t, func(c *logstore.Config) {
		c.Delete, c.Compact, c.MinCleanableDirtyRatio = false, true, 0
		c.SegmentBytes, c.IndexIntervalBytes, c.SegmentMs, c.FileDeleteDelayMs = 400, 100, 1<<50, 1000
		if change != nil {
			change(c)
		}
	})
	return h, h.log()
}

// put appends records in one batch: "k=v", or "k" for a tombstone.
func (h *harness) put(l *logstore.Log, o record.BuilderOptions, records ...string) logstore.Appended {
	h.t.Helper()
	a, err := l.AppendLeader(h.keyed(o, records...), max(0, l.LatestEpoch()))
	must(h.t, err)
	must(h.t, l.Wait(h.t.Context(), logstore.HighWatermark, a.Last+1))
	return a
}

func (h *harness) keyed(o record.BuilderOptions, records ...string) []byte {
	h.t.Helper()
	b := record.NewBuilder(o)
	for _, r := range records {
		k, v, ok := strings.Cut(r, "=")
		var value []byte
		if ok {
			value = []byte(v)
		}
		b.Append(h.clock.ms(), []byte(k), value)
	}
	batch, err := b.Finish()
	must(h.t, err)
	return append([]byte(nil), batch...)
}

// compact seals what is not active, makes it durable and compacts it.
func (h *harness) compact(l *logstore.Log) {
	h.t.Helper()
	h.store.Housekeep(h.clock.Now())
	must(h.t, h.store.Checkpoint())
	h.store.Compact(h.clock.Now())
	if failed := eventsOf[logstore.CompactionFailed](h.events); len(failed) > 0 {
		h.t.Fatalf("%+v", failed)
	}
	must(h.t, l.Err())
}

// roll lets what was appended before be compacted: it makes the segment full.
func (h *harness) roll(l *logstore.Log) {
	h.t.Helper()
	for n := len(l.Segments()); len(l.Segments()) == n; {
		h.put(l, record.BuilderOptions{}, "filler="+strings.Repeat("-", 100))
	}
}

// pairs reads "offset:k=v" of all but the fillers.
func pairs(t testing.TB, l *logstore.Log, upto logstore.Bound) []string {
	t.Helper()
	var all []string
	for r, err := range l.Records(context.Background(), l.StartOffset(), upto) {
		must(t, err)
		if string(r.Key) == "filler" {
			continue
		}
		text := fmt.Sprintf("%d:%s", r.Offset, r.Key)
		if r.Value != nil {
			text += "=" + string(r.Value)
		}
		all = append(all, text)
	}
	return all
}

func noFaults(t testing.TB, fsys vfs.FS) {
	t.Helper()
	report, err := logstore.Check(fsys, "data", logstore.CheckOptions{Deep: true})
	must(t, err)
	if report.Faults() > 0 {
		t.Fatalf("%v", report.Findings)
	}
}

func TestCompactionKeepsTheNewestOfEachKey(t *testing.T) {
	for _, codec := range []record.Codec{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			h, l := newCompacted(t, nil)
			o := record.BuilderOptions{Codec: codec}
			h.put(l, o, "a=1", "b=1", "c=1")
			h.put(l, o, "a=2", "d=1")
			h.roll(l)
			h.put(l, o, "b=2", "a=3")
			h.put(l, o, "e=1")
			h.roll(l)
			h.put(l, o, "c=9")
			end := l.Offset(logstore.LogEnd)
			before := pairs(t, l, logstore.HighWatermark)
			h.compact(l)
			// c=9 lies in the active segment, which is not compacted, nor known.
			all := pairs(t, l, logstore.HighWatermark)
			var newest []string
			for _, r := range before {
				switch r[strings.Index(r, ":")+1:] {
				case "a=1", "a=2", "b=1":
				default:
					newest = append(newest, r)
				}
			}
			wantValues(t, all, newest...)
			if l.Offset(logstore.LogEnd) != end || l.StartOffset() != 0 {
				t.Fatalf("%d to %d, want 0 to %d", l.StartOffset(), l.Offset(logstore.LogEnd), end)
			}
			done := eventsOf[logstore.LogCompacted](h.events)
			if len(done) != 1 || done[0].From != 0 || done[0].Rounds != 1 || done[0].BytesWritten == 0 || done[0].RecordsRemoved == 0 {
				t.Fatalf("%+v", done)
			}
			if h.store.Compact(h.clock.Now()) != 0 {
				t.Fatal("compacted again, with nothing dirty")
			}
			for _, again := range []func() *logstore.Log{h.powerCut, h.reopen, h.kill, h.reopen} {
				l = again()
				wantValues(t, pairs(t, l, logstore.HighWatermark), newest...)
				if l.Offset(logstore.LogEnd) != end {
					t.Fatalf("ends at %d, want %d", l.Offset(logstore.LogEnd), end)
				}
			}
			h.put(l, o, "more=1")
			must(t, h.store.Close())
			noFaults(t, h.mem)
		})
	}
}

// Every offset can still be asked for, and finds what comes next.
func TestReadsOfACompactedLog(t *testing.T) {
	h, l := newCompacted(t, nil)
	for i := range 40 {
		h.clock.add(time.Second)
		h.put(l, record.BuilderOptions{}, fmt.Sprintf("k%d=%d", i%3, i))
	}
	c := l.Config()
	c.SegmentBytes = 1 << 20 // what is merged is to fit one
	must(t, l.Configure(c))
	h.compact(l)
	if n := len(l.Segments()); n != 2 {
		t.Fatalf("%d segments: they were not merged", n)
	}
	left := pairs(t, l, logstore.HighWatermark)
	for from := range l.Offset(logstore.LogEnd) {
		var first string
		for r, err := range l.Records(t.Context(), from, logstore.HighWatermark) {
			must(t, err)
			first = fmt.Sprintf("%d:%s=%s", r.Offset, r.Key, r.Value)
			break
		}
		want := ""
		for _, text := range left {
			var offset int64
			fmt.Sscanf(text, "%d:", &offset)
			if offset >= from {
				want = text
				break
			}
		}
		if first != want {
			t.Fatalf("from %d: %q, want %q", from, first, want)
		}
	}
	start := h.clock.ms() - 39_000
	for i := range int64(40) {
		at, ok, err := l.OffsetForTimestamp(start + i*1000)
		must(t, err)
		found := false
		for _, text := range left {
			var offset int64
			fmt.Sscanf(text, "%d:", &offset)
			if offset >= i {
				found = at.Offset == offset
				break
			}
		}
		if !ok || !found {
			t.Fatalf("at second %d: %+v %v of %v", i, at, ok, left)
		}
	}
}

// What readers have pinned stays as it was.
func TestReadersOutliveCompaction(t *testing.T) {
	h, l := newCompacted(t, nil)
	for i := range 30 {
		h.put(l, record.BuilderOptions{}, fmt.Sprintf("k=%d", i))
	}
	var f logstore.Fetch
	must(t, l.Read(&f, 0, logstore.HighWatermark, 1<<20, true))
	defer f.Release()
	h.compact(l)
	h.clock.add(time.Minute)
	h.store.Housekeep(h.clock.Now())
	names, err := h.mem.ReadDir(logDir)
	must(t, err)
	for _, n := range names {
		if strings.HasSuffix(n.Name(), ".deleted") || strings.HasSuffix(n.Name(), ".swap") || strings.HasSuffix(n.Name(), ".cleaned") {
			t.Errorf("%s is left", n.Name())
		}
	}
	n := 0
	for _, s := range f.Sections {
		b := make([]byte, s.Length)
		_, err := s.File.ReadAt(b, s.Offset)
		must(t, err)
		for len(b) > 0 {
			batch, rest, err := record.Next(b)
			must(t, err)
			must(t, batch.Check())
			n += int(batch.Count())
			b = rest
		}
	}
	if n != 30 {
		t.Fatalf("%d records, want 30", n)
	}
	if left := pairs(t, l, logstore.HighWatermark); len(left) >= 10 {
		t.Fatalf("%v", left)
	}
}

func TestWhatIsEligible(t *testing.T) {
	minute := int64(time.Minute / time.Millisecond)
	for _, c := range []struct {
		name   string
		change func(*logstore.Config)
		before func(h *harness, l *logstore.Log)
		due    bool
	}{
		{"dirty", nil, nil, true},
		{"not compacted", func(c *logstore.Config) { c.Compact = false }, nil, false},
		{"not dirty enough", func(c *logstore.Config) { c.MinCleanableDirtyRatio = 1 }, nil, false},
		{"too young", func(c *logstore.Config) { c.MinCompactionLagMs = minute + 1 }, nil, false},
		{"just old enough", func(c *logstore.Config) { c.MinCompactionLagMs = minute }, nil, true},
		{"not dirty enough, but too old", func(c *logstore.Config) { c.MinCleanableDirtyRatio, c.MaxCompactionLagMs = 1, minute-1 }, nil, true},
		{"not dirty enough and not too old", func(c *logstore.Config) { c.MinCleanableDirtyRatio, c.MaxCompactionLagMs = 1, minute }, nil, false},
		{"not below the high watermark", func(c *logstore.Config) { c.Replicated = true }, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, l := newCompacted(t, c.change)
			for i := range 20 {
				_, err := l.AppendLeader(h.keyed(record.BuilderOptions{}, fmt.Sprintf("k=%d", i)), 0)
				must(t, err)
			}
			must(t, l.Flush())
			h.store.Housekeep(h.clock.Now())
			if h.store.Compact(h.clock.Now()) != 0 {
				t.Fatal("compacted, though the recovery point lies below all")
			}
			must(t, h.store.Checkpoint())
			h.clock.add(time.Minute)
			if got := h.store.Compact(h.clock.Now()) == 1; got != c.due {
				t.Fatalf("compacted: %v, want %v; %+v", got, c.due, eventsOf[logstore.CompactionFailed](h.events))
			}
		})
	}
}

// What an open transaction may still abort is not touched, nor used to judge by.
func TestCompactionEndsAtTheLastStableOffset(t *testing.T) {
	h, l := newCompacted(t, nil)
	h.put(l, record.BuilderOptions{}, "a=1")
	h.roll(l)
	o := record.BuilderOptions{Transactional: true, Producer: &record.Producer{ID: 7}}
	a, err := l.AppendLeader(h.keyed(o, "a=2"), 0)
	must(t, err)
	h.roll(l)
	h.roll(l)
	h.compact(l)
	if got := pairs(t, l, logstore.LogEnd); len(got) != 2 {
		t.Fatalf("%v", got)
	}
	done := eventsOf[logstore.LogCompacted](h.events)
	if len(done) != 1 || done[0].Upto > a.First {
		t.Fatalf("%+v, the last stable offset is %d", done, a.First)
	}
	_, err = l.AppendMarker(logstore.Marker{ProducerID: 7, Commit: true}, 0)
	must(t, err)
	must(t, l.Flush())
	h.compact(l)
	wantValues(t, pairs(t, l, logstore.LogEnd), fmt.Sprintf("%d:a=2", a.First))
}

func TestCompactedLogsRefuseRecordsWithoutKey(t *testing.T) {
	for _, codec := range []record.Codec{record.None, record.Zstd} {
		_, l := newCompacted(t, nil)
		b := record.NewBuilder(record.BuilderOptions{Codec: codec})
		b.Append(1, []byte("k"), nil)
		b.Append(1, nil, []byte("v"))
		batch, err := b.Finish()
		must(t, err)
		_, err = l.AppendLeader(batch, 0)
		bad, ok := errors.AsType[*logstore.RecordError](err)
		if !ok || !errors.Is(err, logstore.ErrInvalidRecord) || bad.Index != 1 {
			t.Fatalf("%v: %v", codec, err)
		}
	}
}

// A record of very many headers, each of which takes two bytes, costs a compaction what
// it has in bytes.
func TestCompactionOfVeryManyHeaders(t *testing.T) {
	const headers = 1 << 19
	h, l := newCompacted(t, func(c *logstore.Config) { c.SegmentBytes, c.MaxMessageBytes = 1<<30, 64<<20 })
	b := record.NewBuilder(record.BuilderOptions{Codec: record.Gzip})
	b.Append(h.clock.ms(), []byte("k"), []byte("v"), make([]record.Header, headers)...)
	batch, err := b.Finish()
	must(t, err)
	batch = append([]byte(nil), batch...)
	for range 2 {
		_, err = l.AppendLeader(append([]byte(nil), batch...), 0)
		must(t, err)
	}
	h.reconfigure(l, func(c *logstore.Config) { c.SegmentBytes = 400 })
	h.roll(l)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.compact(l)
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 128*headers {
		t.Errorf("%d bytes for %d headers", taken, headers)
	}
	if c := eventsOf[logstore.LogCompacted](h.events); len(c) == 0 {
		t.Error("nothing was compacted")
	}
	n := 0
	for r, err := range l.Records(t.Context(), 0, logstore.HighWatermark) {
		must(t, err)
		if len(r.Headers) == headers {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d records have all their headers", n)
	}
}
