package logstore_test

import (
	"context"
	"fmt"
	"os"

	"moldau/logstore"
	"moldau/logstore/record"
)

func embed(ctx context.Context, dir string) error {
	store, err := logstore.Open(dir, logstore.Options{}) // made, if it is not there; recovered after a crash
	if err != nil {
		return err
	}
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "orders"})
	if err != nil {
		return err
	}
	first, err := log.Append(ctx, record.Record{Key: []byte("4711"), Value: []byte("two of them")})
	if err != nil {
		return err // otherwise it is durable
	}
	for r, err := range log.Records(ctx, first, logstore.HighWatermark) { // Follow waits for more
		if err != nil {
			return err
		}
		fmt.Printf("%d: %s, %s\n", r.Offset, r.Key, r.Value)
	}
	return nil
}

// A program that keeps records in a directory, and reads them.
func Example() {
	dir, err := os.MkdirTemp("", "")
	try(err)
	defer os.RemoveAll(dir)
	for range 2 { // as two runs of a program
		try(embed(context.Background(), dir))
	}
	// Output:
	// 0: 4711, two of them
	// 1: 4711, two of them
}

// try is for what the examples do not expect to fail.
func try(err error) {
	if err != nil {
		panic(err)
	}
}
