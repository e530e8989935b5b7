package logstore_test

import (
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// What the fuzz targets found, and what was wrong.

// A read that failed while a log was opened was taken for rot, and the log was
// quarantined: it took no appends until it was repaired, though nothing was wrong with
// it. Each operation of the open fails once.
func TestReadErrorAtOpenIsNoCorruption(t *testing.T) {
	opened := false
	for at := int64(1); !opened; at++ {
		h := newHarness(t, nil)
		l := h.log()
		h.appendDurably(l, "below", 3)
		must(t, h.store.Checkpoint())
		h.appendDurably(l, "above", 2)
		h.mem = die(h.mem, h.store)
		o := h.options()
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Seq == at {
				return syscall.EIO
			}
			return nil
		})
		s, err := logstore.Open("data", o)
		opened = h.fault.Ops() < at
		if err == nil {
			h.mem = die(h.mem, s)
		}
		h.open()
		l, err = h.store.Log(tp)
		must(t, err)
		must(t, l.Err())
		wantValues(t, values(t, l, logstore.LogEnd), "below-0", "below-1", "below-2", "above-0", "above-1")
	}
}

// die ends a process and returns what it leaves.
func die(mem *vfs.Mem, s *logstore.Store) *vfs.Mem {
	left := mem.Clone()
	mem.Crash()
	_ = s.Close()
	return left
}

// After an unclean restart the first epoch began at the first batch again, and not at
// the start offset, because the scan begins below it.
func TestEpochsBeginAtTheStartAfterAKill(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	_, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "a", 4), 3)
	must(t, err)
	must(t, l.Flush())
	must(t, l.AdvanceStart(2))
	for _, restarted := range []bool{false, true} {
		if restarted {
			l = h.kill()
		}
		if epoch, end := l.EpochEnd(1); epoch != 1 || end != 2 {
			t.Errorf("restarted %v: epoch 1 ended as %d at %d, want 1 at the start, 2", restarted, epoch, end)
		}
	}
}

// A marker whose batch does not say that it is transactional ends a transaction all
// the same, for the engine as for Kafka. The checker did not see it, and held the
// transaction for open.
func TestCheckKnowsMarkersWithoutTheTransactionalBit(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.append(l, "before", 1)
	for i := range int64(2) {
		o := record.BuilderOptions{BaseOffset: 1 + 2*i, Producer: &record.Producer{ID: 7, BaseSequence: int32(i)}, Transactional: true}
		_, err := l.AppendFollower(batchOf(t, o, h.clock.ms(), "t", 1))
		must(t, err)
		b := record.NewBuilder(record.BuilderOptions{BaseOffset: 2 + 2*i, Producer: &record.Producer{ID: 7, BaseSequence: -1}, Control: true})
		b.Append(h.clock.ms(), record.ControlKey(record.ControlAbort), record.EndOfTransaction(0))
		marker, err := b.Finish()
		must(t, err)
		_, err = l.AppendFollower(marker)
		must(t, err)
	}
	must(t, h.store.Close())
	report, err := logstore.Check(h.mem, "data", logstore.CheckOptions{Deep: true})
	must(t, err)
	for _, f := range report.Findings {
		if f.Severity == logstore.Fault {
			t.Error(f)
		}
	}
	h.open()
}
