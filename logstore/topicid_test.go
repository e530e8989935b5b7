package logstore_test

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

const idFile = logDir + "/partition.metadata"

// A damaged log does not come to rest, and a repair removes the rows: its id is in
// its file by then.
func TestTopicIDOutlivesARepair(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l, u := h.log(), h.another()
	h.appendDurably(l, "0", 1)
	h.appendDurably(l, "acknowledged", 1)
	h.appendDurably(u, "1", 1) // a later commit
	mem := h.mem.Crash()
	for _, name := range filesIn(t, mem, "data/moldau/journal", ".journal") {
		b := readAll(t, mem, name)
		if at := bytes.Index(b, []byte("acknowledged-0")); at >= 0 {
			overwrite(t, mem, name, withByte(b, at, b[at]^1))
		}
	}
	if exists(t, mem, idFile) {
		t.Fatal("the id has a file before")
	}
	o := h.openTree(t, mem)
	wantCorrupt(t, o.log.Err(), firstLog)
	mem = mem.Crash()
	_ = o.store.Close()
	repair(t, mem, "data")
	o = h.openTree(t, mem)
	must(t, o.log.Err())
	if o.log.ID() != (logstore.TopicID{1}) {
		t.Errorf("its id is %s", o.log.ID())
	}
	must(t, o.store.Close())
}

// A log whose id cannot be written is not set aside without it.
func TestSetAsideWithoutSpaceForTheID(t *testing.T) {
	h := newHarness(t, nil)
	h.appendDurably(h.log(), "a", 1)
	h.fault.SetHook(failing(vfs.OpWrite, "partition.metadata.tmp", syscall.ENOSPC))
	if err := h.store.SetAside(tp); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("set aside: %v", err)
	}
	h.fault.SetHook(nil)
	h.appendDurably(h.log(), "b", 1)
	must(t, h.store.SetAside(tp))
	mem := h.mem.Crash()
	if got := strays(t, mem); len(got) != 1 || !exists(t, mem, got[0]+"/partition.metadata") {
		t.Fatalf("set aside are %v", got)
	}
}

// Of a damaged log the id is written, and its epochs are not: those in memory are only
// of what is served.
func TestDamagedLogIsSetAsideWithItsEpochs(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 200 })
	l := h.log()
	for i := range int32(4) {
		a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "a", 2), i)
		must(t, err)
		must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
	}
	must(t, h.store.Checkpoint())
	h.appendDurably(l, "b", 1) // or it would be at rest, and not be read
	epochs := string(readAll(t, h.mem, logDir+"/leader-epoch-checkpoint"))
	mem := h.mem.Crash()
	must(t, mem.Remove(idFile))
	b := readAll(t, mem, firstLog)
	overwrite(t, mem, firstLog, b[:len(b)-10])
	o := h.openTree(t, mem)
	if o.log.Err() == nil {
		t.Fatal("it is not damaged")
	}
	must(t, o.store.SetAside(tp))
	got := strays(t, mem)
	if len(got) != 1 || string(readAll(t, mem, got[0]+"/leader-epoch-checkpoint")) != epochs || !exists(t, mem, got[0]+"/partition.metadata") {
		t.Fatalf("set aside are %v", got)
	}
	_ = o.store.Close()
}

// strays are the directories of logs that were set aside.
func strays(t *testing.T, fsys vfs.FS) (all []string) {
	t.Helper()
	entries, err := fsys.ReadDir("data/logs")
	must(t, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "-stray") {
			all = append(all, "data/logs/"+e.Name())
		}
	}
	return all
}

func TestTopicIDOutlivesATruncation(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.appendDurably(l, "a", 2)
	h.appendDurably(l, "b", 1)
	must(t, l.TruncateTo(2))
	if l = h.powerCut(); l.ID() != (logstore.TopicID{1}) {
		t.Fatalf("its id is %s", l.ID())
	}
}

// An id that was assigned is durable, at rest or not, and is not given twice.
func TestAssignID(t *testing.T) {
	for _, rested := range []bool{false, true} {
		h := newHarness(t, nil)
		l, err := h.store.Create(tp, logstore.TopicID{}, h.config)
		must(t, err)
		h.appendDurably(l, "a", 1)
		if rested {
			l = h.reopen()
		}
		must(t, l.AssignID(logstore.TopicID{7}))
		must(t, l.AssignID(logstore.TopicID{7}))
		if err := l.AssignID(logstore.TopicID{8}); !errors.Is(err, logstore.ErrExists) {
			t.Fatalf("another: %v", err)
		}
		for _, again := range []func() *logstore.Log{h.powerCut, h.reopen, h.kill} {
			l = again()
			if l.ID() != (logstore.TopicID{7}) {
				t.Fatalf("rested %v: its id is %s", rested, l.ID())
			}
			wantValues(t, values(t, l, logstore.HighWatermark), "a-0")
		}
		if got := string(readAll(t, h.mem, idFile)); got != "version: 0\ntopic_id: BwAAAAAAAAAAAAAAAAAAAA" {
			t.Fatalf("%q", got)
		}
		must(t, h.store.Close())
		if err := l.AssignID(logstore.TopicID{7}); err == nil {
			t.Fatal("a closed log takes an id")
		}
	}
}
