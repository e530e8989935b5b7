package logstore_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// Records are read from an offset on; which one is the first of a time the log
// looks up.
func ExampleLog_Records() {
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem()})
	try(err)
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "ticks"})
	try(err)
	ctx := context.Background()
	startMs := time.Now().UnixMilli() - 5000 // what is older than Config.RetentionMs goes at once
	for i := range int64(5) {
		_, err := log.Append(ctx, record.Record{TimestampMs: startMs + 1000*i, Value: fmt.Append(nil, "tick ", i)})
		try(err)
	}

	at, ok, err := log.OffsetForTimestamp(startMs + 2500)
	try(err)
	if !ok {
		return // all records are older
	}
	for r, err := range log.Records(ctx, at.Offset, logstore.HighWatermark) {
		try(err)
		fmt.Printf("%d: %s\n", r.Offset, r.Value)
	}
	// Output:
	// 3: tick 3
	// 4: tick 4
}

// Follow yields what is there, then what comes, until its context ends.
func ExampleLog_Follow() {
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem()})
	try(err)
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "orders"})
	try(err)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	go func() {
		for i := range 3 {
			_, err := log.Append(context.Background(), record.Record{Value: fmt.Append(nil, "order ", i)})
			try(err)
		}
	}()
	for r, err := range log.Follow(ctx, log.StartOffset(), logstore.HighWatermark) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d: %s\n", r.Offset, r.Value)
		if r.Offset == 2 {
			stop()
		}
	}
	// Output:
	// 0: order 0
	// 1: order 1
	// 2: order 2
	// context canceled
}

// The API beneath plans a read and copies nothing: what it returns are parts of
// files, to be sent by sendfile, or read.
func ExampleLog_Read() {
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem()})
	try(err)
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "orders"})
	try(err)
	_, err = log.Append(context.Background(), record.Record{Value: []byte("a")}, record.Record{Value: []byte("b")})
	try(err)

	var fetch logstore.Fetch // reused, it allocates nothing
	try(log.Read(&fetch, 1, logstore.HighWatermark, 1<<20, true))
	defer fetch.Release() // files that were retired meanwhile are closed then
	for _, section := range fetch.Sections {
		batches, err := io.ReadAll(io.NewSectionReader(section.File, section.Offset, int64(section.Length)))
		try(err)
		batch, _, err := record.Next(batches)
		try(err)
		try(batch.Check()) // nobody else has looked at it
		fmt.Println("offsets", batch.BaseOffset(), "to", batch.LastOffset())
	}
	// Output:
	// offsets 0 to 1
}

// One waiter watches any number of logs.
func ExampleLog_Watch() {
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem()})
	try(err)
	defer store.Close()
	var logs []*logstore.Log
	waiter := logstore.NewWaiter()
	for partition := range int32(100) {
		log, err := store.OpenLog(logstore.TopicPartition{Topic: "orders", Partition: partition})
		try(err)
		log.Watch(logstore.HighWatermark, 0, waiter) // once it is above 0
		defer log.Unwatch(waiter)
		logs = append(logs, log)
	}

	_, err = logs[42].Append(context.Background(), record.Record{Value: []byte("a")})
	try(err)
	<-waiter.C // says: look again
	for _, log := range logs {
		if end := log.Offset(logstore.HighWatermark); end > 0 {
			fmt.Println(log.Name(), "goes to", end)
		}
	}
	// Output:
	// orders-42 goes to 1
}

// A directory that somebody else writes in, or Apache Kafka, can be looked at.
func ExampleOptions_readOnly() {
	dir, err := os.MkdirTemp("", "")
	try(err)
	defer os.RemoveAll(dir)
	ctx := context.Background()
	writer, err := logstore.Open(dir, logstore.Options{}) // as if in another process
	try(err)
	defer writer.Close()
	log, err := writer.OpenLog(logstore.TopicPartition{Topic: "orders"})
	try(err)
	_, err = log.Append(ctx, record.Record{Value: []byte("a")})
	try(err)

	reader, err := logstore.Open(dir, logstore.Options{ReadOnly: true})
	try(err)
	defer reader.Close()
	for _, log := range reader.Logs() {
		fmt.Println(log.Name(), "as it was found, to", log.Offset(logstore.HighWatermark))
	}
	_, err = reader.OpenLog(logstore.TopicPartition{Topic: "new"})
	fmt.Println(err)
	// Output:
	// orders-0 as it was found, to 1
	// logstore: new-0: no such log
}
