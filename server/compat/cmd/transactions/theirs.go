package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/logstore"
	"moldau/server/compat/broker"
	"moldau/server/compat/java"
)

const topic = "theirs"

// theirs lets clients write transactions to a real Kafka, and the engine open
// what it leaves.
func (j *judge) theirs(ctx context.Context, kafka *java.Kafka, dir string) error {
	port, err := broker.FreePort()
	if err != nil {
		return err
	}
	launch := broker.Launch{Dir: filepath.Join(dir, "kafka"), Port: port}
	running, err := broker.Start(ctx, launch)
	if err != nil {
		return err
	}
	open, err := writeToKafka(ctx, launch.Addr())
	for _, cl := range open {
		defer cl.Close()
	}
	var told stable
	if err == nil {
		told, err = fetchStable(ctx, launch.Addr())
	}
	running.Kill()
	if err != nil {
		return err
	}
	if err := j.left(ctx, kafka, "left by kill -9", launch.LogDir(), filepath.Join(dir, "killed"), told); err != nil {
		return err
	}
	// What it opens anew it closes cleanly.
	if running, err = broker.Start(ctx, launch); err != nil {
		return err
	}
	told, err = fetchStable(ctx, launch.Addr())
	if err = errors.Join(err, running.Stop()); err != nil {
		return err
	}
	return j.left(ctx, kafka, "closed cleanly", launch.LogDir(), filepath.Join(dir, "clean"), told)
}

// left opens a copy of what Kafka left with the engine.
func (j *judge) left(ctx context.Context, kafka *java.Kafka, how, logDir, dir string, told stable) error {
	if err := os.CopyFS(filepath.Join(dir, "logs"), os.DirFS(logDir)); err != nil {
		return err
	}
	name := logstore.TopicPartition{Topic: topic}
	partition := filepath.Join(dir, "logs", name.String())
	indexed, err := dumpedAborted(ctx, kafka, partition)
	if err != nil {
		return err
	}
	var snapshot []string
	clean := how == "closed cleanly"
	if clean {
		if snapshot, err = dumpedProducers(ctx, kafka, partition); err != nil {
			return err
		}
	}
	store, err := logstore.Open(dir, logstore.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	log, err := store.Log(name)
	if err != nil {
		return err
	}
	end := log.Offset(logstore.LogEnd)
	aborted, err := log.AbortedTransactions(nil, 0, end)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d segments, %d aborted, stable to %d of %d\n", how, len(log.Segments()), len(aborted), told.offset, end)
	j.same(how+": last stable offset", log.Offset(logstore.LastStable), told.offset)
	j.same(how+": aborted transactions, by Kafka's indexes", aborted, indexed)
	var below []begun
	for _, a := range aborted {
		if a.First < told.offset {
			below = append(below, begun{a.ProducerID, a.First})
		}
	}
	slices.SortFunc(below, begun.compare)
	j.same(how+": aborted transactions, by Kafka's Fetch", below, told.aborted)
	if clean {
		producers, err := producersOf(log)
		if err != nil {
			return err
		}
		j.same(how+": producers, by Kafka's snapshot", producers, snapshot)
	}
	n := 0
	for _, err := range log.Records(ctx, 0, logstore.LastStable) {
		if err != nil {
			return err
		}
		n++
	}
	j.same(how+": committed records", n, told.records)
	return nil
}

// writeToKafka writes with several producers by turns: committed, aborted and,
// returned for as long as they are to stay so, open transactions.
func writeToKafka(ctx context.Context, addr string) (open []*kgo.Client, err error) {
	admin, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	segmentBytes := "1048576"
	created, err := kadm.NewClient(admin).CreateTopic(ctx, 1, 1, map[string]*string{"segment.bytes": &segmentBytes}, topic)
	if err = errors.Join(err, created.Err); err != nil {
		return nil, err
	}
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	var clients []*kgo.Client
	for i, codec := range codecs {
		cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec),
			kgo.TransactionalID(fmt.Sprint("txn-", i)), kgo.ProducerBatchMaxBytes(64<<10))
		if err != nil {
			return clients, err
		}
		clients = append(clients, cl)
	}
	for round := range 12 {
		for i, cl := range clients { // all at once: their transactions overlap
			if err := writeSome(ctx, cl, round*len(clients)+i); err != nil {
				return clients, err
			}
		}
		for i, cl := range clients {
			if round == 11 && i == 2 {
				continue // stays open
			}
			if err := cl.EndTransaction(ctx, kgo.TransactionEndTry((round+i)%3 != 0)); err != nil {
				return clients, err
			}
		}
	}
	return clients, writeSome(ctx, clients[0], 1000) // and so does this one
}

func writeSome(ctx context.Context, cl *kgo.Client, n int) error {
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	noise := make([]byte, 8<<10)
	for i := range noise {
		noise[i] = byte((n*7919 + i*i) >> 3)
	}
	var records []*kgo.Record
	for i := range 20 {
		records = append(records, kgo.KeySliceRecord(fmt.Append(nil, n, i), noise))
	}
	return cl.ProduceSync(ctx, records...).FirstErr()
}
