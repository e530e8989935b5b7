package logstore_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// outOfService is a store that was opened after a loss of power, when there was no
// descriptor for the test's log: of that the journal alone has what was acknowledged.
func outOfService(t *testing.T) *harness {
	t.Helper()
	return notOpened(t, noFile, syscall.EMFILE)
}

// notOpened is that store, of which the log could not be opened for another reason.
func notOpened(t *testing.T, why func(vfs.Op) error, want error) *harness {
	t.Helper()
	h := newJournalHarness(t, 3, nil)
	l, u := h.log(), h.another()
	h.appendDurably(l, "a", 2)
	h.appendDurably(u, "other", 1)
	h.appendDurably(l, "b", 1)
	h.mem = h.mem.Crash()
	_ = h.store.Close()
	change := h.change
	h.change = func(o *logstore.Options) {
		change(o)
		h.fault.SetHook(why)
	}
	h.open()
	h.change = change
	if _, err := h.store.Log(tp); !errors.Is(err, want) {
		t.Fatal(err)
	}
	return h
}

func noFile(op vfs.Op) error {
	if op.Kind == vfs.OpOpen && strings.HasPrefix(op.Name, logDir) && strings.HasSuffix(op.Name, ".log") {
		return syscall.EMFILE
	}
	return nil
}

func (h *harness) reopenLog() *logstore.Log {
	h.t.Helper()
	l, err := h.store.Reopen(tp)
	must(h.t, err)
	if l.Name() != tp {
		h.t.Fatal(l.Name())
	}
	return l
}

// A log that could not be opened comes back without another start of the store, with
// all that was acknowledged, and what the next open finds is what it became since.
func TestReopen(t *testing.T) {
	h := outOfService(t)
	for range 2 {
		if _, err := h.store.Reopen(tp); !errors.Is(err, syscall.EMFILE) {
			t.Fatal(err)
		}
		if _, err := h.store.Log(tp); !errors.Is(err, syscall.EMFILE) {
			t.Fatal(err)
		}
	}
	h.appendDurably(h.another(), "meanwhile", 1)
	must(t, h.store.Checkpoint())
	h.fault.SetHook(nil)
	l := h.reopenLog()
	wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "a-1", "b-0")
	if told := eventsOf[logstore.LogReopened](h.events); len(told) != 1 || told[0].Log != tp {
		t.Fatal(told)
	}
	if again, err := h.store.Log(tp); err != nil || again != l || h.reopenLog() != l || h.store.Usage().Broken != 0 {
		t.Fatal(again, err)
	}
	must(t, l.TruncateTo(2)) // what is pending must not come back
	h.appendDurably(l, "c", 1)
	for _, come := range []func(*harness) *logstore.Log{(*harness).kill, (*harness).powerCut, (*harness).reopen, (*harness).reopen} {
		l = come(h)
		wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "a-1", "c-0")
		if l, err := h.store.Log(h.another().Name()); err != nil || l.Offset(logstore.HighWatermark) != 2 {
			t.Fatal(err)
		}
	}
	if left := filesIn(t, h.mem, "data/moldau", ""); strings.Contains(fmt.Sprint(left), "pending") {
		t.Fatal(left)
	}
}

// What the open wrote of it and could not sync reads as if it were there: a Reopen
// has it from the disk, and writes what that lacks anew.
func TestReopenAfterAFailedSync(t *testing.T) {
	h := notOpened(t, failing(vfs.OpSync, firstLog[len("data/"):], syscall.EIO), syscall.EIO)
	h.fault.SetHook(nil)
	l := h.reopenLog()
	h.appendDurably(l, "c", 1)
	for range 2 {
		wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "a-1", "b-0", "c-0")
	}
}

// A log at rest, of which the open reads files for its high watermark alone, is opened
// by its row as before.
func TestReopenAtRest(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Replicated = true })
	l := h.log()
	h.append(l, "a", 1)
	h.append(l, "b", 1)
	must(t, l.Flush())
	must(t, l.SetHighWatermark(1))
	must(t, h.store.Close())
	h.change = func(*logstore.Options) { h.fault.SetHook(noFile) }
	h.open()
	h.change = nil
	h.fault.SetHook(nil)
	l = h.reopenLog()
	must(t, l.SetHighWatermark(2))
	h.append(l, "c", 1)
	must(t, l.Flush())
	wantValues(t, values(t, h.powerCut(), logstore.LogEnd), "a-0", "b-0", "c-0")
}

// What is in the way of it is told.
func TestReopenRefuses(t *testing.T) {
	h := outOfService(t)
	if _, err := h.store.Reopen(numbered(1)); !errors.Is(err, logstore.ErrNotFound) {
		t.Error(err)
	}
	other := h.another()
	if l, err := h.store.Reopen(other.Name()); err != nil || l != other {
		t.Error(err)
	}
	var beside []error
	closed := make(chan error, 1)
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpOpen && strings.HasPrefix(op.Name, logDir) && beside == nil {
			_, err1 := h.store.Reopen(tp)
			_, err2 := h.store.Create(tp, logstore.TopicID{1}, h.config)
			beside = []error{err1, err2, h.store.Delete(tp)}
			go func() { closed <- h.store.Close() }() // which waits
		}
		return nil
	})
	h.reopenLog()
	must(t, <-closed)
	for i, want := range []error{logstore.ErrExists, logstore.ErrExists, logstore.ErrNotFound} {
		if !errors.Is(beside[i], want) {
			t.Errorf("%d: %v", i, beside[i])
		}
	}
	if _, err := h.store.Reopen(tp); !errors.Is(err, logstore.ErrClosed) {
		t.Error(err)
	}
	h.events = &events{}
	h.change = func(o *logstore.Options) { o.ReadOnly = true }
	h.open()
	if _, err := h.store.Reopen(tp); !errors.Is(err, logstore.ErrReadOnly) {
		t.Error(err)
	}
	wantValues(t, values(t, h.log(), logstore.HighWatermark), "a-0", "a-1", "b-0")
}

// A crash at any step of it, and want of descriptors from any on, lose nothing.
func TestCrashWhileReopening(t *testing.T) {
	for stop := int64(1); ; stop++ {
		for _, failure := range []error{vfs.ErrCrashed, syscall.EMFILE, syscall.ENOSPC} {
			h := outOfService(t)
			first := h.fault.Ops() + stop
			starve := starved(first, 1<<40)
			hit := false
			h.fault.SetHook(func(op vfs.Op) error {
				if op.Seq >= first {
					hit = true
				}
				switch {
				case failure == syscall.EMFILE:
					return starve(op)
				case op.Seq < first, failure == syscall.ENOSPC && op.Kind != vfs.OpWrite && op.Kind != vfs.OpCreate:
					return nil
				}
				return failure
			})
			l, err := h.store.Reopen(tp)
			if !hit {
				must(t, err)
				if stop < 15 {
					t.Fatalf("done after %d operations", stop)
				}
				return
			}
			if failure != vfs.ErrCrashed {
				h.fault.SetHook(nil)
				if err != nil {
					if l, err = h.store.Reopen(tp); err != nil {
						t.Fatalf("%v at operation %d: %v", failure, stop, err)
					}
				}
				wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "a-1", "b-0")
				h.appendDurably(l, "c", 1)
				wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "a-1", "b-0", "c-0")
				continue
			}
			killed := h.mem.Clone()
			wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "a-1", "b-0")
			must(t, h.store.Close())
			h.mem = killed
			h.open()
			wantValues(t, values(t, h.log(), logstore.HighWatermark), "a-0", "a-1", "b-0")
			must(t, h.store.Close())
		}
	}
}

// A log that was poisoned is not brought back while the store is open, and who asks for
// that is told so.
func TestReopenOfAPoisonedLog(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			return syscall.EIO
		}
		return nil
	})
	h.append(l, "b", 1)
	if err := l.Flush(); !errors.Is(err, logstore.ErrPoisoned) {
		t.Fatal(err)
	}
	h.fault.SetHook(nil)
	if l, err := h.store.Reopen(tp); l != nil || !errors.Is(err, logstore.ErrPoisoned) {
		t.Fatal(l, err)
	}
}

// What a start cannot copy before it cuts, for want of room, it leaves no part of: each
// attempt would take what room there is by then.
func TestReopenLeavesNoPartOfACut(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Durability = logstore.OS })
	l := h.log()
	h.append(l, "a", 1)
	good := len(readAll(t, h.mem, firstLog))
	h.append(l, "b", 1)
	h.append(l, "c", 1)
	mem := h.mem.Clone()
	file := readAll(t, mem, firstLog)
	file[good+70] ^= 1
	overwrite(t, mem, firstLog, file)
	must(t, h.store.Close())
	h.mem = mem
	h.change = func(*logstore.Options) { h.fault.SetHook(failing(vfs.OpWrite, ".cut", syscall.ENOSPC)) }
	h.open()
	for range 3 {
		if _, err := h.store.Reopen(tp); !errors.Is(err, logstore.ErrNoSpace) {
			t.Fatal(err)
		}
		if left := filesIn(t, mem, logDir, ".cut"); len(left) > 0 {
			t.Fatal(left)
		}
	}
	h.fault.SetHook(nil)
	wantValues(t, values(t, h.reopenLog(), logstore.HighWatermark), "a-0")
	if kept := filesIn(t, mem, logDir, ".cut"); len(kept) != 1 {
		t.Fatal(kept)
	}
}
