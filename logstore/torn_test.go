package logstore_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// closeSoundly closes a store and lets the checker look at what it left.
func closeSoundly(t *testing.T, mem *vfs.Mem, s *logstore.Store) {
	t.Helper()
	must(t, s.Close())
	report, err := logstore.Check(mem, "data", logstore.CheckOptions{})
	must(t, err)
	if report.Faults() > 0 {
		t.Fatalf("the checker finds %v", report.Findings)
	}
}

// What follows the recovery point was never synced, its first header included.
func TestTornAppendAtTheRecoveryPoint(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.appendDurably(l, "a", 2)
	must(t, h.store.Checkpoint())
	file := readAll(t, h.mem, firstLog)
	for name, tail := range map[string][]byte{
		"few zeros": make([]byte, 7), "zeros": make([]byte, 100), "garbage": bytes.Repeat([]byte("x"), 100),
		"header cut short": file[:30], "batch cut short": file[:len(file)-1],
		"base offset is lost": file, "last offset is lost": slices.Concat([]byte{0, 0, 0, 0, 0, 0, 0, 2}, file[8:23], make([]byte, 200)),
	} {
		t.Run(name, func(t *testing.T) {
			mem := h.mem.Clone()
			overwrite(t, mem, firstLog, slices.Concat(file, tail))
			o := h.openTree(t, mem)
			must(t, o.log.Err())
			if cut := o.recovered(t).BytesCut; cut != int64(len(tail)) {
				t.Errorf("%d bytes were cut, want %d", cut, len(tail))
			}
			o.goesOn(t, h, mem, []string{"a-0", "a-1"})
		})
	}
}

// A batch below the recovery point may have a good header and rotten records,
// where the point lies within it.
func TestLogThatEndsBelowItsRecoveryPoint(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.appendDurably(l, "a", 2)
	at := int(l.Bytes())
	h.appendDurably(l, "b", 2)
	must(t, h.store.Checkpoint())
	file := readAll(t, h.mem, firstLog)
	for name, left := range map[string][]byte{
		"cut short":            file[:at],
		"header cut short":     file[:at+30],
		"base offset is lost":  slices.Concat(file[:at], make([]byte, 8), file[at+8:]),
		"zeros":                slices.Concat(file[:at], make([]byte, 200)),
		"it reaches beyond it": withByte(withByte(file, at+26, 9), at+60, 9),
	} {
		t.Run(name, func(t *testing.T) {
			mem := h.mem.Clone()
			overwrite(t, mem, firstLog, left)
			o := h.openTree(t, mem)
			if o.log.Err() == nil {
				t.Fatal("the log takes appends")
			}
			wantValues(t, values(t, o.log, logstore.LogEnd), "a-0", "a-1")
			if !bytes.Equal(readAll(t, mem, firstLog), left) {
				t.Error("the file was changed")
			}
		})
	}
}

// Entries of an index that were not synced look as if they lay below the
// recovery point, if zeros or a part of them is found.
func TestTornIndexEntriesBehindTheRecoveryPoint(t *testing.T) {
	for _, before := range []int{1, 9} {
		h := newHarness(t, func(c *logstore.Config) { c.IndexIntervalBytes = 200 })
		l := h.log()
		for i := range before {
			h.clock.add(1000)
			h.appendDurably(l, fmt.Sprint("a", i), 2)
		}
		must(t, h.store.Checkpoint())
		for i := range 9 {
			h.clock.add(1000)
			h.appendDurably(l, fmt.Sprint("b", i), 2)
		}
		want, size := values(t, l, logstore.LogEnd), l.Bytes()
		for name, torn := range map[string]struct {
			suffix string
			entry  []byte
		}{
			"zeros":                {"index", make([]byte, 8)},
			"offset is lost":       {".index", []byte{0, 0, 0, byte(2*before - 1), 0, 0, byte(size >> 8), byte(size)}},
			"position is lost":     {".index", []byte{0, 0, 0, 1, 0, 0, 0, 0}},
			"zero times":           {".timeindex", make([]byte, 12)},
			"offset of a time":     {".timeindex", []byte{0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, byte(2*before - 1)}},
			"a low byte of a time": {".timeindex", []byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}},
		} {
			t.Run(fmt.Sprint(name, ", ", before), func(t *testing.T) {
				mem := h.mem.Clone()
				for _, file := range filesIn(t, mem, logDir, torn.suffix) {
					overwrite(t, mem, file, append(readAll(t, mem, file), torn.entry...))
				}
				o := h.openTree(t, mem)
				wantValues(t, values(t, o.log, logstore.LogEnd), want...)
				closeSoundly(t, mem, o.store)
			})
		}
	}
}

// The same for aborted transactions: 34 zeros are one of producer 0.
func TestTornTransactionsBehindTheRecoveryPoint(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.appendDurably(l, "a", 2)
	must(t, h.store.Checkpoint())
	p := &txn{h: h, id: 101}
	p.write(l, 1)
	p.end(l, false)
	settled(t, l, 4)
	for name, entry := range map[string][]byte{
		"zeros":            make([]byte, 34),
		"offsets are lost": slices.Concat([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 101}, make([]byte, 24)),
		"marker is torn":   slices.Concat(make([]byte, 9), []byte{101}, make([]byte, 15), []byte{1}, make([]byte, 8)),
	} {
		t.Run(name, func(t *testing.T) {
			mem := h.mem.Clone()
			overwrite(t, mem, logDir+"/00000000000000000000.txnindex", entry)
			o := h.openTree(t, mem)
			wantAborted(t, o.log, 0, 4, logstore.AbortedTransaction{ProducerID: 101, First: 2, Last: 3})
			closeSoundly(t, mem, o.store)
		})
	}
}

// A log at rest is not read at an open. That it was written to since may have
// reached its file, and not the manifest.
func TestCleanCloseCutsWhatAnAppendToALogAtRestLeft(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.appendDurably(l, "a", 2)
	must(t, h.store.Checkpoint())
	must(t, h.store.Checkpoint()) // nothing changed: at rest
	file := readAll(t, h.mem, firstLog)
	for name, tail := range map[string][]byte{
		"zeros": make([]byte, 100), "a batch": batchOf(t, record.BuilderOptions{BaseOffset: 2}, h.clock.ms(), "b", 1),
	} {
		t.Run(name, func(t *testing.T) {
			mem := h.mem.Clone()
			overwrite(t, mem, firstLog, slices.Concat(file, tail))
			o := h.openTree(t, mem)
			closeSoundly(t, mem, o.store)
			if left := readAll(t, mem.Crash(), firstLog); !bytes.Equal(left, file) {
				t.Errorf("%d bytes are left, want %d", len(left), len(file))
			}
		})
	}
}

// A truncation is durable when it returns, and with it the segments before the
// one that is cut, which os mode need not have synced.
func TestTruncationLeavesADurableLog(t *testing.T) {
	for name, cut := range map[string]struct {
		start, to int64
		want      []string
	}{
		"within a segment":  {0, 5, names(0, 5)},
		"at a segment":      {0, 3, names(0, 3)},
		"below the start":   {4, 2, nil},
		"to the log's head": {0, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, func(c *logstore.Config) { c.Durability, c.SegmentBytes = logstore.OS, 250 })
			must(t, h.store.Close())
			h.change = func(o *logstore.Options) { *o = logstore.JournalAlways(*o) }
			h.open()
			l := h.log()
			for i := range 7 {
				h.append(l, fmt.Sprint(i), 1)
			}
			if n := len(l.Segments()); n < 3 {
				t.Fatalf("%d segments", n)
			}
			must(t, l.AdvanceStart(cut.start))
			must(t, l.TruncateTo(cut.to))
			if end, durable := l.Offset(logstore.LogEnd), l.Offset(logstore.Durable); durable != end {
				t.Errorf("%d of %d are durable", durable, end)
			}
			lost := h.mem.Clone().Crash()
			wantValues(t, values(t, h.openTree(t, lost).log, logstore.LogEnd), cut.want...)
			// What is synced from here on follows what is there.
			h.reconfigure(l, func(c *logstore.Config) { c.Durability = logstore.Synced })
			h.appendDurably(l, "on", 1)
			l = h.powerCut()
			must(t, l.Err())
			wantValues(t, values(t, l, logstore.LogEnd), append(cut.want, "on-0")...)
		})
	}
}

// A commit and a checkpoint of one log come at the same time, and what one has on
// its way to stable storage the other may not count on: least of all the entry of
// a new segment in its directory, which one of them used to take upon itself.
func TestNothingIsDurableBeforeItsSegmentIsEntered(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 250 })
	l := h.log()
	for len(l.Segments()) < 2 {
		h.appendDurably(l, "a", 1)
	}
	var base atomic.Int64 // of the new segment
	var waiting, entered atomic.Bool
	checkpoint := make(chan error, 1)
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpCreate && strings.HasSuffix(op.Name, ".log") {
			base.Store(l.Offset(logstore.LogEnd))
		}
		durable := l.Offset(logstore.Durable) // before another goroutine enters the segment
		if base.Load() == 0 || entered.Load() {
			return nil
		}
		if op.Kind == vfs.OpSyncDir && op.Name == logDir && !waiting.Swap(true) {
			go func() { checkpoint <- h.store.Checkpoint() }()
			for range 1000 { // while the commit waits here for the disk
				runtime.Gosched()
			}
		}
		if durable > base.Load() {
			t.Errorf("%d are durable, before the segment at %d is", durable, base.Load())
		}
		if op.Kind == vfs.OpSyncDir && op.Name == logDir {
			entered.Store(true)
		}
		return nil
	})
	segments := len(l.Segments())
	for len(l.Segments()) == segments {
		h.appendDurably(l, "b", 1)
	}
	if !entered.Load() {
		t.Fatal("the directory was not synced")
	}
	must(t, <-checkpoint)
}
