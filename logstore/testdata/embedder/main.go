package main

import (
	"context"
	"fmt"
	"os"

	"moldau/logstore"
	"moldau/logstore/record"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: embedder DIRECTORY VALUE...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string, values []string) error {
	store, err := logstore.Open(dir, logstore.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "arguments"})
	if err != nil {
		return err
	}
	ctx := context.Background()
	for _, value := range values {
		if _, err := log.Append(ctx, record.Record{Value: []byte(value)}); err != nil {
			return err
		}
	}
	for r, err := range log.Records(ctx, log.StartOffset(), logstore.HighWatermark) {
		if err != nil {
			return err
		}
		fmt.Printf("%d %s\n", r.Offset, r.Value)
	}
	return nil
}
