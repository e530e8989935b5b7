package logstore_test

import (
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// What one file beside the logs says, another says too: a single one that has
// rotted, or is gone, takes nothing that was acknowledged.
func TestJournalOutlivesTheFilesBesideIt(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	must(t, h.store.Checkpoint())
	h.appendDurably(l, "in the journal", 1)
	h.appendDurably(h.another(), "0", 1)
	left := h.mem.Crash()
	const recoveryPoints = "data/logs/recovery-point-offset-checkpoint"
	for name, spoil := range map[string]func(*vfs.Mem){
		"no manifest":                func(mem *vfs.Mem) { removeFile(t, mem, ownManifest) },
		"rotten manifest":            func(mem *vfs.Mem) { overwrite(t, mem, ownManifest, withByte(readAll(t, mem, ownManifest), 30, 0xff)) },
		"rotten recovery points":     func(mem *vfs.Mem) { overwrite(t, mem, recoveryPoints, []byte("garbage")) },
		"nothing but the log's data": func(mem *vfs.Mem) { removeFile(t, mem, logDir+"/00000000000000000000.index") },
	} {
		t.Run(name, func(t *testing.T) {
			mem := left.Clone()
			spoil(mem)
			wantValues(t, values(t, h.openTree(t, mem).log, logstore.HighWatermark), "a-0", "in the journal-0")
		})
	}
}

// Kafka recovers, after a kill of ours, what the logs' own files hold, and goes on
// from there. The journal of before must never count again, although the next
// writes over a part of it only.
func TestJournalOfBeforeAnotherProgramNeverCounts(t *testing.T) {
	h := newJournalHarness(t, 4, nil)
	l, u := h.log(), h.another()
	for range 10 {
		h.appendDurably(l, strings.Repeat("long", 700), 1)
		h.appendDurably(u, "short", 1)
	}
	mem := h.mem.Clone()
	if left := filesIn(t, mem, "data/moldau/journal", ".journal"); len(left) < 3 {
		t.Fatalf("only %v lie there", left)
	}
	overwrite(t, mem, "data/logs/recovery-point-offset-checkpoint", []byte("0\n2\nt 0 10\nu 0 10\n"))
	overwrite(t, mem, "data/logs/.kafka_cleanshutdown", []byte(`{"version":0,"brokerEpoch":7}`))
	must(t, mem.SyncAll("data", nil))
	for name, spoil := range map[string]func(*vfs.Mem){
		"with our manifest":    func(*vfs.Mem) {},
		"without our manifest": func(mem *vfs.Mem) { removeFile(t, mem, ownManifest) },
	} {
		t.Run(name, func(t *testing.T) {
			_ = h.store.Close() // of the life before
			h.mem = mem.Clone()
			spoil(h.mem)
			h.open()
			l, u := h.log(), h.another()
			h.appendDurably(l, "x", 1)
			h.appendDurably(u, "x", 1)
			l = h.powerCut()
			for _, l := range []*logstore.Log{l, h.another()} {
				if end := l.Offset(logstore.LogEnd); end != 11 || l.Err() != nil {
					t.Errorf("%s ends at %d, want 11: %v", l.Name(), end, l.Err())
				}
			}
		})
	}
}
