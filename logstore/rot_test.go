package logstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// Below the recovery point everything was synced: what does not fit there is
// rot. The log is served as far as it goes and nothing is cut or changed.
func TestRotBelowTheRecoveryPoint(t *testing.T) {
	for _, c := range []struct {
		name   string
		point  int64 // checkpoint when the log ended here
		clean  bool
		tamper func(file []byte, batch int) []byte
		end    int64 // what is still served
	}{
		{"length, recovery point in the same segment", 4, false, func(b []byte, n int) []byte { return withByte(b, 3*n+8, 0x40) }, 3},
		{"magic, recovery point in the same segment", 4, false, func(b []byte, n int) []byte { return withByte(b, 3*n+16, 9) }, 3},
		{"the file ends before the recovery point", 4, false, func(b []byte, n int) []byte { return b[:3*n] }, 3},
		{"the file ends before the recovery point, in a batch", 4, false, func(b []byte, n int) []byte { return b[:3*n+20] }, 3},
		{"the file is empty", 4, false, func(b []byte, n int) []byte { return nil }, 0},
		{"tail after a clean close", 0, true, func(b []byte, n int) []byte { return append(slices.Clone(b), b[:30]...) }, -1},
		{"magic after a clean close", 0, true, func(b []byte, n int) []byte { return withByte(b, n+16, 9) }, -1},
		{"cut in a batch after a clean close", 0, true, func(b []byte, n int) []byte { return b[:len(b)-3] }, -1},
	} {
		rotBelow := func(t *testing.T, files int) {
			h := newHarness(t, func(cfg *logstore.Config) { cfg.SegmentBytes, cfg.IndexIntervalBytes = 600, 4096 })
			h.files = files
			l := h.log()
			for i := range 20 {
				h.appendDurably(l, fmt.Sprint(i), 1)
				if int64(i) == c.point-1 {
					must(t, h.store.Checkpoint())
				}
			}
			segments := l.Segments()
			name := logFile(segments[0])
			served := c.end
			if c.clean {
				name = logFile(segments[len(segments)-1])
				must(t, h.store.Close())
			}
			batch := int(segments[0].Bytes / (segments[0].End - segments[0].Base))
			mem := h.mem.Clone()
			if c.clean {
				batch++ // names have a digit more
			}
			overwrite(t, mem, name, c.tamper(readAll(t, mem, name), batch))
			if c.clean {
				removeFile(t, mem, ownManifest) // what is believed by its row is not read by an open
			}
			before := tree(t, mem, logDir)
			o := h.openTree(t, mem)
			var corrupt *logstore.CorruptionError
			if err := o.log.Err(); !errors.As(err, &corrupt) || corrupt.File != name {
				t.Fatalf("the log has error %v, want corruption of %s", err, name)
			}
			if len(eventsOf[logstore.LogPoisoned](o.events)) != 1 {
				t.Fatal("no LogPoisoned event")
			}
			_, err := o.log.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "x", 1), 0)
			if !errors.As(err, &corrupt) {
				t.Fatalf("append: %v, want corruption", err)
			}
			if served >= 0 {
				wantValues(t, values(t, o.log, logstore.HighWatermark), names(0, int(served))...)
			} else if got := values(t, o.log, logstore.HighWatermark); !slices.Equal(got, names(0, len(got))) || len(got) < int(segments[len(segments)-1].Base) {
				t.Fatalf("served %v", got)
			}
			o.store.Housekeep(h.clock.Now())
			if err := o.store.Close(); !errors.As(err, &corrupt) {
				t.Fatalf("close: %v, want corruption", err)
			}
			if exists(t, mem, "data/logs/.kafka_cleanshutdown") {
				t.Fatal("closed as if clean")
			}
			sameTree(t, tree(t, mem, logDir), before)
		}
		t.Run(c.name, func(t *testing.T) { rotBelow(t, 0) })
		t.Run(c.name+", and few files", func(t *testing.T) { rotBelow(t, 1) })
	}
}

// What told that a log lacks what was acknowledged is gone with the journal. The
// log takes nothing more all the same, until it is repaired, and gives no offset
// twice then.
func TestQuarantineOutlivesARestart(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprint("whose record has rotted is known ", known), func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			l, u := h.log(), h.another()
			h.appendDurably(u, "0", 1)
			h.appendDurably(l, "0", 1)
			must(t, h.store.Checkpoint())
			h.appendDurably(l, "acknowledged", 1)
			h.appendDurably(u, "1", 1) // a later commit
			mem := h.mem.Crash()
			for _, name := range filesIn(t, mem, "data/moldau/journal", ".journal") {
				b := readAll(t, mem, name)
				if at := bytes.Index(b, []byte("acknowledged-0")); at >= 0 {
					for !known && string(b[at:at+3]) != "t-0" {
						at--
					}
					overwrite(t, mem, name, withByte(b, at, b[at]^1))
				}
			}
			for range 3 {
				o := h.openTree(t, mem)
				wantCorrupt(t, o.log.Err(), firstLog)
				wantValues(t, values(t, o.log, logstore.HighWatermark), "0-0")
				mem = mem.Crash()
				_ = o.store.Close()
			}
			report, err := logstore.Check(mem, "data", logstore.CheckOptions{})
			must(t, err)
			if report.Faults() == 0 {
				t.Error("a check finds nothing")
			}
			repair(t, mem, "data")
			o := h.openTree(t, mem)
			must(t, o.log.Err())
			if end := o.log.Offset(logstore.LogEnd); known && end != 2 {
				t.Errorf("ends at %d, but offset 1 was acknowledged", end)
			}
			o.goesOn(t, h, mem, []string{"0-0"})
		})
	}
}

// What the manifest knows of a log in quarantine goes with the manifest: a repair that
// cannot read the log leaves both.
func TestRepairKeepsTheQuarantineOfWhatItCannotRead(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	h.appendDurably(l, "b", 1)
	must(t, h.store.CutJournal())
	mem := h.mem.Crash()
	text := readAll(t, mem, firstLog)
	overwrite(t, mem, firstLog, withByte(text, len(text)-1, text[len(text)-1]^1))
	o := h.openTree(t, mem)
	wantCorrupt(t, o.log.Err(), firstLog)
	_ = o.store.Close()
	fault := vfs.NewFault(mem)
	fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpRead && op.Name == firstLog {
			return syscall.EIO
		}
		return nil
	})
	if _, err := logstore.Repair(fault, "data", repairOptions()); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("%v, want it refused", err)
	}
	fault.SetHook(nil)
	r := repair(t, mem, "data")
	if len(r.Remaining) > 0 || len(r.Changes) == 0 || r.Changes[0].File != ownManifest {
		t.Errorf("the manifest is not what is put back last: %+v", r)
	}
	if end := h.openTree(t, mem).log.Offset(logstore.LogEnd); end != 2 {
		t.Errorf("ends at %d, but offset 1 was acknowledged", end)
	}
}

// What was synced and noted is there, or lost by the disk: a file that ends at a
// batch's end is no less too short than one that ends within.
func TestFileShorterThanWhatWasSynced(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	short := readAll(t, h.mem, firstLog)
	h.appendDurably(l, "b", 1)
	must(t, h.store.CutJournal()) // synced, and noted
	for name, left := range map[string][]byte{"ends at a batch's end": short, "is empty": nil} {
		t.Run(name, func(t *testing.T) {
			mem := h.mem.Clone().Crash()
			overwrite(t, mem, firstLog, left)
			o := h.openTree(t, mem)
			wantCorrupt(t, o.log.Err(), firstLog)
		})
	}
}

// Base offsets are in no checksum: one that has rotted below the recovery point
// must not give good records other offsets.
func TestRottenBaseOffsetIsNotServed(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 300, 100 })
	l := h.log()
	for i := range 9 {
		h.appendDurably(l, fmt.Sprint(i), 1)
	}
	segments := l.Segments()
	must(t, h.store.Close())
	for _, s := range segments {
		name, batches := logFile(s), int(s.End-s.Base)
		whole := readAll(t, h.mem, name)
		for at := range 8 * batches {
			at = at/8*(len(whole)/batches) + at%8
			for _, bit := range []byte{1, 2, 4, 0x20, 0x80} {
				mem := h.mem.Clone()
				overwrite(t, mem, name, withByte(whole, at, whole[at]^bit))
				o := h.openTree(t, mem)
				told := error(nil)
				for r, err := range o.log.Records(t.Context(), 0, logstore.LogEnd) {
					if told = err; err == nil && string(r.Value) != fmt.Sprint(r.Offset, "-0") {
						t.Fatalf("%s, byte %d, bit %#x: offset %d holds %q", name, at, bit, r.Offset, r.Value)
					}
				}
				if corrupt := (*logstore.CorruptionError)(nil); !errors.As(told, &corrupt) {
					t.Fatalf("%s, byte %d, bit %#x: %v, want corruption", name, at, bit, told)
				}
				must(t, o.store.Close())
			}
		}
	}
}

// A start without a manifest goes by Kafka's recovery points. Crashed before its first
// checkpoint it is not scanned from the beginning: what was aborted, and has lost its
// marker, the indexes below would not say any more.
func TestRecoveryPointOutlivesALostManifest(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	for i := range 3 {
		h.appendDurably(l, fmt.Sprint("r", i), 1)
	}
	must(t, h.store.Checkpoint())
	mem := h.mem.Crash()
	removeFile(t, mem, ownManifest)
	for range 2 {
		o := h.openTree(t, mem)
		if r := o.recovered(t); r.RecoveryPoint != 3 {
			t.Errorf("scanned from %d, want 3", r.RecoveryPoint)
		}
		mem = mem.Crash()
	}
}
