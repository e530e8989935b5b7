package logstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// notOfTheLog lists the files of segments that the log does not have.
func notOfTheLog(t *testing.T, fsys vfs.FS, l *logstore.Log) []string {
	t.Helper()
	own := map[string]bool{}
	for _, s := range l.Segments() {
		own[fmt.Sprintf("%s/%020d.log", logDir, s.Base)] = true
	}
	found := append(filesIn(t, fsys, logDir, ".log"), filesIn(t, fsys, logDir, ".deleted")...)
	return slices.DeleteFunc(found, func(name string) bool { return own[name] })
}

// Nobody lists the directory of a log at rest: what retention took off is gone by
// then, or the log is not at rest.
func TestRetiredFilesAreGoneAtRest(t *testing.T) {
	for _, c := range []struct {
		name   string
		hook   func(vfs.Op) error // while retention is at work
		come   func(*harness) *logstore.Log
		unlink bool // after the delay, before that
	}{
		{"marked, closed", nil, (*harness).reopen, false},
		{"not to be marked, closed", failing(vfs.OpRename, ".log", syscall.EIO), (*harness).reopen, false},
		{"not to be unlinked, closed", failing(vfs.OpRemove, ".deleted", syscall.EACCES), (*harness).reopen, true},
		{"marked, killed", nil, (*harness).kill, false},
		{"marked, power cut", nil, (*harness).powerCut, false},
		{"unlinked, power cut", nil, (*harness).powerCut, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, l, _ := retained(t, 22, nil)
			must(t, l.AdvanceStart(13))
			h.fault.SetHook(c.hook)
			h.store.Housekeep(h.clock.Now())
			if c.unlink {
				h.clock.add(time.Second)
				h.store.Housekeep(h.clock.Now())
			}
			h.fault.SetHook(nil)
			for range 3 { // the last one has a log at rest, if nothing is pending
				must(t, h.store.Checkpoint())
			}
			l = c.come(h)
			if left := notOfTheLog(t, h.mem, l); len(left) > 0 {
				t.Fatalf("of a log of %v there is %v", l.Segments(), left)
			}
			h.appendDurably(l, "more", 1)
			if end := h.powerCut().Offset(logstore.HighWatermark); end != 23 {
				t.Fatalf("ends at %d", end)
			}
		})
	}
}

// A close that cannot take away what retention left is none: the next open lists
// the directory.
func TestRetiredFilesThatStayForbidAMarker(t *testing.T) {
	for name, hook := range map[string]func(vfs.Op) error{
		"mark": failing(vfs.OpRename, ".log", syscall.EACCES), "unlink": failing(vfs.OpRemove, ".deleted", syscall.EACCES),
	} {
		h, l, _ := retained(t, 22, nil)
		must(t, l.AdvanceStart(13))
		h.fault.SetHook(hook)
		h.store.Housekeep(h.clock.Now())
		if err := h.store.Close(); !errors.Is(err, syscall.EACCES) || exists(t, h.mem, "data/logs/.kafka_cleanshutdown") {
			t.Fatalf("%s: closed with %v", name, err)
		}
		h.open()
		h.store.Housekeep(h.clock.Now())
		l = h.reopen()
		if left := notOfTheLog(t, h.mem, l); len(left) > 0 || l.StartOffset() != 13 {
			t.Fatalf("%s: from %d on, and there is %v", name, l.StartOffset(), left)
		}
	}
}

// A delayed unlink is of the log that was retired, not of one that has its name
// by then.
func TestUnlinkIsOfTheLogThatWasDeleted(t *testing.T) {
	h, l, _ := retained(t, 10, nil)
	must(t, l.AdvanceStart(4))
	h.store.Housekeep(h.clock.Now()) // to be unlinked in a second
	must(t, h.store.Delete(tp))
	l = h.log()
	h.clock.add(999 * time.Millisecond)
	for i := range 9 {
		h.append(l, fmt.Sprintf("%02d", i), 1)
	}
	must(t, l.Flush())
	h.store.Housekeep(h.clock.Now())
	must(t, l.AdvanceStart(4))
	h.store.Housekeep(h.clock.Now())
	h.clock.add(time.Millisecond)
	h.store.Housekeep(h.clock.Now())
	if left := filesIn(t, h.mem, logDir, ".deleted"); len(left) == 0 {
		t.Fatal("unlinked before its time")
	}
}

// The segment behind a gap that none can span is not made in the directory of a
// log at rest, which nobody would list after a crash.
func TestGapInALogAtRest(t *testing.T) {
	h := newHarness(t, nil)
	h.appendDurably(h.log(), "a", 1)
	l := h.reopen()
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, "4294967296.log") {
			return vfs.ErrCrashed
		}
		return nil
	})
	_, err := l.AppendFollower(batchOf(t, record.BuilderOptions{BaseOffset: 1 << 32}, h.clock.ms(), "far", 1))
	if !errors.Is(err, vfs.ErrCrashed) {
		t.Fatal(err)
	}
	l = h.powerCut()
	if left := notOfTheLog(t, h.mem, l); len(left) > 0 {
		t.Fatalf("of a log of %v there is %v", l.Segments(), left)
	}
	h.appendDurably(l, "b", 1)
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "b-0")
}

// A failed sync is final of whatever lies beside the data, too: a second one would
// find the pages clean, and the log would be at rest with what no disk has.
func TestFailedSyncAtRestIsFinal(t *testing.T) {
	for _, c := range []struct {
		kind vfs.OpKind
		file string
	}{
		{vfs.OpSync, ".index"}, {vfs.OpSync, ".timeindex"}, {vfs.OpSync, ".txnindex"}, {vfs.OpSync, ".snapshot.tmp"}, {vfs.OpSyncDir, "t-0"},
	} {
		for rest, come := range map[string]func(*harness) error{
			"checkpoint": func(h *harness) error { return h.store.Checkpoint() }, "close": func(h *harness) error { return h.store.Close() },
		} {
			t.Run(c.file+" "+rest, func(t *testing.T) {
				h := newHarness(t, func(c *logstore.Config) { c.IndexIntervalBytes = 1 })
				l := h.log()
				p := &txn{h: h, id: 1}
				p.write(l, 1)
				p.end(l, false)
				h.appendDurably(l, "a", 1)
				must(t, h.store.Checkpoint())
				h.fault.SetHook(failing(c.kind, c.file, syscall.EIO))
				if err := come(h); !errors.Is(err, logstore.ErrPoisoned) {
					t.Fatalf("%v, want ErrPoisoned", err)
				}
				h.fault.SetHook(nil)
				_ = h.store.Close()
				if exists(t, h.mem, "data/logs/.kafka_cleanshutdown") {
					t.Fatal("closed cleanly")
				}
				h.open()
				wantValues(t, values(t, h.log(), logstore.LastStable), "a-0")
			})
		}
	}
}

// So it is of indexes that were built anew when they were first used.
func TestFailedSyncOfAMendedIndexIsFinal(t *testing.T) {
	h, l, _ := retained(t, 10, func(c *logstore.Config) { c.IndexIntervalBytes = 1 })
	must(t, h.store.Close())
	overwrite(t, h.mem, logDir+"/00000000000000000000.timeindex", []byte{1})
	h.open()
	l = h.log()
	wantValues(t, values(t, l, logstore.HighWatermark)[:1], "00-0")
	h.fault.SetHook(failing(vfs.OpSync, ".timeindex", syscall.EIO))
	h.store.Housekeep(h.clock.Now())
	if err := l.Err(); !errors.Is(err, logstore.ErrPoisoned) {
		t.Fatalf("%v, want ErrPoisoned", err)
	}
}

// A transaction that is open above the high watermark is open, too, at the next
// start, which may have another high watermark.
func TestOpenTransactionAboveTheHighWatermark(t *testing.T) {
	for _, replicated := range []bool{true, false} {
		h := newHarness(t, func(c *logstore.Config) { c.Replicated = true })
		l := h.log()
		h.append(l, "plain", 1)
		must(t, l.Flush())
		must(t, l.SetHighWatermark(1))
		p := &txn{h: h, id: 1}
		p.write(l, 2)
		must(t, l.Flush())
		h.config.Replicated = replicated
		l = h.reopen()
		must(t, l.SetHighWatermark(3))
		if high, stable := l.Offset(logstore.HighWatermark), l.Offset(logstore.LastStable); high != 3 || stable != 1 {
			t.Fatalf("replicated %v: high watermark %d, last stable offset %d", replicated, high, stable)
		}
	}
}

// The epochs that a new start cut off stay so, in a log that was at rest when it
// got it.
func TestEpochsBelowANewStart(t *testing.T) {
	for name, again := range map[string]func(*harness) *logstore.Log{"clean": (*harness).reopen, "kill": (*harness).kill, "power cut": (*harness).powerCut} {
		h := newHarness(t, nil)
		l := h.log()
		for epoch := range int32(3) {
			a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "a", 10), epoch)
			must(t, err)
			must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
		}
		l = h.reopen()
		must(t, l.AdvanceStart(15))
		for range 2 {
			if epoch, end := l.EpochEnd(0); epoch != 0 || end != 15 {
				t.Fatalf("%s: epoch 0 is %d and ended at %d", name, epoch, end)
			}
			l = again(h)
		}
	}
}
