package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: truncate DIR")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "truncate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	name := logstore.TopicPartition{Topic: "truncated"}
	config := logstore.DefaultConfig()
	config.SegmentBytes, config.Durability = 64<<10, logstore.OS
	options := logstore.Options{Log: config}
	store, err := logstore.Open(dir, options)
	if err != nil {
		return err
	}
	log, err := store.Create(name, logstore.TopicID{1}, config)
	if err != nil {
		return err
	}
	// Into the active segment, to a segment's middle, over several segments, to
	// nothing at all; each time something is appended behind the cut.
	for _, keep := range []int64{2990, 2100, 700, 0, 300} {
		if err := fill(ctx, log, 3000); err != nil {
			return err
		}
		if err := log.TruncateTo(keep); err != nil {
			return err
		}
		// A batch that holds the offset goes as a whole.
		if end := log.Offset(logstore.LogEnd); end > keep || end < keep-9 {
			return fmt.Errorf("truncated to %d, ends at %d", keep, end)
		}
	}
	if err := store.Close(); err != nil {
		return err
	}
	if store, err = logstore.Open(dir, options); err != nil {
		return err
	}
	if log, err = store.Log(name); err != nil {
		return err
	}
	if err := fill(ctx, log, 2000); err != nil {
		return err
	}
	if err := log.AdvanceStart(500); err != nil {
		return err
	}
	return store.Close()
}

// fill appends batches of one to nine records until the log ends at or past end.
func fill(ctx context.Context, log *logstore.Log, end int64) error {
	at := time.Now().UnixMilli() - 3_000_000
	for n := log.Offset(logstore.LogEnd); n < end; n = log.Offset(logstore.LogEnd) {
		var records []record.Record
		for i := range 1 + n%9 {
			// Times fall now and then: the time index must not.
			records = append(records, record.Record{TimestampMs: at + n*10 - n%7*100, Value: bytes.Repeat([]byte{byte(i)}, int(n%400))})
		}
		if _, err := log.Append(ctx, records...); err != nil {
			return err
		}
	}
	return nil
}
