package logstore_test

import (
	"context"
	"fmt"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// Records that are appended together are one batch: there all of them, or none.
func ExampleLog_Append() {
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem()}) // without FS: on disk
	try(err)
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "orders"})
	try(err)

	first, err := log.Append(context.Background(),
		record.Record{Key: []byte("4711"), Value: []byte("ordered"), Headers: []record.Header{{Key: []byte("from"), Value: []byte("web")}}},
		record.Record{Key: []byte("4711"), Value: []byte("paid")},
		record.Record{Key: []byte("4711"), TimestampMs: time.Now().UnixMilli() - 1000}, // null value, a time of its own
	)
	try(err)
	fmt.Println("from offset", first, "to", log.Offset(logstore.HighWatermark))
	// Output:
	// from offset 0 to 3
}

// What may have been appended before is appended once, if its records have numbers.
// A copier that was stopped anywhere asks the log how far it had come.
func ExampleLog_AppendOnce() {
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem()})
	try(err)
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "copy"})
	try(err)

	ctx := context.Background()
	source := []string{"a", "b", "c", "d"}
	const copier = 7 // the producer's id
	appendLine := func(n int) int64 {
		at, err := log.AppendOnce(ctx, record.Producer{ID: copier, BaseSequence: int32(n)}, record.Record{Value: []byte(source[n])})
		try(err)
		return at
	}
	fmt.Println(appendLine(0), appendLine(1), appendLine(1)) // the answer to the second was lost

	next := 0 // as after a restart
	producers, err := log.Producers()
	try(err)
	for _, p := range producers {
		if p.ID == copier {
			next = int(p.LastSequence) + 1
		}
	}
	for n := next; n < len(source); n++ {
		appendLine(n)
	}
	for r, err := range log.Records(ctx, 0, logstore.HighWatermark) {
		try(err)
		fmt.Printf("%d: %s\n", r.Offset, r.Value)
	}
	// Output:
	// 0 1 1
	// 0: a
	// 1: b
	// 2: c
	// 3: d
}

// The API beneath takes whole batches, compressed if they are to be, and does not
// wait: who has many under way waits for the last.
func ExampleLog_AppendLeader() {
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem()})
	try(err)
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "lines"})
	try(err)

	builder := record.NewBuilder(record.BuilderOptions{})
	var last int64
	nowMs := time.Now().UnixMilli()
	for range 3 {
		builder.Reset(record.BuilderOptions{Codec: record.Zstd}) // reuses the memory
		for range 1000 {
			builder.Append(nowMs, nil, []byte("the same line"))
		}
		batch, err := builder.Finish()
		try(err)
		appended, err := log.AppendLeader(batch, 0) // offsets are written into it
		try(err)
		fmt.Println(appended.First, "to", appended.Last)
		last = appended.Last
	}
	try(log.Wait(context.Background(), logstore.Durable, last+1))
	// Output:
	// 0 to 999
	// 1000 to 1999
	// 2000 to 2999
}
