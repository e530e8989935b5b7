package logstore_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// A truncation does not begin while the journal holds the log, because its files
// could not be flushed for a moment: a replay would bring back what is cut off.
func TestTruncationWhereTheCutCouldNotFlush(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	h.appendDurably(l, "b", 1) // in the journal only
	c := l.Config()
	c.SegmentBytes = 100
	must(t, l.Configure(c))
	short := true
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".journal") {
			short = false
		}
		if op.Kind == vfs.OpSyncDir && op.Name == logDir && short {
			return syscall.EMFILE
		}
		return nil
	})
	h.append(l, "c", 1) // rolls: the directory is to be synced
	_ = l.Flush()
	if err := l.TruncateTo(1); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("truncated: %v", err)
	}
	h.fault.SetHook(nil)
	must(t, l.TruncateTo(1))
	h.tick()
	h.appendDurably(l, "new", 1)
	l = h.powerCut()
	must(t, l.Err())
	wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "new-0")
}

// What was meant for the journal and found no room there is not in it: after a
// truncation the log comes to rest, and a clean close leaves no journal.
func TestWithoutRoomInTheJournalNothingIsHeld(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l, u := h.log(), h.another()
	h.fault.SetHook(failing(vfs.OpCreate, ".journal", syscall.ENOSPC))
	for _, v := range []string{"a", "b", "c"} {
		h.appendDurably(l, v, 1) // to its own file
	}
	h.fault.SetHook(nil)
	must(t, l.TruncateTo(1))
	h.clock.add(time.Minute)
	for range 9 {
		h.appendDurably(u, strings.Repeat("u", 3000), 1)
		must(t, h.store.CutJournal())
	}
	must(t, h.store.Close())
	names, err := h.mem.ReadDir("data/moldau/journal")
	must(t, err)
	if len(names) > 0 {
		t.Errorf("closed, and %d journal files are left", len(names))
	}
}

// What a cut carries is durable before the manifest gives up where it was, also
// where a commit waits for the cut, and has room beside it for a part only.
func TestCarriedBesideACommitThatWaits(t *testing.T) {
	h := newJournalHarness(t, 8, nil)
	l, u := h.log(), h.another()
	h.appendDurably(u, "0", 1)
	h.appendDurably(l, strings.Repeat("l", 5000), 1)
	h.fault.SetHook(failing(vfs.OpSync, "t-0/00000000000000000000.log", syscall.EIO))
	must(t, h.store.CutJournal()) // poisons it: the journal is the only place now
	var images []*vfs.Mem
	var mu sync.Mutex
	starved := false
	h.fault.SetHook(func(op vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasSuffix(op.Name, ".journal") && (op.Kind == vfs.OpCreate || op.Kind == vfs.OpOpen) && !starved {
			starved = true
			return syscall.EMFILE
		}
		if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".journal") || op.Kind == vfs.OpSyncDir {
			images = append(images, h.mem.Clone().Crash())
		}
		return nil
	})
	h.appendDurably(u, strings.Repeat("u", 9000), 1)
	must(t, h.store.Checkpoint()) // behind the cut
	h.fault.SetHook(nil)
	for i, mem := range images {
		found := h.openTree(t, mem).log
		if end := found.Offset(logstore.HighWatermark); end != 1 || found.Err() != nil {
			t.Fatalf("image %d of %d ends at %d, %v", i, len(images), end, found.Err())
		}
	}
}

// Want of descriptors while records are carried poisons nothing.
func TestNoDescriptorToCarry(t *testing.T) {
	h := newJournalHarness(t, 8, nil)
	l, u := h.log(), h.another()
	h.appendDurably(u, "0", 1)
	h.appendDurably(l, "a", 1)
	h.appendDurably(l, "b", 1)
	h.fault.SetHook(vfs.Each(failing(vfs.OpOpen, ".journal", syscall.EMFILE), func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && op.Name == firstLog {
			return syscall.EIO
		}
		return nil
	}))
	err := h.store.CutJournal()
	if err == nil || u.Err() != nil {
		t.Fatalf("cut: %v, the other log: %v", err, u.Err())
	}
	h.fault.SetHook(nil)
	must(t, h.store.CutJournal())
	h.appendDurably(u, "1", 1)
	l = h.powerCut()
	wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "b-0")
}

// A commit that needs room in the journal while its log is being closed gets it: the
// cut does not wait for the close, which waits for the commit.
func TestCloseBesideACommitThatWaitsForACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newJournalHarness(t, 3, func(c *logstore.Config) { c.SegmentBytes = 100 })
		l, u := h.log(), h.another()
		h.appendDurably(l, "a", 1)
		h.appendDurably(l, "b", 1) // rolls
		must(t, l.AdvanceStart(1))
		h.store.Housekeep(h.clock.Now()) // retires the first segment; its files stay for a minute
		c := l.Config()
		c.SegmentBytes = 1 << 20
		must(t, l.Configure(c))
		commit, unlink, room := make(chan struct{}), make(chan struct{}), make(chan struct{})
		var closing atomic.Bool
		h.fault.SetHook(func(op vfs.Op) error {
			isJournal := strings.HasSuffix(op.Name, ".journal")
			switch {
			case isJournal && op.Kind == vfs.OpSync:
				<-commit
			case isJournal && (op.Kind == vfs.OpOpen || op.Kind == vfs.OpCreate) && closing.Swap(false):
				<-room
				return syscall.EMFILE
			case op.Kind == vfs.OpRemove && strings.HasSuffix(op.Name, ".deleted"):
				<-unlink
			}
			return nil
		})
		h.append(u, "u", 1)
		synctest.Wait()
		last := h.append(l, strings.Repeat("x", 9000), 1) // in the next commit, for which the file has no room
		closed := make(chan error, 1)
		go func() { closed <- h.store.Close() }()
		synctest.Wait() // it has stopped the log, and unlinks
		closing.Store(true)
		close(commit)
		synctest.Wait() // the next commit has begun
		close(unlink)
		synctest.Wait() // the close waits for it
		close(room)
		must(t, <-closed)
		h.open()
		l, err := h.store.Log(tp)
		must(t, err)
		if end := l.Offset(logstore.HighWatermark); end != last.Last+1 {
			t.Fatalf("ends at %d", end)
		}
		must(t, h.store.Close())
	})
}

// What came while a cut ran lies before what that carried, and is replayed behind it,
// also where blocks of an earlier crash have come to light in the file.
func TestCarriedBehindNewer(t *testing.T) {
	for _, stale := range []bool{false, true} {
		t.Run(fmt.Sprint("stale blocks: ", stale), func(t *testing.T) {
			h := newJournalHarness(t, 8, nil)
			l := h.log()
			h.appendDurably(l, "before", 1)
			must(t, h.store.CutJournal())
			h.appendDurably(l, "found", 1)
			came := false
			h.fault.SetHook(func(op vfs.Op) error {
				if op.Kind != vfs.OpSync || op.Name != firstLog {
					return nil
				}
				if !came {
					came = true
					h.appendDurably(l, "meanwhile", 1)
					h.appendDurably(l, "and again", 1)
				}
				return syscall.EIO
			})
			must(t, h.store.CutJournal())
			h.mem = h.mem.Crash()
			if file := readAll(t, h.mem, firstLog); stale {
				b := record.NewBuilder(record.BuilderOptions{BaseOffset: 1})
				b.Append(h.clock.ms(), []byte("stale"), []byte("x"))
				batch, err := b.Finish()
				must(t, err)
				overwrite(t, h.mem, firstLog, append(file, batch...))
			}
			l = h.kill()
			must(t, l.Err())
			wantValues(t, values(t, l, logstore.HighWatermark), "before-0", "found-0", "meanwhile-0", "and again-0")
		})
	}
}

// The journal holds what a cut has carried until the next, also of a log whose files
// were synced before this one ended: a truncation must not leave it there.
func TestTruncationBehindWhatWasCarried(t *testing.T) {
	h := newJournalHarness(t, 8, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	h.appendDurably(l, "b", 1)
	c := l.Config()
	c.SegmentBytes = 100
	must(t, l.Configure(c))
	short := failing(vfs.OpSyncDir, logDir, syscall.EMFILE)
	h.fault.SetHook(short)
	h.append(l, "c", 1) // rolls, and waits for the directory
	_ = l.Flush()
	carried := false
	h.fault.SetHook(func(op vfs.Op) error {
		if carried {
			return nil
		}
		if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".journal") {
			carried = true
			h.clock.add(time.Second)
			h.store.Housekeep(h.clock.Now())
			must(t, l.Flush()) // in its own files
		}
		return short(op)
	})
	must(t, h.store.CutJournal())
	if !carried {
		t.Fatal("nothing was carried")
	}
	must(t, l.TruncateTo(1))
	l = h.powerCut()
	must(t, l.Err())
	wantValues(t, values(t, l, logstore.HighWatermark), "a-0")
}
