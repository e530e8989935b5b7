package logstore_test

import (
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// newWriteBackHarness has files written back by f, and tells of the first time.
func newWriteBackHarness(t *testing.T, f func(vfs.File, int64) error) (h *harness, first <-chan struct{}) {
	t.Helper()
	h = newHarness(t, nil)
	must(t, h.store.Close())
	called := make(chan struct{}, 1)
	h.change = func(o *logstore.Options) {
		o.Manual = false
		o.JournalBytes = 4 << 20
		*o = logstore.JournalAlways(*o)
		*o = logstore.WriteBackBy(*o, func(file vfs.File, bytes int64) error {
			select {
			case called <- struct{}{}:
			default:
			}
			return f(file, bytes)
		})
	}
	h.open()
	return h, called
}

// As the journal grows, the logs' own files are written back, whole pages of them, and
// not those that have little to write.
func TestFilesAreWrittenBackBeforeACut(t *testing.T) {
	h, first := newWriteBackHarness(t, func(f vfs.File, bytes int64) error {
		size, err := f.Size()
		if err != nil || bytes == 0 || bytes > size || bytes%4096 != 0 {
			t.Errorf("%d bytes of %d are written back, %v", bytes, size, err)
		}
		return nil
	})
	large, small := h.log(), h.another()
	h.appendDurably(small, "small", 1)
	for range 60 { // less than half a journal: no cut
		h.appendDurably(large, strings.Repeat("x", 30_000), 1)
	}
	<-first
	must(t, h.store.Close())
}

// A write that fails as it begins may not be told of by the next sync: the log is
// poisoned, and keeps its records in the journal.
func TestWriteBackThatFails(t *testing.T) {
	h, failed := newWriteBackHarness(t, func(vfs.File, int64) error { return syscall.EIO })
	l := h.log()
	var want []string
	for i := range 60 {
		value := strings.Repeat(string(rune('0'+i)), 30_000)
		batch := batchOf(t, record.BuilderOptions{}, h.clock.ms(), value, 1)
		if _, err := l.AppendLeader(batch, 0); err == nil && l.Flush() == nil {
			want = append(want, value+"-0")
		}
	}
	<-failed
	_ = h.store.Close() // waits for what follows
	if len(eventsOf[logstore.LogPoisoned](h.events)) != 1 {
		t.Fatal("the log was not poisoned")
	}
	h.mem, h.change = h.mem.Crash(), nil
	h.open()
	l = h.log()
	must(t, l.Err())
	got := values(t, l, logstore.HighWatermark)
	wantValues(t, got[:min(len(got), len(want))], want...)
}
