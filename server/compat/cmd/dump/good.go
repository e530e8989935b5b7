package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/broker"
)

const plantedTopic = "planted"

// goodPartition lets a real Kafka write a partition of several segments, with
// producer snapshots and an aborted transaction in the first one, and returns
// its directory after a clean close.
func goodPartition(ctx context.Context, dir string) (string, error) {
	port, err := broker.FreePort()
	if err != nil {
		return "", err
	}
	kafka, err := broker.Start(ctx, broker.Launch{Dir: dir, Port: port})
	if err != nil {
		return "", err
	}
	if err := errors.Join(fill(ctx, kafka.Addr()), kafka.Stop()); err != nil {
		return "", err
	}
	return filepath.Join(kafka.LogDir(), plantedTopic+"-0"), nil
}

func fill(ctx context.Context, addr string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(plantedTopic),
		kgo.TransactionalID("dump-self-test"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer cl.Close()
	segmentBytes := "1048576" // the least that Kafka takes
	created, err := kadm.NewClient(cl).CreateTopic(ctx, 1, 1, map[string]*string{"segment.bytes": &segmentBytes}, plantedTopic)
	if err = errors.Join(err, created.Err); err != nil {
		return err
	}
	// One aborted transaction first, then enough committed data for a second segment.
	start := time.Now().Add(-time.Hour)
	for transaction := range 9 {
		if err := cl.BeginTransaction(); err != nil {
			return err
		}
		for batch := range 20 {
			at := start.Add(time.Duration(transaction*20+batch) * time.Second)
			if err := cl.ProduceSync(ctx, batchOf(at)...).FirstErr(); err != nil {
				return fmt.Errorf("produce: %w", err)
			}
		}
		if err := cl.EndTransaction(ctx, kgo.TransactionEndTry(transaction > 0)); err != nil {
			return err
		}
	}
	return smallTransaction(ctx, cl)
}

// smallTransaction ends the log with batches below the index interval.
func smallTransaction(ctx context.Context, cl *kgo.Client) error {
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	for range 2 {
		if err := cl.ProduceSync(ctx, kgo.StringRecord("small")).FirstErr(); err != nil {
			return err
		}
	}
	return cl.EndTransaction(ctx, kgo.TryCommit)
}

// batchOf is about 10 KiB of records whose values show where a flipped byte lies.
func batchOf(at time.Time) []*kgo.Record {
	var records []*kgo.Record
	for i := range 10 {
		records = append(records, &kgo.Record{
			Timestamp: at.Add(time.Duration(i) * time.Millisecond),
			Value:     bytes.Repeat([]byte{byte('a' + i)}, 1000),
		})
	}
	return records
}

// copyPartition copies a partition's directory under the topic's name, which
// decides whether gaps are legal.
func copyPartition(from, under string) (string, error) {
	to := filepath.Join(under, filepath.Base(from))
	return to, copyTo(from, to)
}

func copyTo(from, to string) error { return os.CopyFS(to, os.DirFS(from)) }
