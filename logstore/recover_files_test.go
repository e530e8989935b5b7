package logstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// A start after a crash has no more files open than a store may, whatever segments
// the logs have that were written to.
func TestRecoveryOpensFewFilesAtOnce(t *testing.T) {
	const logs, rolls, files = 150, 4, 300
	h, count := fewFiles(t, -1, 32, func(c *logstore.Config) { c.SegmentBytes = 100 })
	for i := range logs {
		l := h.named(fmt.Sprint("many", i))
		for range rolls {
			h.append(l, "a", 1)
		}
		must(t, l.Flush())
		if n := len(l.Segments()); n != rolls {
			t.Fatalf("%d segments", n)
		}
	}
	h.mem = h.mem.Clone().Crash()
	_ = h.store.Close()
	var peak atomic.Int64
	h.store, h.change = nil, func(o *logstore.Options) {
		clear(count.open)
		o.OpenFilesMax = files
		*o = logstore.SyncAllFrom(*o, 32)
		h.fault.SetHook(func(op vfs.Op) error {
			err := count.hook(op)
			for open := int64(count.of("")); ; {
				if at := peak.Load(); open <= at || peak.CompareAndSwap(at, open) {
					break
				}
			}
			return err
		})
	}
	h.open()
	if c := h.store.Counters(); c.RecoveredLogs != logs {
		t.Fatalf("%d logs were recovered", c.RecoveredLogs)
	}
	if open := peak.Load(); open > files*3/2 || open < files/2 {
		t.Errorf("%d files were open at once, of %d", open, logs*rolls)
	}
	if open := count.of(""); open > files/2+20 {
		t.Errorf("%d files are open afterwards", open)
	}
	for i := range logs {
		wantValues(t, values(t, h.named(fmt.Sprint("many", i)), logstore.HighWatermark), "a-0", "a-0", "a-0", "a-0")
	}
}

// Who makes logs, or writes to them, faster than files are closed waits for that.
func TestOpeningWaitsForClosing(t *testing.T) {
	const files = 50
	fs := vfs.NewMem()
	s, err := logstore.Open("data", logstore.Options{FS: fs, OpenFilesMax: files})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	var logs []*logstore.Log
	few := func(when string) {
		t.Helper()
		if open := s.Usage().OpenFiles; open > 2*files {
			t.Fatalf("%s: %d files are open", when, open)
		}
	}
	for i := range 300 {
		l, err := s.OpenLog(logstore.TopicPartition{Topic: fmt.Sprint("many", i)})
		must(t, err)
		logs = append(logs, l)
		few("made")
	}
	for _, l := range logs {
		_, err := l.Append(t.Context(), record.Record{Value: []byte("v")})
		must(t, err)
		few("written")
	}
}
