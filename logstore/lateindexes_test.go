package logstore_test

import (
	"path"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// indexFiles is how many files of indexes there are of a log.
func indexFiles(t *testing.T, fsys vfs.FS, i int) int {
	t.Helper()
	dir := path.Join("data/logs", manyName(i).String())
	return len(filesIn(t, fsys, dir, ".index")) + len(filesIn(t, fsys, dir, ".timeindex"))
}

// A log is made without the files of its indexes, one by one or with others. They are
// there when it comes to rest, for Kafka, which misses them; a crash before loses
// nothing.
func TestIndexFilesOfNewLogs(t *testing.T) {
	for _, together := range []int{2, 100} {
		const n = 4
		h := makingTogether(t, together)
		must(t, createdAll(h.store.CreateAll(logsToMake(h, n)), n))
		for i := range n {
			if got := indexFiles(t, h.mem, i); got != 0 {
				t.Fatalf("%d index files of log %d, which is empty", got, i)
			}
		}
		h.log()
		l, err := h.store.Log(manyName(0))
		must(t, err)
		h.appendDurably(l, "a", 1)
		h.powerCut()
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
			if got := indexFiles(t, h.mem, i); got != 2 {
				t.Errorf("after a clean close, of logs that were made together from %d on: %d index files of log %d", together, got, i)
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

// Where one of the files cannot be made, the log does not come to rest without it.
func TestIndexFileThatCannotBeMade(t *testing.T) {
	h := makingTogether(t, 2)
	must(t, createdAll(h.store.CreateAll(logsToMake(h, 2)), 2))
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpCreate && path.Ext(op.Name) == ".timeindex" {
			return syscall.EMFILE
		}
		return nil
	})
	if err := h.store.Checkpoint(); err == nil {
		t.Fatal("a checkpoint went well")
	}
	h.fault.SetHook(nil)
	must(t, h.store.Checkpoint())
	must(t, h.store.Checkpoint()) // the first was no pause to come to rest in
	h.mem = h.mem.Crash()
	for i := range 2 {
		if got := indexFiles(t, h.mem, i); got != 2 {
			t.Errorf("%d index files of log %d", got, i)
		}
	}
}
