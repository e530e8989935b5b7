package logstore_test

import (
	"fmt"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

const cleanerFile = "data/logs/cleaner-offset-checkpoint"

// Kafka reads how far we have compacted, and we where Kafka had come.
func TestCleanerOffsetCheckpoint(t *testing.T) {
	h, l := newCompacted(t, nil)
	dirty(h, l)
	h.store.Compact(h.clock.Now())
	upto := l.Compaction().FirstDirty
	if upto != l.Segments()[len(l.Segments())-1].Base {
		t.Fatalf("compacted up to %d", upto)
	}
	l = h.reopen()
	if text := string(readAll(t, h.mem, cleanerFile)); text != fmt.Sprintf("0\n1\nt 0 %d\n", upto) {
		t.Fatalf("%q", text)
	}
	if got := l.Compaction().FirstDirty; got != upto {
		t.Fatalf("compacted up to %d after a clean close, want %d", got, upto)
	}
	h.put(l, record.BuilderOptions{}, "more=1")
	if got := h.powerCut().Compaction().FirstDirty; got != upto {
		t.Fatalf("compacted up to %d after a crash, want %d", got, upto)
	}
	must(t, h.store.Close())
	// As another program leaves it.
	overwrite(t, h.mem, cleanerFile, []byte("0\n1\nt 0 8\n"))
	removeFile(t, h.mem, "data/moldau/manifest")
	h.open()
	l, err := h.store.Log(tp)
	must(t, err)
	if s := l.Compaction(); s.FirstDirty != 8 || s.Dirty == 0 || s.Clean == 0 {
		t.Fatalf("%+v", s)
	}
	// What lies beyond the end says nothing.
	must(t, h.store.Close())
	overwrite(t, h.mem, cleanerFile, []byte("0\n1\nt 0 8000\n"))
	removeFile(t, h.mem, "data/moldau/manifest")
	h.open()
	if l, err = h.store.Log(tp); err != nil || l.Compaction().FirstDirty != 0 {
		t.Fatalf("%+v, %v", l.Compaction(), err)
	}
}

func TestStatTellsOfCompaction(t *testing.T) {
	h, l := newCompacted(t, nil)
	h.put(l, record.BuilderOptions{Producer: &record.Producer{ID: 1}}, "a=1")
	h.put(l, record.BuilderOptions{}, "a=2", "b")
	h.roll(l)
	h.compact(l)
	upto := l.Compaction().FirstDirty
	must(t, h.store.Close())
	report, err := logstore.Stat(h.mem, "data", logstore.StatOptions{})
	must(t, err)
	if s := report.Logs[0]; s.CompactedUpto != upto || s.DirtyBytes == 0 || s.DirtyBytes >= s.DataBytes || s.Horizons != 1 || s.Emptied != 1 {
		t.Fatalf("%+v", s)
	}
	noFaults(t, h.mem)
}

// A log can be followed by its compacted copy: its batches, gaps and horizons
// are taken as they are.
func TestFollowerOfACompactedLeader(t *testing.T) {
	h, l := newCompacted(t, nil)
	dirty(h, l)
	h.put(l, record.BuilderOptions{}, "k0")
	h.roll(l)
	h.compact(l)
	f, err := h.store.Create(followed, logstore.TopicID{2}, h.config)
	must(t, err)
	for b, err := range l.Batches(t.Context(), 0, logstore.LogEnd) {
		must(t, err)
		_, err = f.AppendFollower(append([]byte(nil), b...))
		must(t, err)
	}
	must(t, f.Flush())
	wantValues(t, pairs(t, f, logstore.LogEnd), pairs(t, l, logstore.LogEnd)...)
	if f.Offset(logstore.LogEnd) != l.Offset(logstore.LogEnd) {
		t.Fatalf("ends at %d, the leader at %d", f.Offset(logstore.LogEnd), l.Offset(logstore.LogEnd))
	}
	h.compact(f)
	wantValues(t, pairs(t, f, logstore.LogEnd), pairs(t, l, logstore.LogEnd)...)
	must(t, h.store.Close())
	noFaults(t, h.mem)
}
