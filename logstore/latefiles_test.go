package logstore_test

import (
	"path"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// lateFiles is how many there are of the files that a log is made without.
func lateFiles(t *testing.T, fsys vfs.FS, i int) int {
	t.Helper()
	dir := path.Join("data/logs", manyName(i).String())
	return len(filesIn(t, fsys, dir, ".index")) + len(filesIn(t, fsys, dir, ".timeindex")) + len(filesIn(t, fsys, dir, ".metadata"))
}

// A log is made without the files of its indexes and of its topic's id, one by one or
// with others. They are there when it comes to rest, for Kafka, which misses them; a
// crash before loses nothing.
func TestLateFilesOfNewLogs(t *testing.T) {
	for _, together := range []int{2, 100} {
		const n = 4
		h := makingTogether(t, together)
		h.log() // first: whatever is synced later could be of the others as well
		must(t, createdAll(h.store.CreateAll(logsToMake(h, n)), n))
		for i := range n {
			if got := lateFiles(t, h.mem, i); got != 0 {
				t.Fatalf("%d late files of log %d, which is empty", got, i)
			}
		}
		h.powerCut()
		wantIDs(t, h.store, n)
		l, err := h.store.Log(manyName(0))
		must(t, err)
		h.appendDurably(l, "a", 1)
		o := h.options()
		o.FS, o.ReadOnly = h.mem.Crash(), true
		live, err := logstore.Open("data", o)
		must(t, err)
		wantIDs(t, live, n)
		must(t, live.Close())
		h.powerCut()
		wantIDs(t, h.store, n)
		l, err = h.store.Log(manyName(0))
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), "a-0")
		must(t, createdAll(h.store.CreateAll(logsToMake(h, 2*n)[n:]), n))
		l, err = h.store.Log(manyName(n))
		must(t, err)
		h.appendDurably(l, "b", 1)
		must(t, h.store.Close())
		h.mem = h.mem.Crash()
		for i := range 2 * n {
			if got := lateFiles(t, h.mem, i); got != 3 {
				t.Errorf("after a clean close, of logs that were made together from %d on: %d late files of log %d", together, got, i)
			}
		}
		report, err := logstore.Check(h.mem, "data", logstore.CheckOptions{})
		must(t, err)
		if len(report.Findings) > 0 {
			t.Error(report.Findings)
		}
		h.open()
		l, err = h.store.Log(manyName(n))
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), "b-0")
	}
}

func wantIDs(t *testing.T, s *logstore.Store, n int) {
	t.Helper()
	for i := range n {
		l, err := s.Log(manyName(i))
		must(t, err)
		if l.ID() != (logstore.TopicID{1}) {
			t.Errorf("log %d has id %s", i, l.ID())
		}
	}
}

// Where one of the files cannot be made, the log does not come to rest without it.
func TestLateFileThatCannotBeMade(t *testing.T) {
	h := makingTogether(t, 2)
	must(t, createdAll(h.store.CreateAll(logsToMake(h, 2)), 2))
	for _, suffix := range []string{".timeindex", "partition.metadata.tmp"} {
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpCreate && strings.HasSuffix(op.Name, suffix) {
				return syscall.EMFILE
			}
			return nil
		})
		if err := h.store.Checkpoint(); err == nil {
			t.Fatal("a checkpoint went well")
		}
		h.fault.SetHook(nil)
	}
	must(t, h.store.Checkpoint())
	must(t, h.store.Checkpoint()) // the first was no pause to come to rest in
	h.mem = h.mem.Crash()
	for i := range 2 {
		if got := lateFiles(t, h.mem, i); got != 3 {
			t.Errorf("%d late files of log %d", got, i)
		}
	}
}
