package logstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"moldau/logstore"
)

// retained is a log of n records, one to a batch and four to a segment, an hour
// of record time apart.
func retained(t *testing.T, n int, change func(*logstore.Config)) (h *harness, l *logstore.Log, batch int64) {
	h = newHarness(t, func(c *logstore.Config) {
		c.FileDeleteDelayMs, c.RetentionMs, c.SegmentMs = 1000, -1, 1<<50
		if change != nil {
			change(c)
		}
	})
	l = h.log()
	h.append(l, "00", 1)
	batch = l.Bytes()
	c := l.Config()
	c.SegmentBytes = 4 * batch
	must(t, l.Configure(c))
	h.config.SegmentBytes = c.SegmentBytes
	for i := 1; i < n; i++ {
		h.clock.add(time.Hour)
		h.append(l, fmt.Sprintf("%02d", i), 1)
	}
	must(t, l.Flush())
	h.store.Housekeep(h.clock.Now())
	return h, l, batch
}

// reconfigure changes the log's configuration and does what is due at once.
func (h *harness) reconfigure(l *logstore.Log, change func(*logstore.Config)) {
	h.t.Helper()
	c := l.Config()
	change(&c)
	must(h.t, l.Configure(c))
	h.store.Housekeep(h.clock.Now())
}

func TestRetention(t *testing.T) {
	day := int64(24 * time.Hour / time.Millisecond)
	hour := day / 24
	for _, c := range []struct {
		name   string
		change func(*logstore.Config)
		pass   time.Duration // before housekeeping
		start  int64         // of 22 records: segments at 0, 4, 8, 12, 16, 20
		reason string
	}{
		{"nothing is due", func(c *logstore.Config) {}, 0, 0, ""},
		{"retention.bytes keeps that much", func(c *logstore.Config) { c.RetentionBytes = 3 * c.SegmentBytes }, 0, 8, "retention.bytes"},
		{"retention.bytes, just enough", func(c *logstore.Config) { c.RetentionBytes = 22 * c.SegmentBytes / 4 }, 0, 0, ""},
		{"retention.bytes, a segment too much", func(c *logstore.Config) { c.RetentionBytes = 18 * c.SegmentBytes / 4 }, 0, 4, "retention.bytes"},
		{"retention.bytes, a byte short of a segment too much", func(c *logstore.Config) { c.RetentionBytes = 18*c.SegmentBytes/4 + 1 }, 0, 0, ""},
		{"retention.bytes 0 takes the active one, too", func(c *logstore.Config) { c.RetentionBytes = 0 }, 0, 22, "retention.bytes"},
		{"retention.ms by each segment's newest", func(c *logstore.Config) { c.RetentionMs = 12 * hour }, 0, 8, "retention.ms"}, // newest of 4-7 is 14 h old, of 8-11 10 h
		{"retention.ms to the millisecond", func(c *logstore.Config) { c.RetentionMs = 10 * hour }, 0, 8, "retention.ms"},
		{"retention.ms past it", func(c *logstore.Config) { c.RetentionMs = 10 * hour }, time.Millisecond, 12, "retention.ms"},
		{"retention.ms takes the active one, too", func(c *logstore.Config) { c.RetentionMs = hour }, 2 * time.Hour, 22, "retention.ms"},
		{"both", func(c *logstore.Config) { c.RetentionMs, c.RetentionBytes = 12*hour, 2*c.SegmentBytes }, 0, 12, "retention.bytes"},
		{"compacted topics are not retained", func(c *logstore.Config) { c.Delete, c.Compact, c.RetentionMs, c.RetentionBytes = false, true, 0, 0 }, 0, 0, ""},
		{"compact and delete are", func(c *logstore.Config) { c.Compact, c.RetentionBytes = true, 0 }, 0, 22, "retention.bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, l, _ := retained(t, 22, nil)
			h.clock.add(c.pass)
			before, all := l.Bytes(), values(t, l, logstore.HighWatermark)
			h.reconfigure(l, c.change)
			if l.StartOffset() != c.start || l.Offset(logstore.LogEnd) != 22 {
				t.Fatalf("%d to %d, want %d to 22", l.StartOffset(), l.Offset(logstore.LogEnd), c.start)
			}
			wantValues(t, values(t, l, logstore.HighWatermark), all[c.start:]...)
			retired := eventsOf[logstore.SegmentsRetired](h.events)
			if c.reason == "" {
				if len(retired) > 0 {
					t.Fatalf("events %+v", retired)
				}
				return
			}
			if r := retired[0]; r.Reason != c.reason || r.Log != tp || r.Segments != int(c.start+3)/4 && len(retired) == 1 || r.Bytes != before-l.Bytes() && len(retired) == 1 {
				t.Fatalf("events %+v", retired)
			}
			if last := retired[len(retired)-1]; last.Start != c.start {
				t.Fatalf("events %+v", retired)
			}
			h.appendDurably(l, "more", 1)
			wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), append(all[c.start:], "more-0")...)
		})
	}
}

// Files of what was retired are renamed at once and unlinked after a delay, each
// when Housekeep is called with its time and not before.
func TestUnlinkIsDelayed(t *testing.T) {
	h, l, _ := retained(t, 10, nil)
	h.reconfigure(l, func(c *logstore.Config) { c.RetentionBytes = c.SegmentBytes })
	deleted := filesIn(t, h.mem, logDir, ".deleted")
	if len(deleted) == 0 || l.StartOffset() != 4 {
		t.Fatalf("starts at %d, renamed %v", l.StartOffset(), deleted)
	}
	for _, name := range deleted {
		if !strings.HasPrefix(name, logDir+"/00000000000000000000.") {
			t.Errorf("renamed %s", name)
		}
	}
	for _, step := range []struct {
		pass time.Duration
		left bool
	}{{0, true}, {999 * time.Millisecond, true}, {time.Millisecond, false}} {
		h.clock.add(step.pass)
		h.store.Housekeep(h.clock.Now())
		if left := filesIn(t, h.mem, logDir, ".deleted"); (len(left) > 0) != step.left {
			t.Fatalf("after %v more: %v", step.pass, left)
		}
	}
}

// Nothing is due by the clock alone: the caller's Housekeep decides.
func TestNothingHappensWithoutHousekeep(t *testing.T) {
	h, l, _ := retained(t, 10, nil)
	c := l.Config()
	c.RetentionBytes, c.RetentionMs = 0, 0
	must(t, l.Configure(c))
	h.clock.add(1000 * time.Hour)
	if l.StartOffset() != 0 || len(l.Segments()) != 3 {
		t.Fatalf("starts at %d", l.StartOffset())
	}
	h.store.Housekeep(h.clock.Now())
	if l.StartOffset() != 10 {
		t.Fatalf("starts at %d", l.StartOffset())
	}
}

// Retention comes back by itself: at each segment's expiry, at rolls, and after
// an open.
func TestRetentionComesBack(t *testing.T) {
	h, l, _ := retained(t, 9, func(c *logstore.Config) { c.RetentionMs = 20 * 3600_000 })
	// Segments' newest records are 5, 1 and 0 hours old.
	for _, c := range []struct {
		pass  time.Duration
		start int64
	}{{15 * time.Hour, 0}, {time.Millisecond, 4}, {4*time.Hour - time.Millisecond, 4}, {time.Millisecond, 8}, {time.Hour, 9}} {
		h.clock.add(c.pass)
		h.store.Housekeep(h.clock.Now())
		if l.StartOffset() != c.start {
			t.Fatalf("%v later it starts at %d, want %d", c.pass, l.StartOffset(), c.start)
		}
	}
	for name, again := range map[string]func(*harness) *logstore.Log{"clean": (*harness).reopen, "kill": (*harness).kill} {
		h, _, _ := retained(t, 9, nil)
		h.config.RetentionBytes = h.config.SegmentBytes
		l := again(h)
		h.store.Housekeep(h.clock.Now())
		if l.StartOffset() != 4 {
			t.Fatalf("%s: starts at %d, retention.bytes is due", name, l.StartOffset())
		}
	}
}

// What is not below the high watermark stays.
func TestRetentionEndsAtTheHighWatermark(t *testing.T) {
	h, l, _ := retained(t, 22, func(c *logstore.Config) { c.Replicated = true })
	for _, c := range []struct{ high, start int64 }{{0, 0}, {3, 0}, {4, 4}, {11, 8}, {21, 20}, {22, 22}} {
		must(t, l.SetHighWatermark(c.high))
		h.reconfigure(l, func(cfg *logstore.Config) { cfg.RetentionBytes, cfg.RetentionMs = 0, 0 })
		if l.StartOffset() != c.start {
			t.Fatalf("high watermark %d: starts at %d, want %d", c.high, l.StartOffset(), c.start)
		}
	}
}

func TestAdvanceStart(t *testing.T) {
	h, l, _ := retained(t, 22, func(c *logstore.Config) { c.Delete, c.Compact = false, true })
	for _, c := range []struct {
		to, start, base int64
		fails           bool
	}{{0, 0, 0, false}, {3, 3, 0, false}, {2, 3, 0, false}, {4, 4, 4, false}, {23, 4, 4, true}, {13, 13, 12, false}, {22, 22, 22, false}} {
		err := l.AdvanceStart(c.to)
		wantFailure(t, err, c.fails, logstore.ErrOffsetRange)
		h.store.Housekeep(h.clock.Now())
		if l.StartOffset() != c.start {
			t.Fatalf("to %d: starts at %d, want %d", c.to, l.StartOffset(), c.start)
		}
		if got := l.Segments()[0].Base; got != c.base && c.base != 22 {
			t.Fatalf("to %d: the first segment begins at %d, want %d", c.to, got, c.base)
		}
		l = h.powerCut()
		if l.StartOffset() != c.start {
			t.Fatalf("to %d: starts at %d after a power cut", c.to, l.StartOffset())
		}
	}
	h.appendDurably(l, "more", 1)
	wantValues(t, values(t, h.reopen(), logstore.HighWatermark), "more-0")
}
