package logstore_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// txn is a producer of transactions on the test's log, as its client sees it.
type txn struct {
	h        *harness
	id       int64
	epoch    int16
	sequence int32
}

func (p *txn) batch(n int) []byte {
	return batchOf(p.h.t, record.BuilderOptions{
		Producer: &record.Producer{ID: p.id, Epoch: p.epoch, BaseSequence: p.sequence}, Transactional: true,
	}, p.h.clock.ms(), fmt.Sprintf("%d.%d.%d", p.id, p.epoch, p.sequence), n)
}

// write appends n records to the producer's transaction.
func (p *txn) write(l *logstore.Log, n int) logstore.Appended {
	p.h.t.Helper()
	a, err := l.AppendLeader(p.batch(n), max(0, l.LatestEpoch()))
	must(p.h.t, err)
	p.sequence += int32(n)
	return a
}

// end ends the transaction as version 1 does, with the epoch that it had.
func (p *txn) end(l *logstore.Log, commit bool) logstore.Appended {
	p.h.t.Helper()
	a, err := l.AppendMarker(logstore.Marker{ProducerID: p.id, ProducerEpoch: p.epoch, Commit: commit}, max(0, l.LatestEpoch()))
	must(p.h.t, err)
	return a
}

// endV2 ends the transaction as version 2 does, with the epoch of the next one.
func (p *txn) endV2(l *logstore.Log, commit bool) logstore.Appended {
	p.h.t.Helper()
	p.epoch++
	p.sequence = 0
	a, err := l.AppendMarker(logstore.Marker{ProducerID: p.id, ProducerEpoch: p.epoch, Commit: commit, TransactionVersion: 2}, max(0, l.LatestEpoch()))
	must(p.h.t, err)
	return a
}

// settled waits until all that is in the log is below the high watermark, and
// wants the last stable offset there.
func settled(t testing.TB, l *logstore.Log, want int64) {
	t.Helper()
	must(t, l.Wait(t.Context(), logstore.HighWatermark, l.Offset(logstore.LogEnd)))
	l.Segments() // takes the writer's lock, under which both are moved
	if got := l.Offset(logstore.LastStable); got != want {
		t.Fatalf("the last stable offset is %d, want %d", got, want)
	}
}

func wantAborted(t testing.TB, l *logstore.Log, from, upto int64, want ...logstore.AbortedTransaction) {
	t.Helper()
	got, err := l.AbortedTransactions(nil, from, upto)
	must(t, err)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("aborted within %d to %d: %v, want %v", from, upto, got, want)
	}
}

func TestReadersOfCommittedRecordsSeeNoOthers(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	a, b := &txn{h: h, id: 1}, &txn{h: h, id: 2}
	a.write(l, 2) // 0, 1
	settled(t, l, 0)
	h.append(l, "plain", 1) // 2
	b.write(l, 1)           // 3
	a.write(l, 1)           // 4
	a.end(l, false)         // 5
	settled(t, l, 3)
	wantValues(t, values(t, l, logstore.LastStable), "plain-0")
	b.end(l, true) // 6
	a.write(l, 1)  // 7
	settled(t, l, 7)
	wantValues(t, values(t, l, logstore.LastStable), "plain-0", "2.0.0-0")
	wantValues(t, values(t, l, logstore.HighWatermark), "1.0.0-0", "1.0.0-1", "plain-0", "2.0.0-0", "1.0.2-0", "1.0.3-0")
	a.end(l, true) // 8
	settled(t, l, 9)
	wantValues(t, values(t, l, logstore.LastStable), "plain-0", "2.0.0-0", "1.0.3-0")
	first := logstore.AbortedTransaction{ProducerID: 1, First: 0, Last: 5}
	wantAborted(t, l, 0, 9, first)
	wantAborted(t, l, 5, 9, first)
	wantAborted(t, l, 6, 9)
	wantAborted(t, l, 0, 0)
}

// All kinds of reopening come to the same, with transactions that were open,
// committed and aborted over several segments.
func TestTransactionsAreFoundAgain(t *testing.T) {
	for name, again := range map[string]func(*harness, *logstore.Log) *logstore.Log{
		"clean close": func(h *harness, _ *logstore.Log) *logstore.Log { return h.reopen() },
		"kill -9":     func(h *harness, _ *logstore.Log) *logstore.Log { return h.kill() },
		"power cut":   func(h *harness, _ *logstore.Log) *logstore.Log { return h.powerCut() },
		"checkpoint, power cut": func(h *harness, _ *logstore.Log) *logstore.Log {
			must(h.t, h.store.Checkpoint())
			return h.powerCut()
		},
		"sealed, power cut": func(h *harness, _ *logstore.Log) *logstore.Log {
			h.store.Housekeep(h.clock.Now())
			return h.powerCut()
		},
		"twice": func(h *harness, _ *logstore.Log) *logstore.Log { h.kill(); return h.reopen() },
	} {
		for _, bytes := range []int64{200, 500, 1 << 20} {
			t.Run(fmt.Sprint(name, ", segments of ", bytes), func(t *testing.T) {
				h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = bytes, 100 })
				l := h.log()
				a, b, c := &txn{h: h, id: 1}, &txn{h: h, id: 2}, &txn{h: h, id: 3}
				a.write(l, 2) // 0
				b.write(l, 2) // 2
				a.end(l, false)
				a.write(l, 1) // 5
				b.end(l, true)
				a.endV2(l, false) // 7
				c.write(l, 1)     // 8
				a.write(l, 1)     // 9
				a.endV2(l, true)  // 10
				b.write(l, 1)     // 11
				b.end(l, false)   // 12
				settled(t, l, 8)
				l = again(h, l)
				settled(t, l, 8)
				wantAborted(t, l, 0, 8, logstore.AbortedTransaction{ProducerID: 1, First: 0, Last: 4}, logstore.AbortedTransaction{ProducerID: 1, First: 5, Last: 7})
				wantValues(t, values(t, l, logstore.LastStable), "2.0.0-0", "2.0.0-1")
				// What goes on is judged as before.
				if _, err := l.AppendMarker(logstore.Marker{ProducerID: 3, ProducerEpoch: 0, TransactionVersion: 2}, 0); !errors.Is(err, logstore.ErrProducerEpoch) {
					t.Fatalf("a marker of the epoch that writes: %v", err)
				}
				c.endV2(l, false)
				settled(t, l, 14)
				wantAborted(t, l, 8, 14, logstore.AbortedTransaction{ProducerID: 2, First: 11, Last: 12}, logstore.AbortedTransaction{ProducerID: 3, First: 8, Last: 13})
				a.write(l, 1)
				a.endV2(l, true)
				settled(t, l, 16)
				wantValues(t, values(t, l, logstore.LastStable), "2.0.0-0", "2.0.0-1", "1.1.0-0", "1.2.0-0")
			})
		}
	}
}

// markerOf is the control batch that a leader wrote.
func markerOf(t testing.TB, producer int64, epoch int16, coordinator int32, commit bool, ms int64) record.Batch {
	t.Helper()
	kind := record.ControlAbort
	if commit {
		kind = record.ControlCommit
	}
	b := record.NewBuilder(record.BuilderOptions{
		Producer: &record.Producer{ID: producer, Epoch: epoch, BaseSequence: -1}, Transactional: true, Control: true,
	})
	b.Append(ms, record.ControlKey(kind), record.EndOfTransaction(coordinator))
	batch, err := b.Finish()
	must(t, err)
	return batch
}

// A log that begins anew at the name of a segment that retention took takes over
// nothing of it, though it was not marked as deleted yet.
func TestLogThatBeginsAnewHasNoTransactionsOfBefore(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 300 })
	l := h.log()
	p := &txn{h: h, id: 9}
	p.write(l, 1)
	p.end(l, false)
	for len(l.Segments()) < 2 {
		h.appendDurably(l, "more", 1)
	}
	h.store.Housekeep(h.clock.Now())
	must(t, h.store.Checkpoint())
	if !isThere(h, "00000000000000000000.txnindex") {
		t.Fatal("no transaction index")
	}
	h.fault.SetHook(failing(vfs.OpRename, ".log", syscall.EMFILE))
	must(t, l.AdvanceStart(l.Segments()[1].Base))
	h.store.Housekeep(h.clock.Now())
	if len(l.Segments()) != 1 || !isThere(h, "00000000000000000000.log") {
		t.Fatalf("%d segments", len(l.Segments()))
	}
	h.fault.SetHook(nil)
	must(t, l.TruncateTo(0))
	q := &txn{h: h, id: 9}
	q.write(l, 1)
	q.end(l, true)
	for len(l.Segments()) < 2 {
		h.appendDurably(l, "again", 1)
	}
	must(t, h.store.Checkpoint())
	for _, come := range []func(*harness) *logstore.Log{(*harness).reopen, (*harness).powerCut} {
		wantAborted(t, come(h), 0, 3)
	}
}

// While records are read whose abort is known, the log's start passes them: what was
// aborted there cannot be told from the rest any more, and is not handed out.
func TestStartThatPassesAReaderOfCommittedRecords(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 300 })
	l := h.log()
	p := &txn{h: h, id: 9}
	p.write(l, 1)
	p.end(l, false)
	for len(l.Segments()) < 3 {
		h.appendDurably(l, "more", 1)
	}
	passed := false
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpRead && strings.HasSuffix(op.Name, "00000000000000000000.log") && !passed {
			passed = true
			return l.AdvanceStart(l.Segments()[1].Base)
		}
		return nil
	})
	var got []string
	var failed error
	for r, err := range l.Records(t.Context(), 0, logstore.LastStable) {
		if failed = err; err != nil {
			break
		}
		got = append(got, string(r.Value))
	}
	if !passed || !errors.Is(failed, logstore.ErrOffsetRange) || len(got) > 0 {
		t.Fatalf("passed %t, got %q, then %v", passed, got, failed)
	}
}
