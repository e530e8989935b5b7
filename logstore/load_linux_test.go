package logstore_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// mappings counts the mappings of files below dir.
func mappings(t *testing.T, dir string) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	must(t, err)
	return strings.Count(string(maps), dir+string(filepath.Separator))
}

// A sealed segment that cannot be loaded leaves no index mapped, however often
// that is tried, and neither does one that is built anew, or the close.
func TestFailedLoadUnmapsIndexes(t *testing.T) {
	dir := t.TempDir()
	tree, err := vfs.OpenOS(dir)
	must(t, err)
	defer func() { must(t, tree.Close()) }()
	h := &harness{t: t, clock: newClock(), events: &events{}, rand: newRand(), config: logstore.DefaultConfig()}
	h.config.SegmentBytes, h.config.IndexIntervalBytes, h.config.Durability = 100_000, 1, logstore.OS // a small index is not mapped
	h.change = func(o *logstore.Options) {
		h.fault = vfs.NewFault(tree)
		o.FS = h.fault
	}
	h.open()
	l := h.log()
	for len(l.Segments()) < 2 {
		h.append(l, "a", 1)
	}
	must(t, h.store.Close())
	name := logDir + "/00000000000000000000.index"
	half := readAll(t, tree, name)
	overwrite(t, tree, name, half[:len(half)/16*8])
	h.open()
	l = h.log()
	h.fault.SetHook(failing(vfs.OpStat, ".txnindex", syscall.EIO)) // looked at last
	for range 3 {
		if err := l.Read(&logstore.Fetch{}, 0, logstore.LogEnd, 1, true); err == nil {
			t.Fatal("loaded")
		}
	}
	if n := mappings(t, dir); n != 0 {
		t.Fatalf("%d mappings of what failed to load", n)
	}
	h.fault.SetHook(nil)
	values(t, l, logstore.HighWatermark)
	h.store.Housekeep(h.clock.Now()) // writes what was built anew
	if mappings(t, dir) == 0 {
		t.Fatal("nothing is mapped: the test sees no mappings")
	}
	must(t, h.store.Close())
	if n := mappings(t, dir); n != 0 {
		t.Fatalf("%d mappings after the close", n)
	}
}
