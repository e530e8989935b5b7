package logstore_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// Logs are made together, twice over, and deleted and made again, while the store
// checkpoints and closes files. Each name has one log, and each log what its maker
// wrote, also after a loss of power.
func TestLogsAreMadeTogetherAtOnce(t *testing.T) {
	const logs, makers, rounds = 24, 3, 6
	h, _ := fewFiles(t, 16, 2, func(c *logstore.Config) { c.FileDeleteDelayMs = 0 })
	var done atomic.Bool
	var making, others sync.WaitGroup
	var mu sync.Mutex
	want := map[logstore.TopicPartition]string{}
	for m := range makers {
		making.Go(func() {
			for round := range rounds {
				for i, c := range h.store.CreateAll(logsToMake(h, logs)) {
					name := manyName(i)
					if c.Err != nil {
						if !errors.Is(c.Err, logstore.ErrExists) {
							t.Error(c.Err)
						}
						continue
					}
					value := fmt.Sprint(m, "-", round, "-", i)
					a, err := c.Log.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), value, 1), 0)
					if err == nil {
						err = c.Log.Wait(t.Context(), logstore.HighWatermark, a.Last+1)
					}
					if err != nil || a.Last != 0 {
						t.Error(name, a.Last, err)
						continue
					}
					if (i+m)%3 > 0 && round < rounds-1 {
						if err := h.store.Delete(name); err != nil {
							t.Error(err)
						}
						continue
					}
					mu.Lock()
					want[name] = value + "-0"
					mu.Unlock()
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
	making.Wait()
	done.Store(true)
	others.Wait()
	h.mem = h.mem.Crash()
	_ = h.store.Close()
	h.open()
	for i := range logs {
		l, err := h.store.Log(manyName(i))
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), want[manyName(i)])
	}
}

// Who closes the store waits for logs that are being made, and there are no others.
func TestCloseWhileLogsAreMadeTogether(t *testing.T) {
	h := makingTogether(t, 2)
	answers := make(chan []logstore.Created, 2)
	for range cap(answers) {
		go func() { answers <- h.store.CreateAll(logsToMake(h, 40)) }()
	}
	must(t, h.store.Close())
	made := map[int]bool{}
	for range cap(answers) {
		for i, c := range <-answers {
			switch {
			case c.Err == nil:
				made[i] = true
			case !errors.Is(c.Err, logstore.ErrClosed) && !errors.Is(c.Err, logstore.ErrExists):
				t.Error(c.Err)
			}
		}
	}
	h.open()
	if got := h.store.Logs(); len(got) != len(made) {
		t.Fatalf("%d logs, %d were made", len(got), len(made))
	}
}
