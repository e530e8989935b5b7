package logstore_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// What goes through the journal is durable there before it is acknowledged, and
// in the log's own files before the journal's are used again.
func TestOrderOfWritesThroughTheJournal(t *testing.T) {
	const journal = "journal/00000000.journal"
	commit := lines("write "+journal, "sync "+journal)
	manifest := lines("write manifest", "sync manifest")
	for _, c := range []struct {
		name    string
		prepare func(h *harness, l *logstore.Log)
		do      func(h *harness, l *logstore.Log)
		want    []string
	}{
		{"the first append: the dirty note is durable before the journal is written", func(h *harness, l *logstore.Log) { h.appendDurably(h.another(), "b", 1) },
			func(h *harness, l *logstore.Log) { h.appendDurably(l, "a", 1) }, lines("write 0.log", commit)},
		{"the second append", first, func(h *harness, l *logstore.Log) { h.appendDurably(l, "b", 1) }, lines("write 0.log", commit)},
		{"an append to a log at rest", func(h *harness, l *logstore.Log) { first(h, l); h.appendDurably(h.reopen(), "b", 1); h.reopen() },
			func(h *harness, l *logstore.Log) { h.appendDurably(h.log(), "c", 1) }, lines("write manifest", "write 0.log", "sync manifest", "!", "syncdir journal", commit)},
		{"an append that rolls makes its directory entry durable, without which nobody looks for it", fill, func(h *harness, l *logstore.Log) { h.appendDurably(l, "rolls", 1) },
			lines("create 2.log", "write 2.log", "sync 0.log", "sync 2.log", "syncdir t-0")},
		{"cut", first, func(h *harness, l *logstore.Log) { must(h.t, h.store.CutJournal()) }, lines("sync 0.log", "write manifest", manifest)},
		{"checkpoint", first, func(h *harness, l *logstore.Log) { must(h.t, h.store.Checkpoint()) }, lines("sync 0.log", "!", "syncdir t-0", manifest, "write manifest", manifest, "!")},
		{"truncation", func(h *harness, l *logstore.Log) { first(h, l); h.appendDurably(l, "b", 1) }, func(h *harness, l *logstore.Log) { must(h.t, l.TruncateTo(1)) },
			lines("sync 0.log", "write manifest", manifest, "!", manifest, "truncate 0.log", "sync 0.log", "!")},
		{"close", first, func(h *harness, l *logstore.Log) { must(h.t, h.store.Close()) },
			lines("sync 0.log", "!", "rename recovery-point-offset-checkpoint.tmp to recovery-point-offset-checkpoint", "syncdir ", manifest, "remove "+journal, "syncdir journal", text(".kafka_cleanshutdown"), "syncdir ", manifest)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			l := h.log()
			c.prepare(h, l)
			var tr trace
			h.fault.SetHook(tr.hook)
			c.do(h, l)
			h.fault.SetHook(nil)
			wantTrace(t, tr.all, c.want)
		})
	}
}

func first(h *harness, l *logstore.Log) { h.appendDurably(l, "a", 1) }

// A file of the journal is written over only when the manifest says durably that
// it is not needed: who is half over it when the power goes leaves what looks
// rotten.
func TestJournalFileIsFreeWhenTheManifestSaysSo(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	other, l := h.another(), h.log()
	h.appendDurably(l, "a", 1)
	var written []string
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".journal") {
			written = append(written, op.Name)
		}
		if op.Kind == vfs.OpSync && strings.Contains(op.Name, "manifest") && written == nil {
			written = []string{}
			h.appendDurably(other, "b", 1) // while the cut waits for the manifest
		}
		return nil
	})
	must(t, h.store.CutJournal())
	h.fault.SetHook(nil)
	for _, name := range written {
		if name != secondJournal {
			t.Fatalf("while the cut waits for the manifest, written: %v", written)
		}
	}
	if len(written) == 0 {
		t.Fatal("nothing was written while the cut waits")
	}
	// What came during the cut is needed still: a truncation cuts once more.
	must(t, other.TruncateTo(0))
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0")
	wantValues(t, values(t, h.another(), logstore.HighWatermark))
}

// What was truncated stays so, wherever the journal was when it was: a replay of
// it brings nothing back.
func TestTruncatedIsNotReplayed(t *testing.T) {
	for name, come := range map[string]func(*harness) *logstore.Log{
		"at once": func(h *harness) *logstore.Log { return h.log() }, "after a clean close": (*harness).reopen,
		"after kill -9": (*harness).kill, "after a power cut": (*harness).powerCut,
		"after a cut": func(h *harness) *logstore.Log { must(h.t, h.store.CutJournal()); return h.log() },
	} {
		for again, f := range reopenings {
			t.Run(name+", "+again, func(t *testing.T) {
				h := newJournalHarness(t, 3, nil)
				h.appendDurably(h.log(), "a", 1)
				h.appendDurably(h.log(), "b", 1)
				h.appendDurably(h.another(), "0", 1)
				l := come(h)
				must(t, l.TruncateTo(1))
				l = f(h)
				wantValues(t, values(t, l, logstore.HighWatermark), "a-0")
				h.appendDurably(l, "c", 1)
				wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "c-0")
			})
		}
	}
}

// A log is brought back from the journal under its own name only: not one that
// was deleted into one that has its name now.
func TestDeletedIsNotReplayed(t *testing.T) {
	for name, again := range reopenings {
		t.Run(name, func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			h.appendDurably(h.log(), "old", 3)
			must(t, h.store.Delete(tp))
			h.log()
			h.appendDurably(h.another(), "0", 1) // makes durable that it is there
			l := again(h)
			wantValues(t, values(t, l, logstore.HighWatermark))
			h.appendDurably(l, "new", 1)
			wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "new-0")
		})
	}
}

// The same where the manifest is lost, which tells the two apart: what came later counts,
// also once it was kept for a log that did not open.
func TestDeletedIsNotReplayedByItsName(t *testing.T) {
	hindrances := maps.Clone(hindrances)
	hindrances["nothing"] = nil
	for name, hook := range hindrances {
		t.Run(name, func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			for range 3 {
				h.appendDurably(h.log(), "old", 1)
			}
			must(t, h.store.Delete(tp))
			h.appendDurably(h.log(), "new", 1)
			h.appendDurably(h.another(), "0", 1)
			mem := h.mem.Crash()
			must(t, mem.Remove("data/moldau/manifest"))
			if hook != nil {
				mem = openHindered(t, mem, hook)
			}
			o := h.openTree(t, mem)
			wantValues(t, values(t, o.log, logstore.HighWatermark), "new-0")
			o.goesOn(t, h, mem, []string{"new-0"})
		})
	}
}

// Where the journal tells nothing of the later log, what that has acknowledged is not cut
// for what the earlier one had: it is told.
func TestDeletedDoesNotCutByItsName(t *testing.T) {
	for _, hindered := range []bool{false, true} {
		t.Run(fmt.Sprint("hindered at first: ", hindered), func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			for range 3 {
				h.appendDurably(h.log(), "old", 1)
			}
			must(t, h.store.Delete(tp))
			large := strings.Repeat("new", 30_000) // to its own file
			h.append(h.log(), large, 1)
			must(t, h.log().Flush())
			h.another()
			mem := h.mem.Crash()
			must(t, mem.Remove("data/moldau/manifest"))
			if hindered {
				mem = openHindered(t, mem, hindrances["no descriptor"])
			}
			o := h.openTree(t, mem)
			wantCorrupt(t, o.log.Err(), firstLog)
			wantValues(t, values(t, o.log, logstore.HighWatermark), large+"-0")
		})
	}
}

// Own files are synced from time to time while the journal is in use. Bytes that
// are bad below are rot, and no torn tail that may be cut.
func TestRotBelowWhatTheJournalNamesSynced(t *testing.T) {
	for _, c := range []struct {
		name string
		note func(h *harness, l *logstore.Log)
	}{
		{"a large append", func(h *harness, l *logstore.Log) {
			h.append(l, strings.Repeat("large", 60_000), 1)
			must(h.t, l.Flush())
		}},
		{"a cut", func(h *harness, l *logstore.Log) {
			h.appendDurably(l, "b", 1)
			must(h.t, h.store.CutJournal())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			l := h.log()
			h.appendDurably(l, "a", 1)
			c.note(h, l)
			h.appendDurably(h.another(), "0", 1) // the journal learns of it
			mem := h.mem.Clone().Crash()
			file := readAll(t, mem, firstLog)
			file = withByte(file, len(file)-1, file[len(file)-1]^1)
			overwrite(t, mem, firstLog, file)
			o := h.openTree(t, mem)
			var corrupt *logstore.CorruptionError
			if err := o.log.Err(); !errors.As(err, &corrupt) || corrupt.File != firstLog {
				t.Fatalf("%v, want corruption of %s", err, firstLog)
			}
			wantValues(t, values(t, o.log, logstore.HighWatermark), "a-0")
			if string(readAll(t, mem, firstLog)) != string(file) {
				t.Fatal("the file was changed")
			}
		})
	}
}

// How far own files were synced is of no worth after a truncation: what is written
// there anew is in the journal only, and a torn page of it is no rot.
func TestTruncationForgetsOwnSyncs(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.append(l, strings.Repeat("large", 60_000), 1) // goes to its own file
	must(t, l.Flush())
	must(t, l.TruncateTo(0))
	h.appendDurably(l, "a", 1) // and what the journal says of its own files, if it says it
	torn := readAll(t, h.mem, firstLog)
	mem := h.mem.Crash()
	overwrite(t, mem, firstLog, torn[:len(torn)/2])
	o := h.openTree(t, mem)
	must(t, o.log.Err())
	wantValues(t, values(t, o.log, logstore.HighWatermark), "a-0")
}

// What comes while a cut flushes is in the journal's next file, and stays known to
// be there, though the log's own file has it as well: a truncation has to cut again.
func TestCutKeepsWhatCameMeanwhile(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l, other := h.log(), h.another()
	h.appendDurably(l, "a", 1)
	must(t, h.store.CutJournal())
	h.appendDurably(other, "0", 1)
	var once atomic.Bool
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && strings.HasSuffix(op.Name, "u-0/00000000000000000000.log") && !once.Swap(true) {
			h.appendDurably(l, "b", 1)
			h.appendDurably(l, strings.Repeat("large", 60_000), 1) // syncs its own file, b with it
		}
		return nil
	})
	must(t, h.store.CutJournal())
	h.fault.SetHook(nil)
	if end := l.Offset(logstore.Durable); end != 3 {
		t.Fatal("nothing came during the cut: ends at ", end)
	}
	must(t, l.TruncateTo(1))
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0")
}
