package logstore_test

import (
	"errors"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// A failed sync is final of whatever lies beside the data, too: a second one would
// find the pages clean, and the log would be at rest with what no disk has.
func TestFailedSyncAtRestIsFinal(t *testing.T) {
	for _, c := range []struct {
		kind vfs.OpKind
		file string
	}{
		{vfs.OpSync, ".index"}, {vfs.OpSync, ".timeindex"}, {vfs.OpSync, ".txnindex"}, {vfs.OpSync, ".snapshot.tmp"}, {vfs.OpSyncDir, "t-0"},
	} {
		for rest, come := range map[string]func(*harness) error{
			"checkpoint": func(h *harness) error { return h.store.Checkpoint() }, "close": func(h *harness) error { return h.store.Close() },
		} {
			t.Run(c.file+" "+rest, func(t *testing.T) {
				h := newHarness(t, func(c *logstore.Config) { c.IndexIntervalBytes = 1 })
				l := h.log()
				p := &txn{h: h, id: 1}
				p.write(l, 1)
				p.end(l, false)
				h.appendDurably(l, "a", 1)
				must(t, h.store.Checkpoint())
				h.fault.SetHook(failing(c.kind, c.file, syscall.EIO))
				if err := come(h); !errors.Is(err, logstore.ErrPoisoned) {
					t.Fatalf("%v, want ErrPoisoned", err)
				}
				h.fault.SetHook(nil)
				_ = h.store.Close()
				if exists(t, h.mem, "data/logs/.kafka_cleanshutdown") {
					t.Fatal("closed cleanly")
				}
				h.open()
				wantValues(t, values(t, h.log(), logstore.LastStable), "a-0")
			})
		}
	}
}

// So it is of indexes that were built anew when they were first used.
func TestFailedSyncOfAMendedIndexIsFinal(t *testing.T) {
	h, l, _ := retained(t, 10, func(c *logstore.Config) { c.IndexIntervalBytes = 1 })
	must(t, h.store.Close())
	overwrite(t, h.mem, logDir+"/00000000000000000000.timeindex", []byte{1})
	h.open()
	l = h.log()
	wantValues(t, values(t, l, logstore.HighWatermark)[:1], "00-0")
	h.fault.SetHook(failing(vfs.OpSync, ".timeindex", syscall.EIO))
	h.store.Housekeep(h.clock.Now())
	if err := l.Err(); !errors.Is(err, logstore.ErrPoisoned) {
		t.Fatalf("%v, want ErrPoisoned", err)
	}
}
