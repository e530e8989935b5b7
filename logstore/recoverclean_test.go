package logstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// foreign makes a store of twelve appends of three records, closed, what another
// program closed cleanly: our manifest is gone, and Kafka's checkpoints count.
func foreign(t *testing.T) (h *harness, segments []logstore.SegmentInfo) {
	t.Helper()
	h = newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 400 })
	l := h.log()
	for range 12 {
		h.appendDurably(l, "a", 3)
	}
	segments = l.Segments()
	must(t, h.store.Close())
	for _, name := range filesIn(t, h.mem, "data/moldau", "") {
		removeFile(t, h.mem, name)
	}
	return h, segments
}

// removeSegments removes all files of segments.
func (h *harness) removeSegments(gone ...logstore.SegmentInfo) {
	h.t.Helper()
	for _, s := range gone {
		for _, suffix := range []string{".log", ".index", ".timeindex"} {
			removeFile(h.t, h.mem, fmt.Sprintf("%s/%020d%s", logDir, s.Base, suffix))
		}
	}
}

// What ends below its recovery point has lost what was acknowledged: its offsets
// are not given away again.
func TestCleanLogThatEndsBelowItsRecoveryPoint(t *testing.T) {
	for _, c := range []struct {
		name     string
		gone     func(all []logstore.SegmentInfo) []logstore.SegmentInfo
		readOnly bool
	}{
		{"last segment", func(all []logstore.SegmentInfo) []logstore.SegmentInfo { return all[len(all)-1:] }, false},
		{"last but the first", func(all []logstore.SegmentInfo) []logstore.SegmentInfo { return all[1:] }, false},
		{"all", func(all []logstore.SegmentInfo) []logstore.SegmentInfo { return all }, false},
		{"last segment, read-only", func(all []logstore.SegmentInfo) []logstore.SegmentInfo { return all[len(all)-1:] }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, segments := foreign(t)
			gone := c.gone(segments)
			h.removeSegments(gone...)
			h.change = func(o *logstore.Options) { o.ReadOnly = c.readOnly }
			h.open()
			l, err := h.store.Log(tp)
			must(t, err)
			var corrupt *logstore.CorruptionError
			if !errors.As(l.Err(), &corrupt) || !strings.Contains(corrupt.Error(), "below its recovery point") {
				t.Errorf("of %d of %d segments that are gone the log says %v", len(gone), len(segments), l.Err())
			}
			if end := l.Offset(logstore.LogEnd); end != gone[0].Base {
				t.Errorf("it ends at %d, and the first segment that is gone began at %d", end, gone[0].Base)
			}
			if _, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "b", 1), 0); err == nil {
				t.Error("it takes appends at offsets that were acknowledged before")
			}
		})
	}
}

// A recovery point that is old, or of which all below it was deleted, is none.
func TestCleanLogWhoseRecoveryPointIsLegal(t *testing.T) {
	for _, c := range []struct {
		name       string
		point      string
		start      string
		gone       bool // the last segment
		begin, end int64
	}{
		{"at the end", "t 0 36", "", false, 0, 36},
		{"old", "t 0 7", "", false, 0, 36},
		{"none", "t 0 0", "", false, 0, 36},
		{"all below it was deleted", "t 0 36", "t 0 36", true, 36, 36},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, segments := foreign(t)
			overwrite(t, h.mem, "data/logs/recovery-point-offset-checkpoint", []byte("0\n1\n"+c.point+"\n"))
			if c.start != "" {
				overwrite(t, h.mem, "data/logs/log-start-offset-checkpoint", []byte("0\n1\n"+c.start+"\n"))
			}
			if c.gone {
				h.removeSegments(segments[len(segments)-1])
			}
			h.open()
			l, err := h.store.Log(tp)
			must(t, err)
			must(t, l.Err())
			if l.StartOffset() != c.begin || l.Offset(logstore.LogEnd) != c.end {
				t.Errorf("it holds %d to %d, want %d to %d", l.StartOffset(), l.Offset(logstore.LogEnd), c.begin, c.end)
			}
			h.appendDurably(l, "b", 1)
		})
	}
}
