package peers

import (
	"context"
	"fmt"

	"moldau/logstore"
	"moldau/logstore/record"
)

var moldauPeer = Peer{
	Name: "moldau", Open: openMoldau, Batches: true, Shares: true,
	Unsynced: "os mode", Checks: "CRC-32C of each batch, at every read",
}

type moldauLog struct {
	store *logstore.Store
	log   *logstore.Log
}

func openMoldau(dir string, synced bool) (Log, error) {
	c := logstore.DefaultConfig()
	if !synced {
		c.Durability = logstore.OS
	}
	store, err := logstore.Open(dir, logstore.Options{Log: c})
	if err != nil {
		return nil, err
	}
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "records"})
	return &moldauLog{store, log}, err
}

func (l *moldauLog) Append(values [][]byte) error {
	var some [64]record.Record // as a program has it that appends what it was given
	records := some[:0]
	for _, v := range values {
		records = append(records, record.Record{Value: v})
	}
	_, err := l.log.Append(context.Background(), records...)
	return err
}

func (l *moldauLog) Read(n int64) ([]byte, error) {
	r, ok, err := l.log.RecordAt(context.Background(), n, logstore.HighWatermark)
	if err == nil && (!ok || r.Offset != n) {
		err = fmt.Errorf("no record %d", n)
	}
	return r.Value, err
}

func (l *moldauLog) Scan(visit func([]byte) error) error {
	for r, err := range l.log.Records(context.Background(), 0, logstore.HighWatermark) {
		if err == nil {
			err = visit(r.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *moldauLog) Close() error { return l.store.Close() }
