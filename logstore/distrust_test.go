package logstore_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

const syncFailedName = "data/moldau/sync-failed"

// After a failed sync files read as if they had been written, until the machine is
// started anew: a process that follows on one that met it must not take that for
// what the disk holds, and give up the journal, which has it.
func TestProcessAfterAFailedSyncReadsTheDisk(t *testing.T) {
	for name, again := range map[string]func(*harness) *logstore.Log{"killed": (*harness).kill, "closed": reopenings["clean"]} {
		t.Run(name, func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			l := h.log()
			h.appendDurably(h.another(), "0", 1)
			h.appendDurably(l, "a", 1)
			h.appendDurably(l, "b", 1) // in the journal only
			h.fault.SetHook(failing(vfs.OpSync, firstLog[len("data/"):], syscall.EIO))
			_ = h.store.CutJournal()
			h.fault.SetHook(nil)
			if !errors.Is(l.Err(), logstore.ErrPoisoned) {
				t.Fatal(l.Err())
			}
			l = again(h)
			must(t, l.Err())
			wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "b-0")
			if _, err := h.mem.Stat(syncFailedName); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the word of it is there still: %v", err)
			}
			wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "b-0")
		})
	}
}

// What was never acknowledged, because its sync failed, does not come to light as
// if it were safe: whoever has read it would see it go with the next loss of power.
func TestWhatFailedToSyncIsNotServed(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	h.fault.SetHook(failing(vfs.OpSync, firstLog[len("data/"):], syscall.EIO))
	h.append(l, "b", 1)
	if err := l.Flush(); !errors.Is(err, logstore.ErrPoisoned) {
		t.Fatal(err)
	}
	eventually(t, "the word is left", func() bool { _, err := h.mem.Stat(syncFailedName); return err == nil })
	l = h.kill()
	found := values(t, l, logstore.HighWatermark)
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), found...)
}

// The word is left when it can be, though there was no descriptor or no room for it at
// first: when another log fails, and at the latest at a checkpoint or the close.
func TestWordOfAFailedSyncIsTriedAgain(t *testing.T) {
	for _, want := range []error{syscall.EMFILE, syscall.ENOSPC} {
		t.Run(want.Error(), func(t *testing.T) { wordIsTriedAgain(t, want) })
	}
}

func wordIsTriedAgain(t *testing.T, want error) {
	for name, again := range map[string]func(h *harness, other *logstore.Log){
		"another log": func(h *harness, other *logstore.Log) {
			h.append(other, "lost", 1)
			if err := other.Flush(); !errors.Is(err, logstore.ErrPoisoned) {
				h.t.Fatal(err)
			}
		},
		"checkpoint": func(h *harness, _ *logstore.Log) { _ = h.store.Checkpoint() },
		"close":      func(h *harness, _ *logstore.Log) { _ = h.store.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil)
			l, other := h.log(), h.another()
			h.appendDurably(l, "a", 1)
			h.appendDurably(other, "b", 1)
			var refused, plenty atomic.Bool
			h.fault.SetHook(func(op vfs.Op) error {
				switch {
				case op.Kind == vfs.OpSync && strings.HasSuffix(op.Name, ".log"):
					return syscall.EIO
				case !plenty.Load() && strings.HasSuffix(op.Name, "sync-failed"):
					refused.Store(true)
					return want
				}
				return nil
			})
			h.append(l, "lost", 1)
			if err := l.Flush(); !errors.Is(err, logstore.ErrPoisoned) {
				t.Fatal(err)
			}
			eventually(t, "the word is tried", refused.Load)
			if _, err := h.mem.Stat(syncFailedName); !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			plenty.Store(true)
			again(h, other)
			eventually(t, "the word is left", func() bool { _, err := h.mem.Stat(syncFailedName); return err == nil })
		})
	}
}
