package logstore_test

import (
	"io/fs"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// forgetfulDisk fails the first sync of a file, and tells nobody else: a sync that
// runs beside it or comes later returns nil with nothing on the disk, which is what
// Linux does with one descriptor.
type forgetfulDisk struct {
	vfs.FS
	name  string
	began chan struct{} // the first sync has
	fail  chan struct{} // lets it return
	armed atomic.Bool
	syncs atomic.Int32
}

func (d *forgetfulDisk) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := d.FS.OpenFile(name, flag, perm)
	if err == nil && name == d.name {
		f = &forgetfulFile{f, d}
	}
	return f, err
}

type forgetfulFile struct {
	vfs.File
	d *forgetfulDisk
}

func (f *forgetfulFile) Sync() error {
	switch {
	case !f.d.armed.Load():
		return f.File.Sync()
	case f.d.syncs.Add(1) > 1:
		return nil
	}
	close(f.d.began)
	<-f.d.fail
	return syscall.EIO
}

// Of two syncs of a log's file that come at a time, one of which fails, none
// acknowledges anything, nor has the journal let go of what the file lacks.
func TestOneSyncOfAFileAtATime(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, beside func(h *harness)
	}{
		{"a checkpoint, beside a cut", func(h *harness) { _ = h.store.Checkpoint() }, func(h *harness) { _ = h.store.CutJournal() }},
		{"a commit, beside a checkpoint", func(h *harness) { h.append(h.log(), string(make([]byte, 300_000)), 1) }, func(h *harness) { _ = h.store.Checkpoint() }},
		{"a checkpoint, beside a commit", func(h *harness) { _ = h.store.Checkpoint() }, func(h *harness) {
			_, _ = h.log().AppendLeader(batchOf(h.t, record.BuilderOptions{}, h.clock.ms(), string(make([]byte, 300_000)), 1), 0)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, nil)
			must(t, h.store.Close())
			d := &forgetfulDisk{name: firstLog, began: make(chan struct{}), fail: make(chan struct{})}
			h.change = func(o *logstore.Options) {
				*o = logstore.JournalAlways(*o)
				d.FS, o.FS = o.FS, d
			}
			h.open()
			l := h.log()
			h.appendDurably(l, "a", 1)
			h.appendDurably(l, "b", 1) // in the journal only
			d.armed.Store(true)
			done := make(chan struct{})
			go func() { defer close(done); c.first(h) }()
			<-d.began
			beside := make(chan struct{})
			go func() { defer close(beside); c.beside(h) }()
			for i := 0; i < 1000 && d.syncs.Load() < 2; i++ { // it may get as far as the file
				runtime.Gosched()
			}
			close(d.fail)
			<-done
			<-beside
			_ = l.Flush()
			if durable := l.Offset(logstore.Durable); l.Err() == nil || durable > 2 {
				t.Fatalf("durable up to %d, error %v", durable, l.Err())
			}
			h.change = nil
			wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "b-0")
		})
	}
}
