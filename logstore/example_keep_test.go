package logstore_test

import (
	"context"
	"fmt"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// By default a log keeps seven days. This one keeps a megabyte, for as long as it
// likes, in segments of 64 KiB: what is deleted is whole segments.
func ExampleConfig_retention() {
	config := logstore.DefaultConfig()
	config.SegmentBytes, config.RetentionBytes, config.RetentionMs = 64<<10, 1<<20, -1
	store, err := logstore.Open("data", logstore.Options{
		FS:     vfs.NewMem(),
		Log:    config, // ConfigFor, if each log has its own
		Manual: true,   // for the example: otherwise the store keeps house by itself
	})
	try(err)
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "telemetry"})
	try(err)

	for range 2048 {
		_, err := log.Append(context.Background(), record.Record{Value: make([]byte, 1024)})
		try(err)
	}
	store.Housekeep(time.Now())
	fmt.Println("begins at 0:", log.StartOffset() == 0)
	fmt.Println("bytes, in 64 KiB:", log.Bytes()>>16)
	// Output:
	// begins at 0: false
	// bytes, in 64 KiB: 16
}

// A compacted log keeps of each key the newest record, for ever, and none of a key
// whose newest record has no value.
func ExampleConfig_compaction() {
	config := logstore.DefaultConfig()
	config.Compact, config.Delete = true, false
	config.SegmentBytes = 1024        // the last segment, which is written to, is not compacted
	config.MinCleanableDirtyRatio = 0 // whatever there is to do, do it
	config.DeleteRetentionMs = 0      // readers that are behind need not learn of what is gone
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem(), Log: config, Manual: true})
	try(err)
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "balances"})
	try(err)

	ctx := context.Background()
	for i := range 100 {
		_, err := log.Append(ctx, record.Record{Key: fmt.Append(nil, "account ", i%3), Value: fmt.Append(nil, i)})
		try(err)
	}
	_, err = log.Append(ctx, record.Record{Key: []byte("account 1")}) // a tombstone
	try(err)
	for i := range 2 { // it goes with the compaction after the one in which what it removes goes
		_, err = log.Append(ctx, record.Record{Key: fmt.Append(nil, "filler ", i), Value: make([]byte, 900)})
		try(err)
		store.Housekeep(time.Now()) // without Manual the store does these three by itself
		try(store.Checkpoint())
		fmt.Println("logs compacted:", store.Compact(time.Now()))
	}
	for r, err := range log.Records(ctx, 0, logstore.HighWatermark) {
		try(err)
		fmt.Printf("%d: %s\n", r.Offset, r.Key)
	}
	// Output:
	// logs compacted: 1
	// logs compacted: 1
	// 98: account 2
	// 99: account 0
	// 101: filler 0
	// 102: filler 1
}
