package logstore_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// The name of a log that is being deleted is free when that is done: the manifest
// would forget the new log in place of the old.
func TestNameOfADeletedLogIsFreeWhenItIsForgotten(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	h.appendDurably(h.log(), "old", 1)
	var early error
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSyncDir && op.Name == "data/logs" && early == nil {
			_, early = h.store.Create(tp, logstore.TopicID{7}, h.config)
		}
		return nil
	})
	must(t, h.store.Delete(tp))
	h.fault.SetHook(nil)
	if !errors.Is(early, logstore.ErrExists) {
		t.Errorf("created beside the deletion: %v", early)
	}
	l := h.log()
	h.appendDurably(l, "0", 1) // its own files: the directory is to be synced
	h.appendDurably(l, "new", 1)
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "0-0", "new-0")
}

// A deletion that fails leaves the log as it was, and all that is acknowledged in
// it, whatever else the store writes meanwhile.
func TestFailedDeletionLeavesTheLog(t *testing.T) {
	h := newJournalHarness(t, 3, func(c *logstore.Config) { c.SegmentBytes = 200 })
	l := h.log()
	h.appendDurably(l, "a", 1)
	h.fault.SetHook(vfs.Each(failing(vfs.OpRename, "logs/t-0", syscall.EACCES), func(op vfs.Op) error {
		if op.Kind == vfs.OpRename && op.Name == logDir { // while it is out of sight
			must(t, h.store.CutJournal())
		}
		return nil
	}))
	if err := h.store.Delete(tp); !errors.Is(err, syscall.EACCES) {
		t.Fatal(err)
	}
	h.fault.SetHook(nil)
	h.appendDurably(l, "b", 2)
	h.appendDurably(l, "c", 1) // rolls
	h.store.Housekeep(h.clock.Now())
	must(t, h.store.CutJournal())
	l = h.powerCut()
	wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "b-0", "b-1", "c-0")
	must(t, h.store.Delete(tp))
	if _, err := h.store.Log(tp); !errors.Is(err, logstore.ErrNotFound) {
		t.Fatal(err)
	}
}

// Where the disk may have failed to rename the directory the log takes no more
// appends, and what it holds is there under whichever name is found.
func TestDeletionThatTheDiskFails(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	h.appendDurably(l, "b", 1) // in the journal only
	h.fault.SetHook(failing(vfs.OpSyncDir, "data/logs", syscall.EIO))
	if err := h.store.Delete(tp); !errors.Is(err, logstore.ErrPoisoned) {
		t.Fatal(err)
	}
	h.fault.SetHook(nil)
	if !errors.Is(l.Err(), logstore.ErrPoisoned) {
		t.Fatal(l.Err())
	}
	must(t, h.store.CutJournal())
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "b-0")
}

// A log can be deleted where there is no space to note it: that gives space. There
// is no other of its name until it is noted.
func TestDeletionOnAFullDisk(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.FileDeleteDelayMs = 0 })
	h.appendDurably(h.log(), "old", 9)
	h.reopen()
	h.fault.SetHook(failing(vfs.OpWrite, "manifest", syscall.ENOSPC))
	must(t, h.store.Delete(tp))
	h.store.Housekeep(h.clock.Now().Add(time.Second))
	entries, err := h.mem.ReadDir("data/logs")
	must(t, err)
	for _, e := range entries {
		if e.IsDir() {
			t.Errorf("%s is left", e.Name())
		}
	}
	if _, err := h.store.Create(tp, logstore.TopicID{7}, h.config); !errors.Is(err, logstore.ErrNoSpace) {
		t.Fatalf("created: %v", err)
	}
	h.fault.SetHook(nil)
	h.appendDurably(h.log(), "new", 1)
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "new-0")
}

// A log that is set aside leaves the journal: its directory has all that was
// acknowledged.
func TestSetAsideKeepsWhatIsAcknowledged(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	h.appendDurably(l, "b", 1)
	want := string(readAll(t, h.mem, firstLog))
	must(t, h.store.SetAside(tp))
	must(t, h.store.CutJournal())
	mem := h.mem.Crash()
	entries, err := mem.ReadDir("data/logs")
	must(t, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "-stray") {
			if got := string(readAll(t, mem, "data/logs/"+e.Name()+"/00000000000000000000.log")); got != want {
				t.Fatalf("%s has %d bytes, want %d", e.Name(), len(got), len(want))
			}
			if !exists(t, mem, "data/logs/"+e.Name()+"/partition.metadata") {
				t.Fatal("nobody knows whose it was")
			}
			return
		}
	}
	t.Fatal("it is gone")
}

// A log whose rolled segment cannot be sealed is flushed when the store closes, and
// what waits for a commit then is acknowledged only if it is.
func TestCloseOfALogThatCannotBeSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newJournalHarness(t, 4, func(c *logstore.Config) { c.SegmentBytes = 200 })
		full := failing(vfs.OpWrite, ".snapshot.tmp", syscall.ENOSPC)
		h.fault.SetHook(full)
		l, u := h.log(), h.another()
		for _, v := range []string{"a", "b", "c"} { // rolls
			h.appendDurably(l, v, 1)
		}
		h.store.Housekeep(h.clock.Now()) // syncs what was rolled; the snapshot does not fit
		h.appendDurably(l, "by the journal", 1)
		h.appendDurably(u, "0", 1)
		release := make(chan struct{})
		h.fault.SetHook(vfs.Each(full, func(op vfs.Op) error {
			if op.Kind == vfs.OpSync && strings.HasSuffix(op.Name, ".journal") {
				<-release
			}
			return nil
		}))
		h.append(u, "1", 1)
		synctest.Wait()
		late := h.append(l, "late", 1) // queued behind it
		closed := make(chan error, 1)
		go func() { closed <- h.store.Close() }()
		synctest.Wait()
		acknowledged := l.Offset(logstore.HighWatermark)
		close(release)
		if err := <-closed; !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("closed: %v", err)
		}
		acknowledged = max(acknowledged, l.Offset(logstore.HighWatermark))
		if acknowledged < late.Last {
			t.Fatalf("%d are acknowledged", acknowledged)
		}
		h.mem = h.mem.Crash()
		h.open()
		l, err := h.store.Log(tp)
		must(t, err)
		if end := l.Offset(logstore.HighWatermark); end < acknowledged {
			t.Fatalf("acknowledged to %d, found %d: %v", acknowledged, end, l.Err())
		}
		must(t, h.store.Close())
	})
}

// Want of descriptors at any step of a deletion leaves the log as it was, or gone, and
// poisons nothing.
func TestDeleteWithoutDescriptors(t *testing.T) {
	for step := int64(1); ; step++ {
		h := newHarness(t, nil)
		h.appendDurably(h.log(), "a", 1)
		first := h.fault.Ops() + step
		h.fault.SetHook(starved(first, 1<<40))
		err := h.store.Delete(tp)
		ops := h.fault.Ops()
		h.fault.SetHook(nil)
		if err != nil && !errors.Is(err, syscall.EMFILE) {
			t.Fatal(err)
		}
		l := h.log() // or another, empty
		want := []string{"a-0", "b-0"}
		if err == nil {
			want = want[1:]
		}
		h.appendDurably(l, "b", 1)
		wantValues(t, values(t, l, logstore.HighWatermark), want...)
		wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), want...)
		if ops < first {
			if step < 3 {
				t.Fatalf("deleted with %d operations", step)
			}
			return
		}
	}
}
