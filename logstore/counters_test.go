package logstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

func TestCountersTellWhatWasDone(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 200; c.RetentionBytes = 200 })
	l := h.log()
	one := batchOf(t, record.BuilderOptions{}, h.clock.ms(), "a", 1)
	two := append(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "b", 1), one...)
	// A disk on which a sync takes 3 ms of the store's clock.
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && strings.HasSuffix(op.Name, ".log") {
			h.clock.add(3 * time.Millisecond)
		}
		return nil
	})
	var bytes int64
	for _, batches := range [][]byte{one, two, one} {
		_, err := l.AppendLeader(batches, 0)
		must(t, err)
		must(t, l.Flush())
		bytes += int64(len(batches))
	}
	c := h.store.Counters()
	if c.Appends != 3 || c.Batches != 4 || c.AppendedBytes != bytes {
		t.Errorf("%d appends, %d batches, %d bytes; want 3, 4, %d", c.Appends, c.Batches, c.AppendedBytes, bytes)
	}
	if n := c.Syncs.Count(); n != 3 || c.Syncs.Sum != 9*time.Millisecond || c.SyncFailures != 0 {
		t.Errorf("%d syncs in %v, %d failed; want 3 in 9ms", n, c.Syncs.Sum, c.SyncFailures)
	}
	h.store.Housekeep(h.clock.Now())
	c, u := h.store.Counters(), h.store.Usage()
	if c.RetiredSegments == 0 || c.RetiredBytes+u.Bytes != bytes || u.Bytes != l.Bytes() {
		t.Errorf("%d segments retired, %d bytes; %d of %d bytes are left", c.RetiredSegments, c.RetiredBytes, u.Bytes, bytes)
	}
	if u.Logs != 1 || u.Segments != len(l.Segments()) || u.Poisoned != 0 || u.Broken != 0 {
		t.Errorf("usage %+v", u)
	}
}

func TestRefusedAppendsAreNotCounted(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	b := batchOf(t, record.BuilderOptions{Producer: &record.Producer{ID: 7}}, h.clock.ms(), "a", 1)
	for range 2 { // the second is a duplicate
		_, err := l.AppendLeader(b, 0)
		must(t, err)
	}
	if _, err := l.AppendLeader([]byte("no batch"), 0); err == nil {
		t.Error("nonsense was appended")
	}
	if c := h.store.Counters(); c.Appends != 1 || c.Batches != 1 || c.AppendedBytes != int64(len(b)) {
		t.Errorf("counted %+v", c)
	}
}

func TestFailedSyncIsCountedAndPoisons(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			return errors.New("the disk is broken")
		}
		return nil
	})
	h.append(l, "a", 1)
	if err := l.Flush(); !errors.Is(err, logstore.ErrPoisoned) {
		t.Fatalf("flush: %v", err)
	}
	if c := h.store.Counters(); c.SyncFailures != 1 || c.Syncs.Count() != 1 {
		t.Errorf("%d of %d syncs failed, want 1 of 1", c.SyncFailures, c.Syncs.Count())
	}
	if u := h.store.Usage(); u.Poisoned != 1 {
		t.Errorf("%d logs are poisoned, want 1", u.Poisoned)
	}
}

// The progress of an open can be watched, log by log, while it scans, and the
// counters tell of it afterwards.
func TestRecoveryCanBeWatched(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.MaxMessageBytes = 4 << 20 })
	l := h.log()
	const batches, recordBytes = 8, 512 << 10
	for range batches {
		b := record.NewBuilder(record.BuilderOptions{})
		b.Append(h.clock.ms(), nil, make([]byte, recordBytes))
		batch, err := b.Finish()
		must(t, err)
		_, err = l.AppendLeader(batch, 0)
		must(t, err)
	}
	must(t, l.Flush())
	total := l.Bytes()
	_, err := h.store.Create(logstore.TopicPartition{Topic: "other"}, logstore.TopicID{2}, h.config)
	must(t, err)

	progress, fault := &logstore.Progress{}, vfs.NewFault(h.mem.Clone())
	var scanned []int64
	fault.SetHook(func(op vfs.Op) error {
		if op.Kind != vfs.OpRead || !strings.HasPrefix(op.Name, "data/logs/t-0/") || !strings.HasSuffix(op.Name, ".log") {
			return nil
		}
		o := progress.Opening()
		if o.Logs != 2 || o.Opened == 2 {
			t.Errorf("while a log is scanned: %d of %d logs opened", o.Opened, o.Logs)
		}
		for _, s := range o.Scans {
			if s.Log == tp && s.Bytes == total {
				scanned = append(scanned, s.Scanned)
			}
		}
		return nil
	})
	s, err := logstore.Open("data", logstore.Options{
		FS: fault, Clock: h.clock, Manual: true, Log: h.config, Progress: progress, RecoveryWorkers: 1,
	})
	must(t, err)
	defer s.Close()
	if n := len(scanned); n < 4 || scanned[0] != 0 || scanned[n-1] <= scanned[1] || scanned[n-1] > total {
		t.Errorf("seen of %d bytes: %v", total, scanned)
	}
	if o := progress.Opening(); o.Logs != 2 || o.Opened != 2 || len(o.Scans) != 0 {
		t.Errorf("in the end: %+v", o)
	}
	if c := s.Counters(); c.RecoveredLogs != 2 || c.ScannedBytes != total || c.CutBytes != 0 {
		t.Errorf("%d logs recovered, %d bytes scanned, %d cut; want 2, %d, 0", c.RecoveredLogs, c.ScannedBytes, c.CutBytes, total)
	}
}

func TestReplayedBytesAreCounted(t *testing.T) {
	h := newHarness(t, nil)
	must(t, h.store.Close())
	h.change = journaling
	h.open()
	h.appendDurably(h.log(), "a", 2)
	h.appendDurably(h.log(), "b", 1)
	total := h.log().Bytes()
	if c := h.store.Counters(); c.JournalCommits != 2 || c.JournalBytes < total || c.ReplayedBytes != 0 {
		t.Errorf("counted %+v, of %d bytes in two commits", c, total)
	}
	h.powerCut()
	if c := h.store.Counters(); c.ReplayedBytes != total || c.ScannedBytes != 0 {
		t.Errorf("%d bytes replayed and %d scanned, want %d and 0", c.ReplayedBytes, c.ScannedBytes, total)
	}
}
