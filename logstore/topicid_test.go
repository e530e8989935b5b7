package logstore_test

import (
	"bytes"
	"errors"
	"testing"

	"moldau/logstore"
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

// A file that cannot be read is written anew if the row has the id.
func TestTopicIDOfAFileThatCannotBeRead(t *testing.T) {
	h := newHarness(t, nil)
	h.appendDurably(h.log(), "a", 1)
	h.mem = h.mem.Crash()
	overwrite(t, h.mem, idFile, []byte("version: 0\ntopic_id: nonsense"))
	h.open()
	l := h.log()
	if l.ID() != (logstore.TopicID{1}) {
		t.Fatalf("its id is %s", l.ID())
	}
	must(t, h.store.Close())
	if got := string(readAll(t, h.mem, idFile)); got != "version: 0\ntopic_id: AQAAAAAAAAAAAAAAAAAAAA" {
		t.Fatalf("%q", got)
	}
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
