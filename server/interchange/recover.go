package interchange

import (
	"maps"
	"slices"
	"sync"
	"time"

	"moldau/logstore"
	"moldau/server/metadata"
)

// keep is the configuration of logs of which nobody has decided what they may
// lose.
func keep() logstore.Config {
	c := logstore.DefaultConfig()
	c.RetentionMs, c.RetentionBytes = -1, -1
	return c
}

// openLogs opens the logs of a build: what Kafka left is recovered, as at any
// start of a broker.
func openLogs(b *build, o *Options, r *Receipt) (*logstore.Store, error) {
	var mu sync.Mutex
	progress := &logstore.Progress{}
	options := logstore.Options{
		FS: b.fsys, Clock: o.Clock, Log: keep(), Manual: true, Progress: progress,
		Events: func(e logstore.Event) {
			mu.Lock()
			defer mu.Unlock()
			r.event(e)
		},
	}
	type opened struct {
		store *logstore.Store
		err   error
	}
	done := make(chan opened, 1)
	go func() {
		store, err := logstore.Open(".", options)
		done <- opened{store, err}
	}()
	var stop error
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case got := <-done:
			if got.err == nil && stop != nil {
				_ = got.store.Close() // of what is removed next
				return nil, stop
			}
			return got.store, got.err
		case <-tick.C:
			// An open cannot be stopped on its way, only what comes behind it.
			at := progress.Opening()
			if err := o.tell(Recovering, "", int64(at.Opened), int64(at.Logs)); err != nil {
				stop = err
			}
		}
	}
}

// event takes down what recovery did to a log.
func (r *Receipt) event(e logstore.Event) {
	switch e := e.(type) {
	case logstore.LogRecovered:
		if e.BytesCut == 0 {
			return
		}
		reason := ""
		if e.Reason != nil {
			reason = e.Reason.Error()
		}
		r.Recovered = append(r.Recovered, Recovered{e.Log.String(), e.End, e.BytesCut, reason, e.Kept})
	case logstore.CheckpointIgnored:
		r.note("%s is not used: %v", e.File, e.Err)
	}
}

// configRecords set configs, by name.
func configRecords(kind metadata.Resource, of string, all map[string]string) []metadata.Record {
	var records []metadata.Record
	for _, key := range slices.Sorted(maps.Keys(all)) {
		value := all[key]
		records = append(records, &metadata.ConfigRecord{Resource: kind, Name: of, Key: key, Value: &value})
	}
	return records
}
