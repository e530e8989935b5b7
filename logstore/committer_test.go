package logstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

const (
	firstJournal  = "data/moldau/journal/00000000.journal"
	secondJournal = "data/moldau/journal/00000001.journal"
)

// newJournalHarness is one whose commits all go through a journal of small files.
func newJournalHarness(t *testing.T, files int64, change func(*logstore.Config)) *harness {
	t.Helper()
	h := newHarness(t, change)
	must(t, h.store.Close())
	h.change = func(o *logstore.Options) {
		o.JournalFileBytes, o.JournalBytes = 16<<10, files*16<<10
		*o = logstore.JournalAlways(*o)
	}
	h.open()
	return h
}

// another opens or creates a second log.
func (h *harness) another() *logstore.Log {
	h.t.Helper()
	name := logstore.TopicPartition{Topic: "u"}
	if l, err := h.store.Log(name); err == nil {
		return l
	}
	l, err := h.store.Create(name, logstore.TopicID{2}, h.config)
	must(h.t, err)
	return l
}

// reopenings are the ways to come back without what the process knew.
var reopenings = map[string]func(*harness) *logstore.Log{
	"clean": func(h *harness) *logstore.Log { // where a poisoned log forbids a clean close
		_ = h.store.Close()
		h.open()
		l, err := h.store.Log(tp)
		must(h.t, err)
		return l
	},
	"kill": (*harness).kill, "power cut": (*harness).powerCut,
	"closed, power cut": func(h *harness) *logstore.Log {
		_ = h.store.Close()
		h.mem = h.mem.Crash()
		h.open()
		l, err := h.store.Log(tp)
		must(h.t, err)
		return l
	},
}

// Of two logs in one commit none is acknowledged, and nothing is written down as
// durable, once a sync of the journal has failed: not in any log of the store.
func TestFailedJournalSyncPoisonsTheStore(t *testing.T) {
	for _, kind := range []vfs.OpKind{vfs.OpSync, vfs.OpWrite} {
		for name, again := range reopenings {
			t.Run(fmt.Sprint(kind, " ", name), func(t *testing.T) {
				h := newJournalHarness(t, 3, nil)
				l, other := h.log(), h.another()
				h.appendDurably(l, "a", 1)
				h.appendDurably(other, "b", 1)
				h.fault.SetHook(failing(kind, ".journal", syscall.EIO))
				h.append(l, "lost", 1)
				if err := l.Flush(); !errors.Is(err, logstore.ErrPoisoned) {
					t.Fatalf("flush: %v, want ErrPoisoned", err)
				}
				eventually(t, "the other is poisoned", func() bool { return other.Err() != nil })
				var tr trace
				h.fault.SetHook(tr.hook) // the disk is well again; the store is not
				_, create := h.store.Create(logstore.TopicPartition{Topic: "new"}, logstore.TopicID{}, h.config)
				for what, err := range map[string]error{
					"append to the other": errOf(other.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "x", 1), 0)),
					"flush":               l.Flush(), "the other's state": other.Err(), "create": create,
					"truncate": other.TruncateTo(0), "start": other.AdvanceStart(1),
					"cut": h.store.CutJournal(), "checkpoint": h.store.Checkpoint(),
				} {
					if !errors.Is(err, logstore.ErrPoisoned) {
						t.Errorf("%s: %v, want ErrPoisoned", what, err)
					}
				}
				if got := l.Offset(logstore.Durable); got != 1 {
					t.Errorf("%d are durable, want 1", got)
				}
				for _, line := range tr.all {
					if line == "sync manifest" || strings.HasSuffix(line, ".log") || strings.Contains(line, "journal") {
						t.Errorf("the poisoned store did: %s", line)
					}
				}
				l = again(h)
				wantPrefix(t, values(t, l, logstore.HighWatermark), []string{"a-0", "lost-0"}, 1)
				wantValues(t, values(t, h.another(), logstore.HighWatermark), "b-0")
				h.appendDurably(l, "again", 1)
			})
		}
	}
}

// A file that cannot be synced at a cut poisons its log. The journal is then the
// only place where its records are, and keeps them while it is cut for others.
func TestFailedSyncAtACutPoisonsOneLog(t *testing.T) {
	for name, again := range reopenings {
		t.Run(name, func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			l, other := h.log(), h.another()
			h.appendDurably(l, "a", 1)
			h.appendDurably(l, "b", 2)
			h.appendDurably(other, "0", 1)
			h.fault.SetHook(func(op vfs.Op) error {
				if op.Kind == vfs.OpSync && op.Name == firstLog {
					return syscall.EIO
				}
				return nil
			})
			must(t, h.store.CutJournal())
			if err := l.Err(); !errors.Is(err, logstore.ErrPoisoned) {
				t.Fatalf("the log: %v, want ErrPoisoned", err)
			}
			h.fault.SetHook(nil)
			for i := range 12 { // the journal's files are used several times
				h.appendDurably(other, fmt.Sprint(i+1), 1)
				if i%2 == 0 {
					must(t, h.store.CutJournal())
				}
			}
			must(t, h.store.Checkpoint())
			// What was never synced is lost, whatever the page cache shows: a disk that
			// fails a sync may drop the pages.
			l = again(h)
			wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "b-0", "b-1")
			wantValues(t, values(t, h.another(), logstore.HighWatermark), names(0, 13)...)
			h.appendDurably(l, "c", 1)
			wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "b-0", "b-1", "c-0")
		})
	}
}

// What the manifest says on disk is not known after a failed sync of it: no log
// acknowledges anything then.
func TestFailedManifestSyncPoisonsTheStore(t *testing.T) {
	for name, again := range reopenings {
		t.Run(name, func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			l, other := h.log(), h.another()
			h.appendDurably(l, "a", 1)
			h.appendDurably(other, "b", 1)
			h.fault.SetHook(func(op vfs.Op) error {
				if op.Kind == vfs.OpSync && strings.Contains(op.Name, "manifest") {
					return syscall.EIO
				}
				return nil
			})
			if err := l.AdvanceStart(1); !errors.Is(err, logstore.ErrPoisoned) {
				t.Fatalf("start: %v, want ErrPoisoned", err)
			}
			h.fault.SetHook(nil)
			for what, err := range map[string]error{
				"append":     errOf(other.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "x", 1), 0)),
				"start":      other.AdvanceStart(1),
				"checkpoint": h.store.Checkpoint(),
				"cut":        h.store.CutJournal(),
			} {
				if err == nil {
					t.Errorf("%s: no error", what)
				}
			}
			l = again(h)
			if start := l.StartOffset(); start == 0 {
				wantValues(t, values(t, l, logstore.HighWatermark), "a-0")
			} else if start != 1 || l.Offset(logstore.HighWatermark) != 1 {
				t.Fatalf("%d to %d", start, l.Offset(logstore.HighWatermark))
			}
			wantValues(t, values(t, h.another(), logstore.HighWatermark), "b-0")
			h.appendDurably(h.another(), "c", 1)
		})
	}
}

// A journal that may not grow, or a disk that is too full for its files, costs
// time and nothing else: appends go to their own files.
func TestJournalWithoutRoom(t *testing.T) {
	for _, c := range []struct {
		name string
		hook func(vfs.Op) error
	}{
		{"no space for the first file", failing(vfs.OpCreate, ".journal", syscall.ENOSPC)},
		{"no space within the first file", failing(vfs.OpWrite, ".journal", vfs.ShortWrite(8192, syscall.ENOSPC))},
		{"over quota", failing(vfs.OpWrite, ".journal", syscall.EDQUOT)},
		{"no space for the second file", failing(vfs.OpCreate, "1.journal", syscall.ENOSPC)},
	} {
		for name, again := range reopenings {
			t.Run(c.name+" "+name, func(t *testing.T) {
				h := newJournalHarness(t, 3, nil)
				l, other := h.log(), h.another()
				h.fault.SetHook(c.hook)
				for i := range 8 {
					h.append(other, fmt.Sprint(i), 1)
					h.appendDurably(l, fmt.Sprint(i), 1)
				}
				must(t, other.Flush())
				if err := errors.Join(l.Err(), other.Err()); err != nil {
					t.Fatal(err)
				}
				h.fault.SetHook(nil)
				h.appendDurably(l, "8", 1) // the journal has room again
				if h.store.Counters().JournalCommits == 0 {
					t.Fatal("nothing went through the journal, which has room again")
				}
				wantValues(t, values(t, again(h), logstore.HighWatermark), names(0, 9)...)
				wantValues(t, values(t, h.another(), logstore.HighWatermark), names(0, 8)...)
			})
		}
	}
}

// A poisoned log fills the journal with records that it cannot give up. The others
// go on in their own files.
func TestJournalFullOfAPoisonedLog(t *testing.T) {
	for name, again := range reopenings {
		t.Run(name, func(t *testing.T) {
			h := newJournalHarness(t, 2, nil)
			l, other := h.log(), h.another()
			long := strings.Repeat("long", 1200)
			h.appendDurably(l, long, 1)
			h.appendDurably(l, long, 1)
			h.fault.SetHook(func(op vfs.Op) error {
				if op.Kind == vfs.OpSync && op.Name == firstLog {
					return syscall.EIO
				}
				return nil
			})
			for i := range 8 {
				h.appendDurably(other, fmt.Sprint(i), 1)
				_ = h.store.CutJournal()
			}
			if err := other.Err(); err != nil || !errors.Is(l.Err(), logstore.ErrPoisoned) {
				t.Fatalf("other %v, poisoned %v", err, l.Err())
			}
			h.fault.SetHook(nil)
			wantValues(t, values(t, again(h), logstore.HighWatermark), long+"-0", long+"-0")
			wantValues(t, values(t, h.another(), logstore.HighWatermark), names(0, 8)...)
		})
	}
}

// A retry is answered when its original is: not while the journal's sync hangs.
func TestDuplicateWaitsForTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newJournalHarness(t, 3, nil)
		l := h.log()
		h.appendDurably(l, "a", 1)
		release := make(chan struct{})
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync && op.Name == firstJournal {
				<-release
			}
			return nil
		})
		batch := from(t, 1, 0, 0, 2, h.clock.ms())
		answers := make(chan string, 3)
		for i := range cap(answers) {
			go func() {
				a, err := l.AppendLeader(slices.Clone(batch), 0)
				if err == nil {
					err = l.Wait(t.Context(), logstore.HighWatermark, a.Last+1)
				}
				answers <- fmt.Sprint(a.First, a.Last, a.Duplicate, err)
			}()
			synctest.Wait()
			if len(answers) > 0 || l.Offset(logstore.HighWatermark) != 1 {
				t.Fatalf("%d: answered while the sync of the journal hangs", i)
			}
		}
		close(release)
		got := []string{<-answers, <-answers, <-answers}
		slices.Sort(got)
		if want := "[1 2 false <nil> 1 2 true <nil> 1 2 true <nil>]"; fmt.Sprint(got) != want {
			t.Fatalf("answers %v, want %s", got, want)
		}
		must(t, h.store.Close())
	})
}
