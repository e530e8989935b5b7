package logstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"moldau/logstore"
	"moldau/logstore/record"
)

func TestOpenLog(t *testing.T) {
	h := newHarness(t, nil)
	h.change = func(o *logstore.Options) {
		o.ConfigFor = func(name logstore.TopicPartition) logstore.Config {
			c := logstore.DefaultConfig()
			c.RetentionBytes = int64(name.Partition)
			return c
		}
	}
	must(t, h.store.Close())
	h.open()
	name := logstore.TopicPartition{Topic: "made", Partition: 9}
	var found [20]*logstore.Log
	var all sync.WaitGroup
	for i := range found {
		all.Go(func() {
			var err error
			if found[i], err = h.store.OpenLog(name); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, l := range found {
		if l != found[0] {
			t.Fatal("two logs of one name")
		}
	}
	h.appendDurably(found[0], "a", 1)
	for range 2 { // made, and found again after a power cut
		l, err := h.store.OpenLog(name)
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), "a-0")
		if got := l.Config().RetentionBytes; got != 9 {
			t.Fatalf("configured %d", got)
		}
		mem := h.mem.Crash()
		_ = h.store.Close()
		h.mem = mem
		h.open()
	}
	if _, err := h.store.OpenLog(logstore.TopicPartition{Topic: "a/b"}); !errors.Is(err, logstore.ErrInvalidName) {
		t.Fatal(err)
	}
	must(t, h.store.Close())
	if _, err := h.store.OpenLog(logstore.TopicPartition{Topic: "more"}); !errors.Is(err, logstore.ErrClosed) {
		t.Fatal(err)
	}
}

// A follower sees all that is committed, waits where there is nothing to see, and
// ends as it is told to.
func TestFollow(t *testing.T) {
	for name, end := range map[string]struct {
		how  func(h *harness, cancel func())
		want error
	}{
		"by its context":        {func(_ *harness, cancel func()) { cancel() }, context.Canceled},
		"by the store's end":    {func(h *harness, _ func()) { must(h.t, h.store.Close()) }, logstore.ErrClosed},
		"by the log's deletion": {func(h *harness, _ func()) { must(h.t, h.store.Delete(tp)) }, logstore.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, nil)
				l := h.log()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var seen []string
				var failed error
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for r, err := range l.Follow(ctx, 0, logstore.LastStable) {
						if failed = err; err == nil {
							seen = append(seen, string(r.Value))
						}
					}
				}()
				synctest.Wait()
				h.appendDurably(l, "a", 2)
				synctest.Wait()
				wantValues(t, seen, "a-0", "a-1")
				for _, commit := range []bool{false, true} { // a marker is the last thing there is
					producer := &record.Producer{ID: 5}
					if commit {
						producer.ID = 6
					}
					must(t, errOf(l.AppendLeader(batchOf(t, record.BuilderOptions{Producer: producer, Transactional: true}, h.clock.ms(), "txn", 1), 0)))
					must(t, errOf(l.AppendMarker(logstore.Marker{ProducerID: producer.ID, Commit: commit}, 0)))
					synctest.Wait() // which a follower that spins keeps from returning
				}
				wantValues(t, seen, "a-0", "a-1", "txn-0")
				h.appendDurably(l, "b", 1)
				synctest.Wait()
				wantValues(t, seen, "a-0", "a-1", "txn-0", "b-0")
				end.how(h, cancel)
				<-ended
				if !errors.Is(failed, end.want) {
					t.Fatalf("ended by %v, want %v", failed, end.want)
				}
				_ = h.store.Close()
			})
		})
	}
}

// A loop that is left leaves nothing behind, and a start that is gone is an error.
func TestFollowIsLeft(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.appendDurably(l, "a", 3)
	for r, err := range l.Follow(t.Context(), 1, logstore.HighWatermark) {
		must(t, err)
		if string(r.Value) != "a-1" {
			t.Fatalf("%s", r.Value)
		}
		break
	}
	must(t, l.AdvanceStart(2))
	for _, err := range l.Follow(t.Context(), 1, logstore.HighWatermark) {
		if !errors.Is(err, logstore.ErrOffsetRange) {
			t.Fatal(err)
		}
	}
}

func TestAppendOnce(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	once := func(epoch int16, sequence int32, values ...string) (int64, error) {
		t.Helper()
		var records []record.Record
		for _, v := range values {
			records = append(records, record.Record{Value: []byte(v)})
		}
		return l.AppendOnce(t.Context(), record.Producer{ID: 3, Epoch: epoch, BaseSequence: sequence}, records...)
	}
	want := func(first int64, wantFirst int64, err, wantErr error) {
		t.Helper()
		if first != wantFirst || !errors.Is(err, wantErr) {
			t.Fatalf("at %d, %v; want %d, %v", first, err, wantFirst, wantErr)
		}
	}
	first, err := once(0, 0, "a", "b")
	want(first, 0, err, nil)
	first, err = once(0, 2, "c")
	want(first, 2, err, nil)
	for range 2 { // here, and after a power cut
		first, err = once(0, 0, "a", "b")
		want(first, 0, err, nil)
		first, err = once(0, 2, "c")
		want(first, 2, err, nil)
		first, err = once(0, 5, "too far")
		want(first, -1, err, logstore.ErrSequence)
		l = h.powerCut()
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.AppendOnce(cancelled, record.Producer{ID: 3, BaseSequence: 3}, record.Record{Value: []byte("d")}); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	first, err = once(0, 3, "d")
	want(first, 3, err, nil)
	first, err = once(1, 0, "e")
	want(first, 4, err, nil)
	first, err = once(0, 4, "of a predecessor")
	want(first, -1, err, logstore.ErrProducerEpoch)
	wantValues(t, values(t, l, logstore.HighWatermark), "a", "b", "c", "d", "e")
}

// Nothing of a store that was closed is left to run, whatever it was at: commits,
// the journal, cuts, housekeeping, compaction, followers.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c := logstore.DefaultConfig()
	c.Compact, c.SegmentBytes, c.MinCleanableDirtyRatio = true, 4096, 0
	s, err := logstore.Open(t.TempDir(), logstore.Options{Log: c, JournalBytes: 64 << 10, CheckpointMs: 1, CompactionIntervalMs: 1, CompactionWorkers: 2})
	must(t, err)
	var all sync.WaitGroup
	var logs []*logstore.Log // all of them, before the first append may close the store
	for i := range int32(8) {
		l, err := s.OpenLog(logstore.TopicPartition{Topic: "t", Partition: i})
		must(t, err)
		logs = append(logs, l)
	}
	for _, l := range logs {
		all.Go(func() { // until the store ends
			n := 0
			for _, err := range l.Follow(context.Background(), 0, logstore.HighWatermark) {
				if n++; err != nil && !errors.Is(err, logstore.ErrClosed) && !errors.Is(err, logstore.ErrOffsetRange) {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for {
				if _, err := l.Append(context.Background(), record.Record{Key: []byte("k"), Value: make([]byte, 900)}); err != nil {
					if !errors.Is(err, logstore.ErrClosed) {
						t.Error(err)
					}
					return
				}
				if l.Offset(logstore.LogEnd) == 20 { // in full swing
					all.Go(func() { _ = s.Close() })
				}
			}
		})
	}
	all.Wait()
	must(t, s.Close())
}
