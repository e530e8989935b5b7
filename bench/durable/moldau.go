package durable

import (
	"context"
	"errors"

	"moldau/bench/disk"
	"moldau/logstore"
)

// engine is the engine itself.
type engine struct {
	store *logstore.Store
	logs  []*logstore.Log
}

func openMoldau(dir string, r row, o *options) (target, error) {
	var options logstore.Options
	if err := disk.BoundJournal(&options, o.journalBytes); err != nil {
		return nil, err
	}
	store, err := logstore.Open(dir, options)
	if err != nil {
		return nil, err
	}
	e := &engine{store: store}
	for i := range r.logs {
		l, err := store.Create(logstore.TopicPartition{Topic: "durable", Partition: int32(i)}, logstore.TopicID{}, logstore.DefaultConfig())
		if err != nil {
			return nil, errors.Join(err, store.Close())
		}
		e.logs = append(e.logs, l)
	}
	return e, nil
}

func (e *engine) put(log int, batch []byte) error {
	l := e.logs[log]
	a, err := l.AppendLeader(batch, 0)
	if err != nil {
		return err
	}
	return l.Wait(context.Background(), logstore.HighWatermark, a.Last+1)
}

func (e *engine) settle() error { return e.store.Checkpoint() }
func (e *engine) close() error  { return e.store.Close() }

func (e *engine) syncCount() int64 {
	c := e.store.Counters()
	return c.Syncs.Count()
}

func (e *engine) journal() disk.Journal { return disk.JournalOf(e.store.Counters()) }
