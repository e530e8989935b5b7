package logstore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

// bases is where segments begin.
func bases(l *logstore.Log) (all []int64) {
	for _, s := range l.Segments() {
		all = append(all, s.Base)
	}
	return all
}

func TestRoll(t *testing.T) {
	now := newClock().ms()
	size := int64(len(batchOf(t, record.BuilderOptions{}, now, "0", 1)))
	type app struct {
		pass time.Duration // of the clock, before
		ms   int64         // of the record, after the first one's; -1 has none
	}
	plain := []app{{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}
	for _, c := range []struct {
		name   string
		change func(*logstore.Config)
		apps   []app
		want   []int64
	}{
		{"nothing to roll for", nil, plain, []int64{0}},
		{"segment.bytes is not exceeded", func(c *logstore.Config) { c.SegmentBytes = 2 * size }, plain, []int64{0, 2, 4}},
		{"segment.bytes a byte short", func(c *logstore.Config) { c.SegmentBytes = 3*size - 1 }, plain, []int64{0, 2, 4}},
		{"segment.ms is of record time", func(c *logstore.Config) { c.SegmentMs = 1000 }, []app{{0, 0}, {time.Hour, 1000}, {0, 1001}, {0, 2001}, {0, 2002}}, []int64{0, 2, 4}},
		{"late records do not roll", func(c *logstore.Config) { c.SegmentMs = 1000 }, []app{{0, 5000}, {0, 0}, {0, 6000}, {0, 6001}}, []int64{0, 3}},
		{"records without time go by the clock", func(c *logstore.Config) { c.SegmentMs = 1000 }, []app{{0, -1}, {time.Second, -1}, {time.Millisecond, -1}, {time.Second, -1}, {time.Millisecond, -1}}, []int64{0, 2, 4}},
		{"an empty segment is not rolled", func(c *logstore.Config) { c.SegmentMs = 1000 }, []app{{time.Hour, 0}, {0, 500}}, []int64{0}},
		{"jitter is subtracted", func(c *logstore.Config) { c.SegmentMs, c.SegmentJitterMs = 1000, 400 }, []app{{0, 0}, {0, 800}, {0, 801}, {0, 1601}, {0, 1602}}, []int64{0, 2, 4}},
		{"jitter above the compaction's lag", func(c *logstore.Config) {
			c.Compact, c.SegmentMs, c.SegmentJitterMs, c.MaxCompactionLagMs = true, 1000, 1000, 100
		}, []app{{0, 0}, {0, 50}, {0, 51}}, []int64{0, 2}},
		{"jitter above segment.ms", func(c *logstore.Config) { c.SegmentMs, c.SegmentJitterMs = 1000, 1<<40 }, []app{{0, 0}, {0, 500}, {0, 501}}, []int64{0, 2}},
		{"a full offset index", func(c *logstore.Config) { c.IndexIntervalBytes, c.SegmentIndexBytes = 0, 40 }, append(plain, plain...), []int64{0, 6}},
		{"a full time index", func(c *logstore.Config) { c.IndexIntervalBytes, c.SegmentIndexBytes = 0, 36 }, []app{{0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 5}, {0, 6}}, []int64{0, 3, 6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, c.change)
			h.change = func(o *logstore.Options) { o.Rand = func(n int64) int64 { return n / 2 } }
			h.log()
			l := h.reopen()
			var want []string
			for i, a := range c.apps {
				h.clock.add(a.pass)
				ms := a.ms
				if ms >= 0 {
					ms += now
				}
				_, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, ms, fmt.Sprint(i), 1), 0)
				must(t, err)
				want = append(want, fmt.Sprint(i, "-0"))
			}
			if got := bases(l); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Fatalf("segments at %v, want %v", got, c.want)
			}
			h.store.Housekeep(h.clock.Now())
			for i, s := range l.Segments() {
				if s.Sealed != (i < len(c.want)-1) {
					t.Fatalf("segment %d: %+v", i, s)
				}
			}
			snapshots := filesIn(t, h.mem, logDir, ".snapshot")
			for _, base := range c.want {
				if !slices.Contains(snapshots, fmt.Sprintf("%s/%020d.snapshot", logDir, base)) {
					t.Fatalf("snapshots %v, segments at %v", snapshots, c.want)
				}
			}
			if extra := len(snapshots) - len(c.want); extra > 1 {
				t.Fatalf("snapshots %v for segments at %v and the recovery point", snapshots, c.want)
			}
			must(t, l.Flush())
			l = h.powerCut()
			wantValues(t, values(t, l, logstore.HighWatermark), want...)
			if got := bases(l); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Fatalf("recovered segments at %v, want %v", got, c.want)
			}
		})
	}
}

// segment.ms counts from the first record also after reopening.
func TestRollByTimeAfterReopening(t *testing.T) {
	for name, again := range map[string]func(*harness) *logstore.Log{"clean": (*harness).reopen, "kill": (*harness).kill, "power cut": (*harness).powerCut} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, func(c *logstore.Config) { c.SegmentMs = 1000 })
			l := h.log()
			at := func(ms int64) {
				t.Helper()
				a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms()+ms, "v", 1), 0)
				must(t, err)
				must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
			}
			at(0)
			at(900)
			l = again(h)
			at(1000)
			if got := bases(l); fmt.Sprint(got) != "[0]" {
				t.Fatalf("segments at %v", got)
			}
			at(1001)
			if got := bases(l); fmt.Sprint(got) != "[0 3]" {
				t.Fatalf("segments at %v", got)
			}
		})
	}
}

// Offsets of a follower may leave gaps of any length. No segment spans 2^31.
func TestGapsInOffsets(t *testing.T) {
	const far = int64(1) << 31
	for _, c := range []struct {
		name   string
		firsts []int64
	}{
		{"up to the last that fits", []int64{0, far - 3}},
		{"one past it", []int64{0, far - 2}},
		{"2^31", []int64{0, far}},
		{"far", []int64{0, 10 * far, 10*far + 2, 30 * far}},
		{"an empty log", []int64{5 * far, 5*far + 1000, 7 * far}},
		{"an empty log, within reach", []int64{far - 2, 2*far - 10, 3 * far}},
		{"small ones", []int64{0, 10, 100, 100_000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, func(c *logstore.Config) { c.IndexIntervalBytes = 0 })
			l := h.log()
			var want []string
			for i, first := range c.firsts {
				a, err := l.AppendFollower(batchOf(t, record.BuilderOptions{BaseOffset: first}, h.clock.ms(), fmt.Sprint(i), 2))
				must(t, err)
				if a.First != first || a.Last != first+1 {
					t.Fatalf("%+v, want %d on", a, first)
				}
				must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
				want = append(want, fmt.Sprint(i, "-0"), fmt.Sprint(i, "-1"))
			}
			for _, s := range l.Segments() {
				if s.End-s.Base > far-1 {
					t.Fatalf("a segment of offsets %d to %d", s.Base, s.End)
				}
			}
			last := c.firsts[len(c.firsts)-1]
			for _, again := range []func(*harness) *logstore.Log{
				func(h *harness) *logstore.Log { return l }, (*harness).powerCut, (*harness).kill, (*harness).reopen, (*harness).powerCut} {
				l = again(h)
				wantValues(t, values(t, l, logstore.HighWatermark), want...)
				if end := l.Offset(logstore.LogEnd); end != last+2 {
					t.Fatalf("ends at %d, want %d", end, last+2)
				}
				var f logstore.Fetch
				for i, first := range c.firsts { // from inside the gap before it
					must(t, l.Read(&f, max(first-1, 0), logstore.HighWatermark, 1<<20, true))
					at, _ := batchesIn(t, bytesOf(t, &f))
					if i > 0 && first-1 > c.firsts[i-1]+1 && at[0] != first {
						t.Fatalf("from %d: batch %d", first-1, at[0])
					}
					f.Release()
				}
				h.store.Housekeep(h.clock.Now())
				must(t, h.store.Checkpoint())
			}
			a := h.appendDurably(l, "led", 1)
			if a.First != last+2 {
				t.Fatalf("appended at %d", a.First)
			}
		})
	}
	t.Run("one append must not span it", func(t *testing.T) {
		h := newHarness(t, nil)
		l := h.log()
		both := append(batchOf(t, record.BuilderOptions{}, 0, "a", 1), batchOf(t, record.BuilderOptions{BaseOffset: far}, 0, "b", 1)...)
		if _, err := l.AppendFollower(both); err == nil {
			t.Fatal("no error")
		}
		if l.Offset(logstore.LogEnd) != 0 || l.Err() != nil {
			t.Fatalf("ends at %d, %v", l.Offset(logstore.LogEnd), l.Err())
		}
	})
}

// A change to synced never takes back what consumers saw.
func TestHighWatermarkNeverGoesBack(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Durability = logstore.OS })
	l := h.log()
	for i := range 5 {
		h.append(l, fmt.Sprint(i), 1)
	}
	if l.Offset(logstore.HighWatermark) != 5 || l.Offset(logstore.Durable) != 0 {
		t.Fatalf("high watermark %d, durable %d", l.Offset(logstore.HighWatermark), l.Offset(logstore.Durable))
	}
	c := l.Config()
	c.Durability = logstore.Synced
	must(t, l.Configure(c))
	if l.Offset(logstore.HighWatermark) != 5 || l.Offset(logstore.Durable) != 5 {
		t.Fatalf("high watermark %d, durable %d", l.Offset(logstore.HighWatermark), l.Offset(logstore.Durable))
	}
	h.appendDurably(l, "synced", 1)
	if l.Offset(logstore.Durable) != 6 {
		t.Fatalf("durable %d", l.Offset(logstore.Durable))
	}
	c.Durability = logstore.OS
	must(t, l.Configure(c))
	h.append(l, "os", 1)
	if l.Offset(logstore.HighWatermark) != 7 {
		t.Fatalf("high watermark %d", l.Offset(logstore.HighWatermark))
	}
}

func TestConfigureRefuses(t *testing.T) {
	for name, change := range map[string]func(*logstore.Config){
		"SegmentBytes":        func(c *logstore.Config) { c.SegmentBytes = 13 },
		"SegmentBytes above":  func(c *logstore.Config) { c.SegmentBytes = 1 << 31 },
		"SegmentMs":           func(c *logstore.Config) { c.SegmentMs = 0 },
		"SegmentIndexBytes":   func(c *logstore.Config) { c.SegmentIndexBytes = 3 },
		"RetentionMs":         func(c *logstore.Config) { c.RetentionMs = -2 },
		"MaxMessageBytes":     func(c *logstore.Config) { c.MaxMessageBytes = -1 },
		"Durability":          func(c *logstore.Config) { c.Durability = 2 },
		"FlushMessages":       func(c *logstore.Config) { c.FlushMessages = 0 },
		"TimestampAfterMaxMs": func(c *logstore.Config) { c.TimestampAfterMaxMs = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil)
			l := h.log()
			before := l.Config()
			c := before
			change(&c)
			if err := l.Configure(c); err == nil || l.Config() != before {
				t.Fatalf("%v, %+v", err, l.Config())
			}
			if _, err := h.store.Create(logstore.TopicPartition{Topic: "u"}, logstore.TopicID{}, c); err == nil {
				t.Fatal("created")
			}
		})
	}
}
