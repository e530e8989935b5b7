package logstore_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

// batches reads "first-last xcount" and what is remarkable of all batches that
// hold no filler.
func batches(t testing.TB, l *logstore.Log) []string {
	t.Helper()
	var all []string
	for b, err := range l.Batches(t.Context(), l.StartOffset(), logstore.LogEnd) {
		must(t, err)
		if b.Count() == 1 && !b.Control() {
			for r, err := range b.Records(1 << 20) {
				must(t, err)
				if string(r.Key) == "filler" {
					goto next
				}
			}
		}
		{
			text := fmt.Sprintf("%d-%d x%d", b.BaseOffset(), b.LastOffset(), b.Count())
			if b.Control() {
				text += " marker"
			}
			if b.HasDeleteHorizon() {
				text += " horizon"
			}
			all = append(all, text)
		}
	next:
	}
	return all
}

func TestTombstonesStayForAWhile(t *testing.T) {
	h, l := newCompacted(t, func(c *logstore.Config) { c.DeleteRetentionMs = 60_000 })
	h.put(l, record.BuilderOptions{}, "a=1", "b=1")
	h.put(l, record.BuilderOptions{}, "a", "b=2")
	h.roll(l)
	h.compact(l)
	wantValues(t, pairs(t, l, logstore.LogEnd), "2:a", "3:b=2")
	wantValues(t, batches(t, l), "2-3 x2 horizon")
	for b, err := range l.Batches(t.Context(), 0, logstore.LogEnd) {
		must(t, err)
		if b.HasDeleteHorizon() && b.BaseTimestamp() != h.clock.ms()+60_000 {
			t.Fatalf("horizon %d at %d", b.BaseTimestamp(), h.clock.ms())
		}
	}
	// It goes with the first compaction past its horizon, whatever comes between.
	h.clock.add(59_999 * time.Millisecond)
	h.roll(l)
	h.compact(l)
	wantValues(t, pairs(t, l, logstore.LogEnd), "2:a", "3:b=2")
	h.clock.add(time.Millisecond)
	h.roll(l)
	h.compact(l)
	wantValues(t, pairs(t, l, logstore.LogEnd), "3:b=2")
	h.put(l, record.BuilderOptions{}, "b")
	h.roll(l)
	h.compact(l)
	h.clock.add(time.Minute)
	h.roll(l)
	h.compact(l)
	wantValues(t, pairs(t, l, logstore.LogEnd))
	must(t, h.store.Close())
	noFaults(t, h.mem)
}

// A tombstone that a round has not mapped has removed nothing yet: its time has
// not begun.
func TestTombstoneBeyondTheRound(t *testing.T) {
	h, l := newCompacted(t, func(c *logstore.Config) { c.DeleteRetentionMs = 60_000 })
	h.change = func(o *logstore.Options) { o.CompactionMapBytes = 24 * 2 } // one key
	l = h.reopen()
	h.put(l, record.BuilderOptions{}, "b=1")
	h.put(l, record.BuilderOptions{}, "a=1", "b")
	h.roll(l)
	h.compact(l)
	wantValues(t, pairs(t, l, logstore.LogEnd), "1:a=1", "2:b")
	done := eventsOf[logstore.LogCompacted](h.events)
	if len(done) != 1 || done[0].Rounds < 3 || done[0].MapUsed != 1 {
		t.Fatalf("%+v", done)
	}
	h.clock.add(time.Minute)
	h.roll(l)
	h.compact(l)
	wantValues(t, pairs(t, l, logstore.LogEnd), "1:a=1")
}

func (h *harness) transact(l *logstore.Log, id int64, epoch int16, sequence int32, records ...string) int64 {
	h.t.Helper()
	o := record.BuilderOptions{Transactional: true, Producer: &record.Producer{ID: id, Epoch: epoch, BaseSequence: sequence}}
	a, err := l.AppendLeader(h.keyed(o, records...), 0)
	must(h.t, err)
	return a.First
}

func (h *harness) end(l *logstore.Log, id int64, epoch int16, commit bool) int64 {
	h.t.Helper()
	a, err := l.AppendMarker(logstore.Marker{ProducerID: id, ProducerEpoch: epoch, Commit: commit}, 0)
	must(h.t, err)
	must(h.t, l.Wait(h.t.Context(), logstore.HighWatermark, a.Last+1))
	return a.First
}

func TestTransactionsOfACompactedLog(t *testing.T) {
	h, l := newCompacted(t, func(c *logstore.Config) { c.DeleteRetentionMs = 60_000 })
	h.transact(l, 1, 0, 0, "a=aborted", "b=aborted") // 0-1
	h.transact(l, 2, 0, 0, "a=1", "c=1")             // 2-3
	h.end(l, 1, 0, false)                            // 4
	h.end(l, 2, 0, true)                             // 5
	h.transact(l, 1, 0, 2, "d=1")                    // 6
	h.end(l, 1, 0, true)                             // 7
	h.transact(l, 2, 0, 2, "a=2", "c=2")             // 8-9
	h.end(l, 2, 0, true)                             // 10
	h.roll(l)
	h.compact(l)
	// What was aborted is gone, its marker not yet: its data was there.
	wantValues(t, batches(t, l), "4-4 x1 marker", "5-5 x1 marker", "6-6 x1", "7-7 x1 marker", "8-9 x2", "10-10 x1 marker")
	aborted, err := l.AbortedTransactions(nil, 0, 100)
	must(t, err)
	if len(aborted) != 1 || aborted[0] != (logstore.AbortedTransaction{ProducerID: 1, First: 0, Last: 4}) {
		t.Fatalf("aborted %+v", aborted)
	}
	wantValues(t, pairs(t, l, logstore.LastStable), "6:d=1", "8:a=2", "9:c=2")
	h.roll(l)
	h.compact(l)
	wantValues(t, batches(t, l), "4-4 x1 marker horizon", "5-5 x1 marker horizon", "6-6 x1", "7-7 x1 marker", "8-9 x2", "10-10 x1 marker")
	if aborted, err = l.AbortedTransactions(nil, 0, 100); err != nil || len(aborted) != 0 {
		t.Fatalf("aborted %+v, %v: a reader who meets the name and no marker waits for it for ever", aborted, err)
	}
	h.clock.add(59_999 * time.Millisecond)
	h.roll(l)
	h.compact(l)
	if got := batches(t, l); len(got) != 6 {
		t.Fatalf("%v", got)
	}
	h.clock.add(time.Millisecond)
	h.roll(l)
	h.compact(l)
	wantValues(t, batches(t, l), "6-6 x1", "7-7 x1 marker", "8-9 x2", "10-10 x1 marker")
	for _, again := range []func() *logstore.Log{h.reopen, h.powerCut} {
		l = again()
		if l.Offset(logstore.LastStable) != l.Offset(logstore.LogEnd) {
			t.Fatalf("stable to %d of %d, open %+v", l.Offset(logstore.LastStable), l.Offset(logstore.LogEnd), l.OpenTransactions())
		}
		wantValues(t, pairs(t, l, logstore.LastStable), "6:d=1", "8:a=2", "9:c=2")
	}
	must(t, h.store.Close())
	noFaults(t, h.mem)
}

// The last batch of a producer tells its sequence: it stays, if empty, and so
// does what ends its transaction.
func TestLastBatchOfAProducerStays(t *testing.T) {
	h, l := newCompacted(t, func(c *logstore.Config) { c.DeleteRetentionMs = 1000 })
	o := record.BuilderOptions{Producer: &record.Producer{ID: 1}}
	h.put(l, o, "a=1", "b=1") // 0-1
	o.Producer.BaseSequence = 2
	last := h.keyed(o, "a=2", "b=2") // 2-3
	_, err := l.AppendLeader(bytes.Clone(last), 0)
	must(t, err)
	h.transact(l, 2, 0, 0, "c=1")                   // 4
	h.end(l, 2, 0, false)                           // 5
	h.put(l, record.BuilderOptions{}, "a=3", "b=3") // 6-7
	h.roll(l)
	for range 4 {
		h.compact(l)
		wantValues(t, batches(t, l), "2-3 x0", "4-4 x0", "5-5 x1 marker", "6-7 x2")
		h.clock.add(time.Minute)
		h.roll(l)
	}
	removeSnapshots(t, h)
	l = h.powerCut()
	a, err := l.AppendLeader(bytes.Clone(last), 0)
	if err != nil || !a.Duplicate || a.First != 2 || a.Last != 3 {
		t.Fatalf("resent: %+v, %v", a, err)
	}
	if open := l.OpenTransactions(); len(open) > 0 {
		t.Fatalf("open are %+v", open)
	}
	// Once they are forgotten, all of it goes.
	h.clock.add(25 * time.Hour)
	for range 3 {
		h.roll(l)
		h.compact(l)
		h.clock.add(time.Minute)
	}
	wantValues(t, batches(t, l), "6-7 x2")
}

// removeSnapshots lets the producers be read from the log.
func removeSnapshots(t testing.TB, h *harness) {
	t.Helper()
	names, err := h.mem.ReadDir(logDir)
	must(t, err)
	for _, n := range names {
		if len(n.Name()) > 9 && n.Name()[len(n.Name())-9:] == ".snapshot" {
			must(t, h.mem.Remove(logDir+"/"+n.Name()))
		}
	}
	must(t, h.mem.SyncDir(logDir))
}

// Where all before the active segment goes, its end is known all the same.
func TestLastBatchOfTheRoundStays(t *testing.T) {
	h, l := newCompacted(t, func(c *logstore.Config) { c.DeleteRetentionMs = 0 })
	h.put(l, record.BuilderOptions{}, "a=1")
	h.transact(l, 1, 0, 0, "b=1", "b=2") // 1-2
	must(t, l.Configure(func() logstore.Config { c := l.Config(); c.SegmentBytes = l.Bytes() + 1; return c }()))
	h.end(l, 1, 0, false) // 3, in the next segment
	must(t, l.Configure(func() logstore.Config { c := l.Config(); c.SegmentBytes = 1 << 20; return c }()))
	h.transact(l, 1, 0, 2, "c=1")
	h.end(l, 1, 0, true)
	h.compact(l)
	wantValues(t, batches(t, l), "0-0 x1", "1-2 x0", "3-3 x1 marker", "4-4 x1", "5-5 x1 marker")
	must(t, l.Configure(func() logstore.Config { c := l.Config(); c.SegmentBytes = 300; return c }()))
	h.put(l, record.BuilderOptions{}, "a=6") // 6
	h.put(l, record.BuilderOptions{}, "a=7")
	h.put(l, record.BuilderOptions{}, "a=8")
	for range 3 {
		h.roll(l)
		h.compact(l)
	}
	// 1-2 had to stay before, and need not any more. Its segment is empty now.
	wantValues(t, batches(t, l), "4-4 x1", "5-5 x1 marker", "8-8 x1")
	for _, again := range []func() *logstore.Log{h.reopen, h.powerCut, h.kill} {
		l = again()
		wantValues(t, pairs(t, l, logstore.LogEnd), "4:c=1", "8:a=8")
		if l.StartOffset() != 0 {
			t.Fatalf("starts at %d", l.StartOffset())
		}
	}
}

// All 128 bits of a digest count.
func TestDigestsThatShareHalf(t *testing.T) {
	h, l := newCompacted(t, nil)
	h.change = func(o *logstore.Options) {
		*o = logstore.DigestBy(*o, func(key []byte) (high, low uint64) {
			return 42, binary.BigEndian.Uint64(append(key, make([]byte, 8)...))
		})
	}
	l = h.reopen()
	h.put(l, record.BuilderOptions{}, "a=1", "b=1", "c=1")
	h.put(l, record.BuilderOptions{}, "b=2")
	h.roll(l)
	h.compact(l)
	wantValues(t, pairs(t, l, logstore.LogEnd), "0:a=1", "2:c=1", "3:b=2")
}

// What cannot be read stays byte for byte, and with it what may hide its records.
func TestBatchesThatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(b record.Batch)
	}{
		{"bad CRC", func(b record.Batch) { b[len(b)-1] ^= 1 }},
		{"does not unpack", func(b record.Batch) {
			copy(b[record.HeaderBytes:], "garbage, garbage, garbage")
			b.SetCRC(b.ComputeCRC())
		}},
		{"records that are none", func(b record.Batch) {
			b.SetAttributes(0)
			b.SetCRC(b.ComputeCRC())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, l := newCompacted(t, func(c *logstore.Config) { c.DeleteRetentionMs = 1000 })
			h.put(l, record.BuilderOptions{Codec: record.Gzip}, "a=1", "b=1")
			first := l.Bytes()
			h.put(l, record.BuilderOptions{}, "a", "c=1")
			h.put(l, record.BuilderOptions{}, "c=2")
			h.roll(l)
			must(t, h.store.Close())
			text := readAll(t, h.mem, firstLog)
			c.spoil(record.Batch(text[:first:first]))
			overwrite(t, h.mem, firstLog, text)
			h.open()
			l, err := h.store.Log(tp)
			must(t, err)
			for range 3 {
				h.compact(l)
				h.clock.add(time.Minute)
				h.roll(l)
			}
			after := readAll(t, h.mem, firstLog)
			if !bytes.Equal(after[:first], text[:first]) {
				t.Fatal("the bytes changed")
			}
			var got []string
			for r, err := range l.Records(t.Context(), 2, logstore.LogEnd) {
				must(t, err)
				if string(r.Key) != "filler" {
					got = append(got, fmt.Sprintf("%d:%s=%s", r.Offset, r.Key, r.Value))
				}
			}
			wantValues(t, got, "2:a=", "4:c=2")
			done := eventsOf[logstore.LogCompacted](h.events)
			if len(done) != 3 || done[0].Undecoded != 1 || done[0].UndecodedErr == nil {
				t.Fatalf("%+v", done)
			}
		})
	}
}
