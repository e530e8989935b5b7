package logstore_test

import (
	"errors"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// abortedFirst is a log at rest whose first segment has a transaction index.
func abortedFirst(t *testing.T) *harness {
	h := newHarness(t, nil)
	l := h.log()
	p := &txn{h: h, id: 1}
	p.write(l, 1)
	p.end(l, false)
	h.append(l, "plain", 1)
	settled(t, l, 3)
	must(t, h.store.Close())
	return h
}

// There is nothing before a first segment that its transactions could have begun in.
func TestSpoiltTransactionIndexOfTheFirstSegment(t *testing.T) {
	h := abortedFirst(t)
	name := logDir + "/00000000000000000000.txnindex"
	good := string(readAll(t, h.mem, name))
	overwrite(t, h.mem, name, []byte{1})
	h.open()
	l := h.log()
	wantValues(t, values(t, l, logstore.LastStable), "plain-0")
	wantAborted(t, l, 0, 3, logstore.AbortedTransaction{ProducerID: 1, Last: 1})
	h.store.Housekeep(h.clock.Now())
	if mended := string(readAll(t, h.mem, name)); mended != good {
		t.Fatalf("the index was %q and is %q", good, mended)
	}
}

// surplus is a log at rest, behind whose end a power loss has left a whole batch.
func surplus(t *testing.T) *harness {
	h := newHarness(t, func(c *logstore.Config) { c.Durability = logstore.OS })
	h.appendDurably(h.log(), "a", 1)
	must(t, h.store.Close())
	b := batchOf(t, record.BuilderOptions{BaseOffset: 1}, h.clock.ms(), "surplus", 1)
	overwrite(t, h.mem, firstLog, append(readAll(t, h.mem, firstLog), b...))
	h.open()
	wantValues(t, values(t, h.log(), logstore.LogEnd), "a-0")
	return h
}

// What lies behind the end of a log at rest goes, for good, before anything is appended.
func TestSurplusGoesForGood(t *testing.T) {
	h := surplus(t)
	l := h.log()
	h.append(l, "b", 1)
	other, err := h.store.Create(logstore.TopicPartition{Topic: "other"}, logstore.TopicID{2}, h.config)
	must(t, err)
	h.append(other, "c", 1)
	must(t, other.Flush()) // and what the manifest says: the log was written to
	wantValues(t, values(t, h.powerCut(), logstore.LogEnd), "a-0")
}

// Where it may not be gone, nothing is appended, whatever a second attempt finds.
func TestSurplusThatMayNotBeGone(t *testing.T) {
	for _, kind := range []vfs.OpKind{vfs.OpTruncate, vfs.OpSync} {
		for _, failure := range []error{syscall.EIO, syscall.ENOSPC, syscall.EMFILE} {
			h := surplus(t)
			l := h.log()
			h.fault.SetHook(failing(kind, ".log", failure))
			for range 2 {
				if _, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "b", 1), 0); !errors.Is(err, logstore.ErrPoisoned) {
					t.Fatalf("%v fails with %v: %v", kind, failure, err)
				}
				h.fault.SetHook(nil)
			}
			l = h.powerCut()
			if got := values(t, l, logstore.LogEnd); len(got) == 0 || got[0] != "a-0" {
				t.Fatal(got)
			}
			h.append(l, "c", 1)
		}
	}
}

// Without descriptors for a log's files a checkpoint fails, and later it does not. It
// needs none for the data of one that nobody has opened.
func TestCheckpointOfALogThatCannotBeLoaded(t *testing.T) {
	h := newHarness(t, nil)
	h.appendDurably(h.log(), "a", 3)
	l := h.reopen()
	must(t, l.AdvanceStart(1))
	h.fault.SetHook(failing(vfs.OpOpen, ".index", syscall.EMFILE))
	if err := h.store.Checkpoint(); err == nil {
		t.Fatal("no error")
	}
	h.fault.SetHook(failing(vfs.OpOpen, ".log", syscall.EMFILE))
	must(t, h.store.Checkpoint())
	h.fault.SetHook(nil)
	h.appendDurably(l, "b", 1)
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-1", "a-2", "b-0")
}

// A log that does not open keeps no file open.
func TestLogThatDoesNotOpenKeepsNoFile(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Replicated = true })
	l := h.log()
	h.append(l, "a", 1)
	h.append(l, "b", 1)
	must(t, l.Flush())
	must(t, l.SetHighWatermark(1))
	must(t, h.store.Close())
	open, reads := 0, 0
	h.change = func(o *logstore.Options) {
		h.fault.SetHook(func(op vfs.Op) error {
			switch {
			case op.Name != firstLog:
			case op.Kind == vfs.OpOpen:
				open++
			case op.Kind == vfs.OpClose:
				open--
			case op.Kind == vfs.OpRead:
				if reads++; reads > 1 { // the file is loaded
					return syscall.EIO
				}
			}
			return nil
		})
	}
	h.open()
	if _, err := h.store.Log(tp); err == nil {
		t.Fatal("opened")
	}
	if open != 0 {
		t.Fatalf("%d files are open", open)
	}
}
