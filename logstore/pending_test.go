package logstore_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// hindrances keep a log from being opened, as long as they last.
var hindrances = map[string]func(vfs.Op) error{
	"no room for what is replayed":   failing(vfs.OpWrite, firstLog, syscall.ENOSPC),
	"what is replayed is not synced": failing(vfs.OpSync, firstLog, syscall.EIO),
	"no descriptor":                  failing(vfs.OpOpen, firstLog, syscall.EMFILE),
	"its directory is not listed":    failing(vfs.OpReadDir, logDir, syscall.EIO),
}

// leftToReplay is what a loss of power leaves of two logs with records in the
// journal.
func leftToReplay(t *testing.T) (*harness, *vfs.Mem) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	must(t, h.store.Checkpoint())
	h.appendDurably(l, "b", 2)
	h.appendDurably(h.another(), "u", 1)
	return h, h.mem.Crash()
}

// openHindered opens a tree while something fails, and lets the power go.
func openHindered(t *testing.T, mem *vfs.Mem, hook func(vfs.Op) error) *vfs.Mem {
	t.Helper()
	fault := vfs.NewFault(mem)
	fault.SetHook(hook)
	s, err := logstore.Open("data", logstore.Options{FS: fault, Manual: true})
	must(t, err)
	if _, err := s.Log(tp); err == nil {
		t.Fatal("nothing hindered the log from being opened")
	}
	u, err := s.Log(logstore.TopicPartition{Topic: "u"})
	must(t, err)
	must(t, u.Err())
	must(t, s.CutJournal())
	mem = mem.Crash()
	_ = s.Close()
	return mem
}

// A log that does not open for a while loses nothing of what the journal
// acknowledged, although the journal begins anew with every open.
func TestLogThatOpensLaterHasItsJournal(t *testing.T) {
	for name, hook := range hindrances {
		t.Run(name, func(t *testing.T) {
			h, mem := leftToReplay(t)
			for range 2 {
				mem = openHindered(t, mem, hook)
			}
			o := h.openTree(t, mem)
			wantValues(t, values(t, o.log, logstore.HighWatermark), "a-0", "b-0", "b-1")
			must(t, o.log.TruncateTo(1))
			mem = mem.Crash()
			_ = o.store.Close()
			o = h.openTree(t, mem) // what was replayed once is not replayed again
			wantValues(t, values(t, o.log, logstore.HighWatermark), "a-0")
			o.goesOn(t, h, mem, []string{"a-0"})
		})
	}
}

// The same wherever the power goes while a log does not open, or does again.
func TestPendingRecordsOutliveACrashAtEveryStep(t *testing.T) {
	for name, hook := range hindrances {
		t.Run(name, func(t *testing.T) {
			h, left := leftToReplay(t)
			for _, hindered := range []bool{true, false} {
				if !hindered {
					left = openHindered(t, left, hook)
					hook = func(vfs.Op) error { return nil }
				}
				for at, done := int64(1), false; !done; at++ {
					mem := left.Clone()
					fault := vfs.NewFault(mem)
					fault.SetHook(vfs.Each(hook, func(op vfs.Op) error {
						if op.Seq == at {
							return vfs.ErrCrashed
						}
						return nil
					}))
					s, err := logstore.Open("data", logstore.Options{FS: fault, Manual: true, RecoveryWorkers: 1})
					done = err == nil && fault.Ops() < at
					crashed := mem.Crash()
					if err == nil {
						_ = s.Close()
					}
					got := values(t, h.openTree(t, crashed).log, logstore.HighWatermark)
					if want := []string{"a-0", "b-0", "b-1"}; !slices.Equal(got, want) {
						t.Fatalf("hindered %v, power lost at operation %d: %v, want %v", hindered, at, got, want)
					}
				}
			}
		})
	}
}

// What is pending of a log that has been reopened since goes, though another needs the
// file: without the manifest it would be taken for that of the log as it is.
func TestPendingOfWhatWasReopenedGoes(t *testing.T) {
	h, mem := leftToReplay(t)
	const name = "t-0"
	other := failing(vfs.OpOpen, "u-0/00000000000000000000.log", syscall.EMFILE)
	fault := vfs.NewFault(mem)
	fault.SetHook(vfs.Each(failing(vfs.OpOpen, firstLog, syscall.EMFILE), other))
	s, err := logstore.Open("data", logstore.Options{FS: fault, Manual: true})
	must(t, err)
	if b := pendingBytes(t, mem); !bytes.Contains(b, []byte(name)) {
		t.Fatalf("%d bytes are pending, without %s", len(b), name)
	}
	fault.SetHook(other)
	l, err := s.Reopen(tp)
	must(t, err)
	must(t, l.TruncateTo(1))
	mem = mem.Crash()
	_ = s.Close()

	full := mem.Clone() // no room to write it anew: it stays as it is
	fault = vfs.NewFault(full)
	tried := false
	fault.SetHook(vfs.Each(other, func(op vfs.Op) error {
		if op.Kind != vfs.OpWrite || !strings.Contains(op.Name, "pending-") {
			return nil
		}
		tried = true
		return syscall.ENOSPC
	}))
	s, err = logstore.Open("data", logstore.Options{FS: fault, Manual: true})
	must(t, err)
	_ = s.Close()
	if b := pendingBytes(t, full); !bytes.Contains(b, []byte("u-0")) || !tried {
		t.Errorf("%d bytes are pending, without what could not be replayed; to write them anew was tried: %t", len(b), tried)
	}

	fault = vfs.NewFault(mem)
	fault.SetHook(other)
	s, err = logstore.Open("data", logstore.Options{FS: fault, Manual: true})
	must(t, err)
	if b := pendingBytes(t, mem); len(b) == 0 || bytes.Contains(b, []byte(name)) {
		t.Errorf("%d bytes are pending, with %s: %t", len(b), name, bytes.Contains(b, []byte(name)))
	}
	mem = mem.Crash()
	_ = s.Close()
	wantValues(t, values(t, h.openTree(t, mem).log, logstore.HighWatermark), "a-0")
}

// pendingBytes is what the one file of pending records has.
func pendingBytes(t *testing.T, mem *vfs.Mem) []byte {
	t.Helper()
	files := filesIn(t, mem, "data/moldau", "")
	i := slices.IndexFunc(files, func(name string) bool { return strings.HasPrefix(name, "data/moldau/pending-") })
	if i < 0 {
		t.Fatalf("nothing is pending in %v", files)
	}
	return readAll(t, mem, files[i])
}

// A record of the journal that has rotted is told of a log that opens later as well.
func TestRottenJournalOfALogThatOpensLater(t *testing.T) {
	h, mem := leftToReplay(t)
	const file = "data/moldau/journal/00000000.journal"
	b := readAll(t, mem, file)
	at := bytes.Index(b, []byte("b-1"))
	if at < 0 {
		t.Fatal("the journal lacks what it acknowledged")
	}
	overwrite(t, mem, file, withByte(b, at, 'x'))
	mem = openHindered(t, mem, hindrances["no descriptor"])
	wantCorrupt(t, h.openTree(t, mem).log.Err(), firstLog)
}

// Pending records that have rotted are told, and stay for whoever can read them.
func TestRottenPendingRecordsAreTold(t *testing.T) {
	h, mem := leftToReplay(t)
	mem = openHindered(t, mem, hindrances["no descriptor"])
	files := filesIn(t, mem, "data/moldau", "")
	i := slices.IndexFunc(files, func(name string) bool {
		return len(name) > len("data/moldau/pending-") && name[:20] == "data/moldau/pending-"
	})
	if i < 0 {
		t.Fatalf("nothing is pending in %v", files)
	}
	b := readAll(t, mem, files[i])
	overwrite(t, mem, files[i], withByte(b, len(b)-10, b[len(b)-10]^1))
	o := h.openTree(t, mem)
	wantCorrupt(t, o.log.Err(), firstLog)
	if n := len(eventsOf[logstore.JournalCorrupt](o.events)); n != 1 {
		t.Errorf("told %d times", n)
	}
	if !exists(t, mem, files[i]+".cut") {
		t.Error(fmt.Sprint(filesIn(t, mem, "data/moldau", "")))
	}
}
