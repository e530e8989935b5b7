package logstore_test

import (
	"errors"
	"runtime"
	"syscall"
	"testing"
	"weak"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// A log that did not open can be deleted again after a deletion that failed.
func TestDeletionOfABrokenLogIsTriedAgain(t *testing.T) {
	h := newHarness(t, nil)
	h.appendDurably(h.log(), "a", 1)
	mem := h.mem.Crash()
	_ = h.store.Close()
	h.mem = mem
	s, err := logstore.Open("data", func() logstore.Options {
		o := h.options()
		h.fault.SetHook(failing(vfs.OpReadDir, logDir, syscall.EIO))
		return o
	}())
	must(t, err)
	h.store = s
	h.fault.SetHook(failing(vfs.OpRename, "logs/t-0", syscall.EACCES))
	if err := s.Delete(tp); !errors.Is(err, syscall.EACCES) {
		t.Fatal(err)
	}
	h.fault.SetHook(nil)
	must(t, s.Delete(tp))
	h.appendDurably(h.log(), "new", 1)
}

// What could not be noted of a deletion is, at the latest, by the next process.
func TestDeletionThatWasNotNotedBeforeTheClose(t *testing.T) {
	h := newHarness(t, nil)
	h.appendDurably(h.log(), "old", 9)
	h.reopen()
	h.fault.SetHook(failing(vfs.OpWrite, "manifest", syscall.ENOSPC))
	must(t, h.store.Delete(tp))
	h.fault.SetHook(nil)
	must(t, h.store.Close())
	h.open()
	h.log()
	l := h.powerCut()
	must(t, l.Err())
	h.appendDurably(l, "new", 1)
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "new-0")
}

// A deleted log is not remembered until its retention would have been due.
func TestDeletedLogIsForgotten(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.FileDeleteDelayMs = 0 })
	gone := func() weak.Pointer[logstore.Log] {
		l := h.log()
		h.appendDurably(l, "a", 1)
		must(t, h.store.Delete(tp))
		return weak.Make(l)
	}()
	h.tick()
	h.appendDurably(h.another(), "b", 1)
	for range 3 {
		runtime.GC()
	}
	if gone.Value() != nil {
		t.Fatal("it is in memory still")
	}
}

// A log that could not be opened, and has not taken what the journal holds of it, is
// not set aside: what is pending of it would go.
func TestBrokenLogIsNotSetAsideWithoutItsRecords(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.appendDurably(h.another(), "0", 1)
	h.appendDurably(l, "a", 1)
	h.appendDurably(l, "b", 1) // in the journal only
	h.mem = h.mem.Crash()
	_ = h.store.Close()
	h.change = nil
	o := h.options()
	h.fault.SetHook(failing(vfs.OpWrite, "t-0/00000000000000000000.log", syscall.ENOSPC))
	s, err := logstore.Open("data", o)
	must(t, err)
	h.fault.SetHook(nil)
	if err := s.SetAside(tp); err == nil {
		t.Error("set aside")
	}
	must(t, s.Checkpoint())
	_ = s.Close()
	h.open()
	l, err = h.store.Log(tp)
	must(t, err)
	wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "b-0")
}
