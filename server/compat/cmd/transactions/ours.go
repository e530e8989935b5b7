package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/server/compat/dumplog"
	"moldau/server/compat/java"
)

// ours lets the engine write transactions over several segments in all codecs,
// and Kafka's tool read them.
func (j *judge) ours(ctx context.Context, kafka *java.Kafka, dir string) error {
	name := logstore.TopicPartition{Topic: "ours"}
	config := logstore.DefaultConfig()
	config.SegmentBytes, config.Durability = 32<<10, logstore.OS
	store, err := logstore.Open(dir, logstore.Options{Log: config})
	if err != nil {
		return err
	}
	log, err := store.Create(name, logstore.TopicID{1}, config)
	if err == nil {
		err = writeTransactions(log)
	}
	if err != nil {
		return err
	}
	aborted, err := log.AbortedTransactions(nil, 0, log.Offset(logstore.LogEnd))
	if err != nil {
		return err
	}
	producers, err := producersOf(log)
	if err != nil {
		return err
	}
	segments, open := len(log.Segments()), len(log.OpenTransactions())
	if err := store.Close(); err != nil {
		return err
	}
	fmt.Printf("ours: %d segments, %d aborted, %d open, %d producers\n", segments, len(aborted), open, len(producers))
	partition := filepath.Join(dir, "logs", name.String())
	theirs, err := dumpedAborted(ctx, kafka, partition)
	if err != nil {
		return err
	}
	j.same("aborted transactions that Kafka reads in our indexes", theirs, aborted)
	theirProducers, err := dumpedProducers(ctx, kafka, partition)
	if err != nil {
		return err
	}
	j.same("producers that Kafka reads in our snapshot", theirProducers, producers)
	report, err := dumplog.Check(ctx, kafka, []string{partition}, dumplog.Options{})
	if err != nil {
		return err
	}
	j.same("findings of Kafka's dump tool", report.Findings, []dumplog.Finding(nil))
	return nil
}

// writeTransactions has eight producers write by turns, each transaction in
// another codec, every third aborted, versions 1 and 2, and leaves some open.
func writeTransactions(log *logstore.Log) error {
	type producer struct {
		epoch    int16
		sequence int32
	}
	producers := make([]producer, 8)
	nowMs := time.Now().UnixMilli()
	for i := range 400 {
		id := i * 5 % len(producers)
		p := &producers[id]
		b := record.NewBuilder(record.BuilderOptions{Codec: record.Codec(i % 5), Transactional: true,
			Producer: &record.Producer{ID: int64(id), Epoch: p.epoch, BaseSequence: p.sequence}})
		for n := range 1 + i%7 {
			b.Append(nowMs+int64(i), fmt.Append(nil, i), fmt.Appendf(nil, "%d of %d %0200d", n, i, i*i))
			p.sequence++
		}
		batch, err := b.Finish()
		if err == nil {
			_, err = log.AppendLeader(batch, 0)
		}
		if err != nil {
			return err
		}
		if i%4 != 3 {
			continue
		}
		m := logstore.Marker{ProducerID: int64(i / 4 * 3 % len(producers)), CoordinatorEpoch: int32(i / 100), Commit: i%3 > 0}
		ended := &producers[m.ProducerID]
		if m.ProducerID%2 == 0 {
			ended.epoch++
			ended.sequence = 0
			m.TransactionVersion = 2
		}
		m.ProducerEpoch = ended.epoch
		if _, err := log.AppendMarker(m, 0); err != nil {
			return err
		}
	}
	return nil
}
