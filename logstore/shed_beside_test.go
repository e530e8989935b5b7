package logstore_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// Files are closed while a log is made, and what else is open is in use: the log has
// no segments yet.
func TestShedBesideACreation(t *testing.T) {
	h, _ := fewFiles(t, 20, 1000, nil)
	for i := range 21 {
		l := h.named(fmt.Sprint("many", i))
		h.appendDurably(l, "a", 1)
		var f logstore.Fetch
		must(t, l.Read(&f, 0, logstore.HighWatermark, 1<<20, true))
		defer f.Release()
	}
	var once sync.Once
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSyncDir && strings.HasSuffix(op.Name, "new-0") {
			once.Do(func() { h.clock.add(2 * time.Second); h.store.Housekeep(h.clock.Now()) })
		}
		return nil
	})
	h.named("new")
}

// Nothing is left of a log whose creation failed, for want of a descriptor or of space
// in the manifest: it is not closed, and does not come to rest in the place of the
// next one of its name.
func TestShedAfterAFailedCreation(t *testing.T) {
	for name, failing := range map[string]func(vfs.Op) error{
		"descriptors": func(op vfs.Op) error {
			if op.Kind == vfs.OpSyncDir && strings.Contains(op.Name, "twice-0") {
				return syscall.EMFILE
			}
			return nil
		},
		"space": func(op vfs.Op) error {
			if op.Kind == vfs.OpWrite && strings.Contains(op.Name, "manifest") {
				return syscall.ENOSPC
			}
			return nil
		},
	} {
		for _, together := range []int{2, 1000} {
			t.Run(fmt.Sprint(name, together), func(t *testing.T) {
				h, _ := fewFiles(t, 4, together, nil)
				h.fault.SetHook(failing)
				if _, err := h.store.OpenLog(logstore.TopicPartition{Topic: "twice"}); err == nil {
					t.Fatal("created")
				}
				h.fault.SetHook(nil)
				l := h.named("twice")
				h.appendDurably(l, "a", 3)
				for i := range 10 {
					h.appendDurably(l, fmt.Sprint("b", i), 1)
					h.appendDurably(h.named(fmt.Sprint("many", i)), "a", 1)
					h.shed() // fails the test if it failed
				}
				want := values(t, l, logstore.HighWatermark)
				h.mem = h.mem.Clone().Crash()
				_ = h.store.Close()
				h.open()
				wantValues(t, values(t, h.named("twice"), logstore.HighWatermark), want...)
			})
		}
	}
}

// A log that is deleted while a reader opens its file is not kept.
func TestDeletedBesideAReader(t *testing.T) {
	h := newHarness(t, nil)
	h.appendDurably(h.log(), "a", 1)
	l := h.reopen()
	var once sync.Once
	h.fault.SetHook(func(op vfs.Op) (err error) {
		if op.Kind == vfs.OpRead && strings.HasSuffix(op.Name, ".timeindex") {
			once.Do(func() { err = h.store.Delete(tp) })
		}
		return err
	})
	var f logstore.Fetch
	must(t, l.Read(&f, 0, logstore.HighWatermark, 1<<20, true))
	if bases, _ := batchesIn(t, bytesOf(t, &f)); len(bases) != 1 {
		t.Fatalf("read batches at %v", bases)
	}
	f.Release()
	if _, err := h.store.Log(tp); !errors.Is(err, logstore.ErrNotFound) {
		t.Fatal(err)
	}
	if u := h.store.Usage(); u.OpenLogs != 0 || u.OpenFiles != 0 {
		t.Fatalf("%+v", u)
	}
}

// A log that is closed and used again in turn forgets idle producers all the same.
func TestProducersExpireOfALogThatIsClosed(t *testing.T) {
	h, count := fewFiles(t, 1, 1000, nil)
	_ = h.store.Close()
	before := h.change
	h.change = func(o *logstore.Options) { before(o); o.ProducerExpiryMs = 60_000 }
	h.open()
	l := h.log()
	known := func() (ids []int64) {
		ps, err := l.Producers()
		must(t, err)
		for _, p := range ps {
			ids = append(ids, p.ID)
		}
		return ids
	}
	p := sequenced{id: 7}
	_, err := l.AppendLeader(p.batch(t, h.clock.ms(), "once", 1), 0)
	must(t, err)
	must(t, l.Flush())
	for round := range 4 {
		h.shedAll(count)
		if ids := known(); (len(ids) == 1) != (round < 3) {
			t.Errorf("after %d s producers %v are known", 25*round, ids)
		}
		h.clock.add(25 * time.Second)
		h.appendDurably(l, "other", 1)
		must(t, h.store.Checkpoint()) // which expires
	}
}

// A sync that fails while a log is recovered leaves word of it, as any does: to the
// next open, on the same boot, all would look well, and what the journal had would be
// dropped.
func TestFailedSyncInRecovery(t *testing.T) {
	for _, together := range []int{2, 1000} {
		h := newJournalHarness(t, 3, nil)
		l := h.log()
		h.appendDurably(l, "a", 1)
		h.appendDurably(h.another(), "b", 1)
		mem := h.mem.Clone() // killed, the machine goes on
		_ = h.store.Close()
		h.mem = mem
		change := h.change
		h.change = func(o *logstore.Options) {
			change(o)
			*o = logstore.SyncAllFrom(*o, together)
			h.fault.SetHook(func(op vfs.Op) error {
				if op.Kind == vfs.OpSyncAll || op.Kind == vfs.OpSync && strings.HasSuffix(op.Name, "t-0/00000000000000000000.log") {
					return syscall.EIO
				}
				return nil
			})
		}
		h.open()
		h.fault.SetHook(nil)
		if _, err := h.store.Log(tp); err == nil {
			t.Fatal("opened")
		}
		h.change = change
		_ = h.store.Close()
		h.open()
		l, err := h.store.Log(tp)
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), "a-0")
		wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0")
	}
}
