package logstore_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// What was acknowledged through the journal outlives the journal, where the log's
// own files have rotted.
func TestJournalOfARottenLogIsKept(t *testing.T) {
	h := newHarness(t, nil)
	must(t, h.store.Close())
	h.change = journaling
	h.open()
	l := h.log()
	h.appendDurably(l, "safe", 2)
	must(t, h.store.Checkpoint())
	before := len(readAll(t, h.mem, firstLog))
	h.appendDurably(l, "in the journal", 3)
	want := readAll(t, h.mem, firstLog)[before:]
	mem := h.mem.Crash()
	overwrite(t, mem, firstLog, readAll(t, mem, firstLog)[:20])
	full := vfs.NewFault(mem.Clone())
	full.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpCreate && (strings.HasSuffix(op.Name, ".cut") || strings.Contains(op.Name, "pending")) {
			return syscall.ENOSPC
		}
		return nil
	})
	if _, err := logstore.Open("data", logstore.Options{FS: full, Manual: true}); !errors.Is(err, logstore.ErrNoSpace) {
		t.Fatalf("opened without room to keep it: %v", err)
	}
	s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true})
	must(t, err)
	l, err = s.Log(tp)
	must(t, err)
	wantCorrupt(t, l.Err(), firstLog)
	kept := filesIn(t, mem, logDir, ".cut")
	if len(kept) != 1 || string(readAll(t, mem, kept[0])) != string(want) {
		t.Fatalf("kept %v", kept)
	}
	mem = mem.Crash()
	_ = s.Close()
	if got := filesIn(t, mem, logDir, ".cut"); len(got) != 1 || string(readAll(t, mem, got[0])) != string(want) {
		t.Fatalf("after another power cut %v", got)
	}
}
