package logstore_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// from builds n records of a producer.
func from(t testing.TB, id int64, epoch int16, sequence int32, n int, ms int64) []byte {
	o := record.BuilderOptions{Producer: &record.Producer{ID: id, Epoch: epoch, BaseSequence: sequence}}
	return batchOf(t, o, ms, fmt.Sprintf("%d.%d.%d", id, epoch, sequence), n)
}

func TestSequences(t *testing.T) {
	const last = math.MaxInt32
	type send struct {
		id       int64
		epoch    int16
		sequence int32
		n        int
		first    int64 // offset expected
		dup      bool
		err      error
	}
	ok := func(id int64, epoch int16, sequence int32, n int, first int64) send {
		return send{id, epoch, sequence, n, first, false, nil}
	}
	dup := func(id int64, epoch int16, sequence int32, n int, first int64) send {
		return send{id, epoch, sequence, n, first, true, nil}
	}
	bad := func(id int64, epoch int16, sequence int32, n int, err error) send {
		return send{id, epoch, sequence, n, 0, false, err}
	}
	for _, c := range []struct {
		name  string
		sends []send
	}{
		{"in order", []send{ok(1, 0, 0, 2, 0), ok(1, 0, 2, 1, 2), ok(1, 0, 3, 5, 3)}},
		{"each of the last five is remembered", []send{
			ok(1, 0, 0, 1, 0), ok(1, 0, 1, 2, 1), ok(1, 0, 3, 1, 3), ok(1, 0, 4, 3, 4), ok(1, 0, 7, 1, 7),
			dup(1, 0, 0, 1, 0), dup(1, 0, 1, 2, 1), dup(1, 0, 3, 1, 3), dup(1, 0, 4, 3, 4), dup(1, 0, 7, 1, 7), ok(1, 0, 8, 1, 8),
			dup(1, 0, 1, 2, 1), bad(1, 0, 0, 1, logstore.ErrSequence),
		}},
		{"the same start with another length is no duplicate", []send{
			ok(1, 0, 0, 2, 0), bad(1, 0, 0, 1, logstore.ErrSequence), bad(1, 0, 0, 3, logstore.ErrSequence), bad(1, 0, 1, 1, logstore.ErrSequence),
		}},
		{"a gap", []send{ok(1, 0, 0, 2, 0), bad(1, 0, 3, 1, logstore.ErrSequence), bad(1, 0, 1, 2, logstore.ErrSequence), ok(1, 0, 2, 1, 2)}},
		{"an unknown id begins anywhere", []send{ok(1, 3, 77, 1, 0), ok(1, 3, 78, 1, 1), bad(1, 3, 77, 2, logstore.ErrSequence)}},
		{"a new epoch begins at 0", []send{
			ok(1, 0, 0, 2, 0), bad(1, 1, 2, 1, logstore.ErrSequence), ok(1, 1, 0, 1, 2), ok(1, 1, 1, 1, 3), bad(1, 0, 2, 1, logstore.ErrProducerEpoch),
			bad(1, 0, 0, 2, logstore.ErrProducerEpoch), dup(1, 1, 0, 1, 2),
		}},
		{"producers do not mix", []send{ok(1, 0, 0, 1, 0), ok(2, 0, 0, 1, 1), ok(1, 0, 1, 1, 2), dup(2, 0, 0, 1, 1), ok(2, 0, 1, 1, 3)}},
		{"wrap at the end of a batch", []send{ok(1, 0, last-1, 2, 0), bad(1, 0, 1, 1, logstore.ErrSequence), ok(1, 0, 0, 2, 2), dup(1, 0, last-1, 2, 0), ok(1, 0, 2, 1, 4)}},
		{"wrap inside a batch", []send{ok(1, 0, last, 3, 0), dup(1, 0, last, 3, 0), bad(1, 0, 0, 1, logstore.ErrSequence), ok(1, 0, 2, 1, 3)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, nil)
			l := h.log()
			for i, s := range c.sends {
				end := l.Offset(logstore.LogEnd)
				a, err := l.AppendLeader(from(t, s.id, s.epoch, s.sequence, s.n, h.clock.ms()), 0)
				if !errors.Is(err, s.err) {
					t.Fatalf("send %d: error %v, want %v", i, err, s.err)
				}
				if err == nil && (a.First != s.first || a.Last != s.first+int64(s.n)-1 || a.Duplicate != s.dup) {
					t.Fatalf("send %d: %+v, want %d on, duplicate %v", i, a, s.first, s.dup)
				}
				if grown := l.Offset(logstore.LogEnd) > end; grown != (err == nil && !s.dup) {
					t.Fatalf("send %d: the log ends at %d, was %d", i, l.Offset(logstore.LogEnd), end)
				}
			}
		})
	}
}

func TestProducersExpire(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	appendFrom := func(sequence int32) (logstore.Appended, error) {
		return l.AppendLeader(from(t, 1, 0, sequence, 1, h.clock.ms()), 0)
	}
	_, err := appendFrom(0)
	must(t, err)
	h.clock.add(24 * time.Hour)
	must(t, h.store.Checkpoint())
	if _, err := appendFrom(5); !errors.Is(err, logstore.ErrSequence) {
		t.Fatalf("after a day: %v, want a sequence error", err)
	}
	h.clock.add(time.Millisecond)
	must(t, h.store.Checkpoint()) // which forgets
	if a, err := appendFrom(5); err != nil || a.Duplicate {
		t.Fatalf("after more than a day: %+v, %v", a, err)
	}
	if _, err := appendFrom(7); !errors.Is(err, logstore.ErrSequence) {
		t.Fatalf("it is known again: %v", err)
	}
}

func TestProducerExpiryIsAnOption(t *testing.T) {
	h := newHarness(t, nil)
	h.change = func(o *logstore.Options) { o.ProducerExpiryMs = 1000 }
	h.log()
	l := h.reopen()
	_, err := l.AppendLeader(from(t, 1, 0, 0, 1, h.clock.ms()), 0)
	must(t, err)
	h.clock.add(1001 * time.Millisecond)
	must(t, h.store.Checkpoint())
	_, err = l.AppendLeader(from(t, 1, 0, 9, 1, h.clock.ms()), 0)
	must(t, err)
}

// Everything that a producer may have in flight is known after all three kinds
// of reopening, and where the snapshot that remembers one batch of five lies
// does not matter.
func TestWindowIsFoundAgain(t *testing.T) {
	for _, again := range []struct {
		name string
		f    func(*harness) *logstore.Log
	}{
		{"clean close", (*harness).reopen}, {"kill -9", (*harness).kill}, {"power cut", (*harness).powerCut},
	} {
		for _, between := range []struct {
			name string
			f    func(h *harness, l *logstore.Log)
		}{
			{"at once", func(*harness, *logstore.Log) {}},
			{"after a checkpoint", func(h *harness, l *logstore.Log) { must(h.t, h.store.Checkpoint()) }},
			{"after a roll", func(h *harness, l *logstore.Log) {
				c := l.Config()
				c.SegmentBytes = l.Bytes()
				must(h.t, l.Configure(c))
				h.appendDurably(l, "rolls", 1)
				if len(l.Segments()) != 2 {
					h.t.Fatal("no roll")
				}
				h.store.Housekeep(h.clock.Now())
			}},
			{"after a clean close and another producer's roll", func(h *harness, l *logstore.Log) {
				l = h.reopen()
				c := l.Config()
				c.SegmentBytes = l.Bytes()
				must(h.t, l.Configure(c))
				h.appendDurably(l, "rolls", 1)
			}},
		} {
			t.Run(again.name+", "+between.name, func(t *testing.T) {
				h := newHarness(t, nil)
				l := h.log()
				var sent [][]byte
				var at []logstore.Appended
				for i := range 6 {
					b := from(t, 9, 2, int32(2*i), 2, h.clock.ms())
					a, err := l.AppendLeader(slices.Clone(b), 0)
					must(t, err)
					must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
					sent, at = append(sent, b), append(at, a)
				}
				between.f(h, l)
				l = again.f(h)
				for i := range sent {
					a, err := l.AppendLeader(slices.Clone(sent[i]), 0)
					if i == 0 && (a.Duplicate || !errors.Is(err, logstore.ErrSequence)) {
						t.Fatalf("the sixth from the end: %+v, %v", a, err)
					}
					if i > 0 && (err != nil || !a.Duplicate || a.First != at[i].First || a.Last != at[i].Last) {
						t.Fatalf("resent %+v: %+v, %v", at[i], a, err)
					}
				}
				if _, err := l.AppendLeader(from(t, 9, 2, 13, 1, h.clock.ms()), 0); !errors.Is(err, logstore.ErrSequence) {
					t.Fatalf("a gap: %v", err)
				}
				_, err := l.AppendLeader(from(t, 9, 2, 12, 1, h.clock.ms()), 0)
				must(t, err)
			})
		}
	}
}

// A snapshot that cannot be read is passed over.
func TestCorruptSnapshots(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	for i := range 3 {
		_, err := l.AppendLeader(from(t, 9, 0, int32(i), 1, h.clock.ms()), 0)
		must(t, err)
	}
	must(t, h.store.Close())
	name := logDir + "/00000000000000000003.snapshot"
	good := readAll(t, h.mem, name)
	for how, b := range map[string][]byte{
		"empty": {}, "short": good[:9], "version": withByte(good, 1, 2), "CRC": withByte(good, 3, good[3]^1), "entry": withByte(good, 20, good[20]^1),
		"count": withByte(good, 9, 2), "longer": append(slices.Clone(good), 0), "huge count": withByte(good, 6, 0x7f),
	} {
		t.Run(how, func(t *testing.T) {
			mem := h.mem.Clone()
			overwrite(t, mem, name, b)
			o := h.openTree(t, mem)
			a, err := o.log.AppendLeader(from(t, 9, 0, 1, 1, h.clock.ms()), 0)
			if err != nil || !a.Duplicate || a.First != 1 {
				t.Fatalf("resent: %+v, %v", a, err)
			}
		})
	}
}

// A truncation forgets the batches that it took, and those alone.
func TestTruncationForgetsSequences(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 300 })
	l := h.log()
	for i := range 8 {
		_, err := l.AppendLeader(from(t, 9, 0, int32(i), 1, h.clock.ms()), 0)
		must(t, err)
	}
	h.store.Housekeep(h.clock.Now())
	must(t, l.TruncateTo(5))
	if a, err := l.AppendLeader(from(t, 9, 0, 4, 1, h.clock.ms()), 0); err != nil || !a.Duplicate || a.First != 4 {
		t.Fatalf("kept: %+v, %v", a, err)
	}
	if a, err := l.AppendLeader(from(t, 9, 0, 5, 1, h.clock.ms()), 1); err != nil || a.Duplicate || a.First != 5 {
		t.Fatalf("taken: %+v, %v", a, err)
	}
	must(t, l.TruncateTo(0))
	if a, err := l.AppendLeader(from(t, 9, 0, 0, 1, h.clock.ms()), 2); err != nil || a.Duplicate || a.First != 0 {
		t.Fatalf("after all was taken: %+v, %v", a, err)
	}
}

// Snapshots of a history that was cut must not come back with a power cut and
// answer for another history.
func TestCutSnapshotsStayGone(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 2000 })
	l := h.log()
	for i := range 10 {
		h.appendDurably(l, fmt.Sprint(i), 1)
	}
	_, err := l.AppendLeader(from(t, 9, 0, 41, 1, h.clock.ms()), 0)
	must(t, err)
	l = h.reopen() // leaves a snapshot at the end
	stale := l.Offset(logstore.LogEnd)
	if !exists(t, h.mem, fmt.Sprintf("%s/%020d.snapshot", logDir, stale)) {
		t.Fatal("no snapshot to cut")
	}
	must(t, l.TruncateTo(2))
	for i := range 15 {
		h.appendDurably(l, fmt.Sprint("new", i), 1)
	}
	l = h.powerCut()
	must(t, l.TruncateTo(stale+1)) // loads the newest snapshot below
	a, err := l.AppendLeader(from(t, 9, 0, 7, 1, h.clock.ms()), 1)
	if err != nil || a.Duplicate {
		t.Fatalf("a producer of a cut history is remembered: %+v, %v", a, err)
	}
}

func TestSeveralBatchesInOneAppend(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	plain := append(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "a", 2), batchOf(t, record.BuilderOptions{}, h.clock.ms(), "b", 1)...)
	a, err := l.AppendLeader(plain, 0)
	if err != nil || a.First != 0 || a.Last != 2 {
		t.Fatalf("%+v, %v", a, err)
	}
	// Kafka's brokers take one batch; the engine could not judge the second by
	// the state after the first.
	for _, second := range [][]byte{from(t, 1, 0, 1, 1, h.clock.ms()), from(t, 2, 0, 0, 1, h.clock.ms()), batchOf(t, record.BuilderOptions{}, h.clock.ms(), "c", 1)} {
		if _, err := l.AppendLeader(append(from(t, 1, 0, 0, 1, h.clock.ms()), second...), 0); !errors.Is(err, logstore.ErrInvalidRecord) {
			t.Fatalf("idempotent batch and another: %v", err)
		}
	}
	wantValues(t, values(t, l, logstore.LogEnd), "a-0", "a-1", "b-0")
}

// A retry is answered when its original is: not while the disk hangs.
func TestDuplicateWaitsLikeItsOriginal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		l := h.log()
		release := make(chan struct{})
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				<-release
			}
			return nil
		})
		batch := from(t, 1, 0, 0, 2, h.clock.ms())
		answers := make(chan string, 3)
		answer := func(who string) {
			a, err := l.AppendLeader(slices.Clone(batch), 0)
			if err == nil {
				w := logstore.NewWaiter()
				l.Watch(logstore.HighWatermark, a.Last, w)
				<-w.C
			}
			answers <- fmt.Sprint(who, " ", a.First, a.Last, a.Duplicate, err)
		}
		go answer("original")
		synctest.Wait()
		go answer("retry")
		synctest.Wait()
		go answer("retry")
		synctest.Wait()
		if len(answers) > 0 {
			t.Fatalf("%s, while the sync hangs", <-answers)
		}
		if high := l.Offset(logstore.HighWatermark); high != 0 {
			t.Fatalf("the high watermark is %d, while the sync hangs", high)
		}
		close(release)
		got := []string{<-answers, <-answers, <-answers}
		slices.Sort(got)
		if want := "[original 0 1 false <nil> retry 0 1 true <nil> retry 0 1 true <nil>]"; fmt.Sprint(got) != want {
			t.Fatalf("answers %v, want %s", got, want)
		}
		must(t, h.store.Close())
	})
}

func TestDuplicateUnderLogAppendTime(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.TimestampType = logstore.LogAppendTime })
	l := h.log()
	first, err := l.AppendLeader(from(t, 1, 0, 0, 1, 5), 0)
	must(t, err)
	if first.TimestampMs != h.clock.ms() {
		t.Fatalf("appended at %d, want the clock's %d", first.TimestampMs, h.clock.ms())
	}
	h.clock.add(time.Second)
	again, err := l.AppendLeader(from(t, 1, 0, 0, 1, 5), 0)
	must(t, err)
	if !again.Duplicate || again.TimestampMs != first.TimestampMs {
		t.Fatalf("%+v, want the original's time %d", again, first.TimestampMs)
	}
}

// Batches below the start offset are still in the file, and still tell where
// their producers are.
func TestStateBelowTheStartCounts(t *testing.T) {
	for name, again := range map[string]func(*harness, *logstore.Log) *logstore.Log{
		"truncated": func(h *harness, l *logstore.Log) *logstore.Log { must(h.t, l.TruncateTo(3)); return l },
		"kill":      func(h *harness, l *logstore.Log) *logstore.Log { return h.kill() },
		"checkpoint and power cut": func(h *harness, l *logstore.Log) *logstore.Log {
			must(h.t, h.store.Checkpoint())
			return h.powerCut()
		},
		"clean close": func(h *harness, l *logstore.Log) *logstore.Log { return h.reopen() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil)
			l := h.log()
			h.appendDurably(l, "a", 1)
			appendFrom := func(sequence int32) {
				t.Helper()
				a, err := l.AppendLeader(from(t, 7, 0, sequence, 1, h.clock.ms()), 0)
				must(t, err)
				must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
			}
			appendFrom(0)
			l = h.reopen()
			appendFrom(1)
			must(t, l.AdvanceStart(3))
			h.appendDurably(l, "b", 1)
			l = again(h, l)
			appendFrom(2)
			if _, err := l.AppendLeader(from(t, 7, 0, 9, 1, h.clock.ms()), 0); !errors.Is(err, logstore.ErrSequence) {
				t.Fatalf("a gap: %v", err)
			}
		})
	}
}
