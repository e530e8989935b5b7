package logstore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// Logs that share a journal are written, rolled, truncated, deleted and made anew
// while it is cut and the store checkpoints. After a loss of power each holds what
// its only writer knows of.
func TestEverythingThroughTheJournalAtOnce(t *testing.T) {
	const logs, rounds, steps = 5, 3, 12
	h := newJournalHarness(t, 3, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes, c.FileDeleteDelayMs = 500, 100, 0 })
	var done atomic.Bool
	var writers, others sync.WaitGroup
	want := make([][]string, logs)
	for p := range logs {
		writers.Go(func() {
			name := logstore.TopicPartition{Topic: "many", Partition: int32(p)}
			for round := range rounds {
				l, err := h.store.Create(name, logstore.TopicID{byte(p), byte(round)}, h.config)
				if err == nil {
					want[p], err = writeAndTruncate(t, h, l, fmt.Sprint(p, ".", round), steps)
				}
				if err == nil && round < rounds-1 {
					err = h.store.Delete(name)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for _, work := range []func() error{h.store.CutJournal, h.store.Checkpoint, func() error { h.store.Housekeep(h.clock.Now()); return nil }} {
		others.Go(func() {
			for !done.Load() {
				if err := work(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	others.Wait()
	h.mem = h.mem.Crash()
	_ = h.store.Close()
	h.open()
	for p := range logs {
		l, err := h.store.Log(logstore.TopicPartition{Topic: "many", Partition: int32(p)})
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), want[p]...)
	}
}

// writeAndTruncate returns what a log must hold then.
func writeAndTruncate(t *testing.T, h *harness, l *logstore.Log, prefix string, steps int) (want []string, err error) {
	for i := range steps {
		value := fmt.Sprint(prefix, ".", i)
		a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), value, 1), 0)
		if err == nil {
			err = l.Wait(t.Context(), logstore.HighWatermark, a.Last+1)
		}
		if err != nil {
			return nil, err
		}
		want = append(want, value+"-0")
		if i%5 == 4 {
			want = want[:len(want)-2]
			if err := l.TruncateTo(int64(len(want))); err != nil {
				return nil, err
			}
		}
	}
	return want, nil
}
