package logstore_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// Each of these was shipped broken by somebody, under the name that the test has.

// Redpanda #3036: with the last stable offset one too high, readers of committed
// records were given the first record of a transaction that was aborted later.
func TestRedpanda3036LastStableOffsetIsNotOneTooHigh(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 200 })
	l := h.log()
	for round := range 10 {
		first := l.Offset(logstore.LogEnd)
		p := &txn{h: h, id: int64(round)}
		p.write(l, 1)
		settled(t, l, first)
		h.append(l, "plain", 1)
		settled(t, l, first)
		var f logstore.Fetch
		must(t, l.Read(&f, first, logstore.LastStable, 1<<20, true))
		if f.Bytes != 0 || f.LastStable != first {
			t.Fatalf("%d bytes of an open transaction at %d, stable to %d", f.Bytes, first, f.LastStable)
		}
		f.Release()
		p.end(l, false)
		settled(t, l, first+3)
	}
	for _, v := range values(t, l, logstore.LastStable) {
		if v != "plain-0" {
			t.Fatalf("aborted, and read: %s", v)
		}
	}
}

// Redpanda #3039: a batch that was sent again after its transaction had ended, or
// after a restart, was appended a second time.
func TestRedpanda3039BatchesSentAgainAreNotAppendedAgain(t *testing.T) {
	for name, again := range map[string]func(*harness) *logstore.Log{
		"at once": nil, "clean close": (*harness).reopen, "kill -9": (*harness).kill, "power cut": (*harness).powerCut,
	} {
		for _, ended := range []bool{false, true} {
			h := newHarness(t, nil)
			l := h.log()
			p := &txn{h: h, id: 7}
			var sent [][]byte
			var at []logstore.Appended
			for range 5 {
				sent = append(sent, slices.Clone(p.batch(2)))
				at = append(at, p.write(l, 2))
			}
			if ended {
				p.end(l, true)
			}
			must(t, l.Wait(t.Context(), logstore.HighWatermark, l.Offset(logstore.LogEnd)))
			if again != nil {
				l = again(h)
			}
			end := l.Offset(logstore.LogEnd)
			for i := range sent {
				a, err := l.AppendLeader(sent[i], max(0, l.LatestEpoch()))
				if err != nil || !a.Duplicate || a.First != at[i].First || a.Last != at[i].Last {
					t.Fatalf("%s, ended %v: batch %d: %+v, %v", name, ended, i, a, err)
				}
			}
			if l.Offset(logstore.LogEnd) != end || len(l.OpenTransactions()) > 0 == ended {
				t.Fatalf("%s, ended %v: the log ends at %d, was %d; open %v", name, ended, l.Offset(logstore.LogEnd), end, l.OpenTransactions())
			}
		}
	}
}

// Redpanda #6018: a transaction that was begun in memory alone was lost, and what
// was acknowledged in it could be aborted by nobody. Here it begins with its first
// batch: whoever is acknowledged one finds the transaction open after a power cut.
func TestRedpanda6018TransactionIsAsDurableAsItsFirstBatch(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	p := &txn{h: h, id: 7}
	a := p.write(l, 1)
	must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
	l = h.powerCut()
	settled(t, l, 0)
	if open := l.OpenTransactions(); len(open) != 1 || open[0].ProducerID != 7 || open[0].First != 0 {
		t.Fatalf("open are %+v", open)
	}
	p.end(l, false)
	settled(t, l, 2)
	wantAborted(t, l, 0, 2, logstore.AbortedTransaction{ProducerID: 7, First: 0, Last: 1})
	wantValues(t, values(t, l, logstore.LastStable))
}

// KAFKA-17754: the end of a transaction came late and hit the next one. Under
// version 2 each has an epoch of its own.
func TestKAFKA17754LateMarkerDoesNotHitTheNextTransaction(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	p := &txn{h: h, id: 7}
	p.write(l, 1)
	p.endV2(l, false) // epoch 1
	p.write(l, 1)
	late := logstore.Marker{ProducerID: 7, ProducerEpoch: 1, TransactionVersion: 2}
	if _, err := l.AppendMarker(late, 0); !errors.Is(err, logstore.ErrProducerEpoch) {
		t.Fatalf("the late marker: %v", err)
	}
	settled(t, l, 2)
	// Nor can a batch of the transaction that has ended open it anew.
	if _, err := l.AppendLeader((&txn{h: h, id: 7, sequence: 1}).batch(1), 0); !errors.Is(err, logstore.ErrProducerEpoch) {
		t.Fatalf("a late batch: %v", err)
	}
	p.endV2(l, true)
	settled(t, l, 4)
	wantValues(t, values(t, l, logstore.LastStable), "7.1.0-0")
}

// KAFKA-14402: a transaction that hangs holds the last stable offset down for
// ever. It can be seen, with its age, and be ended.
func TestKAFKA14402HangingTransactionCanBeSeen(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.append(l, "plain", 1)
	p := &txn{h: h, id: 7, epoch: 3}
	p.write(l, 2)
	(&txn{h: h, id: 8}).write(l, 1)
	h.clock.add(time.Hour)
	h.append(l, "plain", 1)
	settled(t, l, 1)
	want := func(l *logstore.Log, ages ...int64) {
		t.Helper()
		open := l.OpenTransactions()
		if len(open) != len(ages) {
			t.Fatalf("open are %+v", open)
		}
		for i, o := range []logstore.OpenTransaction{{ProducerID: 7, ProducerEpoch: 3, First: 1}, {ProducerID: 8, First: 3}} {
			if o.AgeMs = ages[i]; open[i] != o {
				t.Errorf("%+v, want %+v", open[i], o)
			}
		}
	}
	hour := time.Hour.Milliseconds()
	want(l, hour, hour)
	h.clock.add(48 * time.Hour) // longer than an idle producer is remembered
	must(t, h.store.Checkpoint())
	want(l, 49*hour, 49*hour)
	l = h.reopen()
	want(l, 49*hour-1, 49*hour) // its first batch's records were 0 and 1 ms after the clock
	p.endV2(l, false)
	settled(t, l, 3)
}

// KIP-1228: a marker of version 2 must have a higher epoch than what it ends, and
// one of version 1 not a lower one.
func TestKIP1228MarkerEpochExceedsTheCurrent(t *testing.T) {
	for _, c := range []struct {
		name        string
		version     int16
		epoch       int16 // of the marker; the transaction's is 5
		coordinator int32 // the last was 3
		err         error
	}{
		{"version 2, lower", 2, 4, 3, logstore.ErrProducerEpoch},
		{"version 2, the same", 2, 5, 3, logstore.ErrProducerEpoch},
		{"version 2, higher", 2, 6, 3, nil},
		{"version 2, far higher", 2, 9, 4, nil},
		{"version 1, lower", 1, 4, 3, logstore.ErrProducerEpoch},
		{"version 1, the same", 1, 5, 3, nil},
		{"version 1, higher", 1, 6, 3, nil},
		{"version 0, the same", 0, 5, 3, nil},
		{"a coordinator that was replaced", 2, 6, 2, logstore.ErrCoordinatorEpoch},
	} {
		h := newHarness(t, nil)
		l := h.log()
		p := &txn{h: h, id: 7, epoch: 5}
		p.write(l, 1)
		_, err := l.AppendMarker(logstore.Marker{ProducerID: 7, ProducerEpoch: 5, CoordinatorEpoch: 3, Commit: true}, 0)
		must(t, err)
		p.write(l, 1)
		_, err = l.AppendMarker(logstore.Marker{ProducerID: 7, ProducerEpoch: c.epoch, CoordinatorEpoch: c.coordinator, TransactionVersion: c.version}, 0)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
		if open := len(l.OpenTransactions()) > 0; open != (c.err != nil) {
			t.Errorf("%s: open is %v", c.name, open)
		}
	}
}

// KAFKA-19999: a coordinator that did not hear the answer sends its marker again,
// and was refused for ever.
func TestKAFKA19999RepeatedMarkerIsAcceptedAgain(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	p := &txn{h: h, id: 7}
	p.write(l, 1)
	p.endV2(l, false)
	again := logstore.Marker{ProducerID: 7, ProducerEpoch: 1, TransactionVersion: 2}
	for range 2 {
		_, err := l.AppendMarker(again, 0)
		must(t, err)
	}
	l = h.kill()
	_, err := l.AppendMarker(again, 0)
	must(t, err)
	settled(t, l, 5)
	wantAborted(t, l, 0, 5, logstore.AbortedTransaction{ProducerID: 7, First: 0, Last: 1})
	// The next transaction is not hit by another one.
	p.write(l, 1)
	if _, err := l.AppendMarker(again, 0); !errors.Is(err, logstore.ErrProducerEpoch) {
		t.Fatalf("within the next transaction: %v", err)
	}
}

// A marker that a power cut may still take back decides nothing.
func TestMarkerAboveTheHighWatermarkDecidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		l := h.log()
		p, q := &txn{h: h, id: 7}, &txn{h: h, id: 8}
		p.write(l, 2)
		q.write(l, 1)
		synctest.Wait()
		release := make(chan struct{})
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				<-release
			}
			return nil
		})
		p.end(l, true)
		h.append(l, "plain", 1)
		synctest.Wait()
		if high, stable := l.Offset(logstore.HighWatermark), l.Offset(logstore.LastStable); high != 3 || stable != 0 {
			t.Fatalf("the sync hangs: high watermark %d, last stable offset %d", high, stable)
		}
		close(release)
		synctest.Wait()
		settled(t, l, 2) // where the other one began
		must(t, h.store.Close())
	})
}

// A replicated log's high watermark lags: what ended above it is not decided after
// a restart either, nor after a truncation.
func TestReplicatedMarkersWaitForTheHighWatermark(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Replicated, c.SegmentBytes = true, 300 })
	l := h.log()
	p, q := &txn{h: h, id: 7}, &txn{h: h, id: 8}
	h.append(l, "plain", 1) // 0
	p.write(l, 2)           // 1
	q.write(l, 1)           // 3
	p.end(l, false)         // 4
	h.append(l, "plain", 2) // 5
	q.end(l, true)          // 7
	want := func(high, stable int64) {
		t.Helper()
		must(t, l.Flush())
		must(t, l.SetHighWatermark(high))
		if got := l.Offset(logstore.LastStable); got != stable {
			t.Fatalf("high watermark %d: the last stable offset is %d, want %d", high, got, stable)
		}
	}
	want(1, 1)
	want(3, 1)
	want(4, 1)
	l = h.reopen()
	want(4, 1)
	want(5, 3)
	h.store.Housekeep(h.clock.Now())
	must(t, h.store.Checkpoint())
	l = h.kill()
	want(7, 3)
	must(t, l.TruncateTo(7))
	want(7, 3)
	q.end(l, false)
	want(8, 8)
	wantAborted(t, l, 0, 8, logstore.AbortedTransaction{ProducerID: 7, First: 1, Last: 4}, logstore.AbortedTransaction{ProducerID: 8, First: 3, Last: 7})
}

func TestProducersWithAnEpochForEachTransactionBeginAtZero(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	bumps := logstore.AppendOptions{EpochBumps: true}
	if _, err := l.AppendLeaderWith((&txn{h: h, id: 7, sequence: 3}).batch(1), 0, bumps); !errors.Is(err, logstore.ErrSequence) {
		t.Fatalf("unknown, from 3: %v", err)
	}
	_, err := l.AppendLeaderWith((&txn{h: h, id: 7}).batch(1), 0, bumps)
	must(t, err)
	_, err = l.AppendLeaderWith((&txn{h: h, id: 7, sequence: 1}).batch(1), 0, bumps)
	must(t, err)
	(&txn{h: h, id: 7}).endV2(l, true)
	if _, err := l.AppendLeaderWith((&txn{h: h, id: 7, epoch: 1, sequence: 2}).batch(1), 0, bumps); !errors.Is(err, logstore.ErrSequence) {
		t.Fatalf("the next epoch, from 2: %v", err)
	}
	plain := record.BuilderOptions{Producer: &record.Producer{ID: 7, Epoch: 1}}
	(&txn{h: h, id: 7, epoch: 1}).write(l, 1)
	plain.Producer.BaseSequence = 1
	if _, err := l.AppendLeader(batchOf(t, plain, h.clock.ms(), "x", 1), 0); !errors.Is(err, logstore.ErrTransactionState) {
		t.Fatalf("a plain batch within a transaction: %v", err)
	}
}
