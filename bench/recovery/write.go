package recovery

import (
	"context"
	"errors"
	"slices"
	"sync"

	"moldau/bench/disk"
	"moldau/logstore"
)

// writing is a writer's task: to append, and flush, then to append and no more.
type writing struct {
	shape
	FlushedBytes   int64
	UnflushedBytes int64
	BatchBytes     int
	Close          bool // cleanly, in the end
}

// written is what a writer leaves.
type written struct {
	Tails []tail
	// Cuts are those of the journal behind the flush: with any, less than Tails is
	// unflushed.
	Cuts int64
}

// tail is what was not flushed of a log, by positions in all its segments.
type tail struct {
	From, To int64
	End      int64 // the log's end, as an offset
}

const clients = 64

func write(w writing) (written, error) {
	o, err := w.options()
	if err != nil {
		return written{}, err
	}
	store, err := logstore.Open(w.Dir, o)
	if err != nil {
		return written{}, err
	}
	logs := make([]*logstore.Log, w.Logs)
	for i := range logs {
		if logs[i], err = log(store, i, o.Log); err != nil {
			return written{}, err
		}
	}
	if !w.Never {
		if err := w.flushed(store, logs, o.Log); err != nil {
			return written{}, err
		}
	}
	left := written{Tails: make([]tail, w.Logs)}
	for i, l := range logs {
		left.Tails[i].From = l.Bytes()
	}
	cuts := disk.JournalOf(store.Counters()).Cuts
	if err := appendAll(logs, w.UnflushedBytes, w.BatchBytes); err != nil {
		return written{}, err
	}
	left.Cuts = disk.JournalOf(store.Counters()).Cuts - cuts
	for i, l := range logs {
		left.Tails[i].To, left.Tails[i].End = l.Bytes(), l.Offset(logstore.LogEnd)
	}
	if w.Close {
		err = store.Close()
	}
	return left, err
}

// flushed appends what is to be flushed, and flushes that and all before it. It
// waits for no sync meanwhile: how it came to the disk does not matter.
func (w writing) flushed(store *logstore.Store, logs []*logstore.Log, c logstore.Config) error {
	if w.FlushedBytes > 0 {
		quick := c
		quick.Durability = logstore.OS
		if err := configure(logs, quick); err != nil {
			return err
		}
		if err := appendAll(logs, w.FlushedBytes, w.BatchBytes); err != nil {
			return err
		}
	}
	if err := configure(logs, c); err != nil {
		return err
	}
	return store.Checkpoint()
}

func configure(logs []*logstore.Log, c logstore.Config) error {
	for _, l := range logs {
		if err := l.Configure(c); err != nil {
			return err
		}
	}
	return nil
}

// appendAll spreads at least so many bytes evenly over logs, from clients that
// wait for each batch.
func appendAll(logs []*logstore.Log, bytes int64, batchBytes int) error {
	batch := batchOf(batchBytes)
	all := int64(len(batch) * clients)
	perClient := int((bytes + all - 1) / all)
	var running sync.WaitGroup
	errs := make([]error, clients)
	for c := range clients {
		running.Go(func() {
			own := slices.Clone(batch)
			for n := 0; n < perClient && errs[c] == nil; n++ {
				errs[c] = put(logs[(c+n*clients)%len(logs)], own)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// put returns when the batch is acknowledged.
func put(l *logstore.Log, batch []byte) error {
	a, err := l.AppendLeader(batch, 0)
	if err != nil {
		return err
	}
	return l.Wait(context.Background(), logstore.HighWatermark, a.Last+1)
}
