package logstore_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// What was acknowledged through the journal outlives the journal, whatever has
// become of the log's own files.
func TestJournalOfALogThatCannotTakeIt(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, mem *vfs.Mem)
		opens bool
	}{
		{"rot below what was synced", func(t *testing.T, mem *vfs.Mem) {
			b := readAll(t, mem, firstLog)
			overwrite(t, mem, firstLog, b[:20])
		}, true},
		{"no topic id", func(t *testing.T, mem *vfs.Mem) {
			overwrite(t, mem, logDir+"/partition.metadata", []byte("garbage"))
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
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
			c.spoil(t, mem)
			full := vfs.NewFault(mem.Clone())
			full.SetHook(func(op vfs.Op) error {
				if op.Kind == vfs.OpCreate && strings.HasSuffix(op.Name, ".cut") {
					return syscall.ENOSPC
				}
				return nil
			})
			if _, err := logstore.Open("data", logstore.Options{FS: full, Manual: true}); !errors.Is(err, logstore.ErrNoSpace) {
				t.Fatalf("opened without room to keep it: %v", err)
			}
			s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true})
			must(t, err)
			if _, err := s.Log(tp); (err == nil) != c.opens {
				t.Fatalf("the log: %v", err)
			}
			kept := filesIn(t, mem, logDir, ".cut")
			if len(kept) != 1 || string(readAll(t, mem, kept[0])) != string(want) {
				t.Fatalf("kept %v", kept)
			}
			mem = mem.Crash()
			_ = s.Close()
			if got := filesIn(t, mem, logDir, ".cut"); len(got) != 1 || string(readAll(t, mem, got[0])) != string(want) {
				t.Fatalf("after another power cut %v", got)
			}
		})
	}
}
