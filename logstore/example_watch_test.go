package logstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// The engine does not log: it tells what it does by itself, and the embedder
// decides which of it is worth a line.
func ExampleOptions_events() {
	disk := vfs.NewMem()
	options := logstore.Options{FS: disk, Events: func(e logstore.Event) {
		switch e := e.(type) {
		case logstore.LogRecovered:
			fmt.Println("recovered", e.Log, "up to offset", e.End)
		case logstore.LogPoisoned:
			fmt.Println("no more appends to", e.Log, "because of", e.Err)
		default: // there are more, and may be others tomorrow
			fmt.Printf("%T %+v\n", e, e)
		}
	}}
	store, err := logstore.Open("data", options)
	try(err)
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "orders"})
	try(err)
	_, err = log.Append(context.Background(), record.Record{Value: []byte("a")})
	try(err)

	options.FS = disk.Crash() // the power goes
	_ = store.Close()
	store, err = logstore.Open("data", options)
	try(err)
	try(store.Close())
	// Output:
	// recovered orders-0 up to offset 1
}

// Counters rise, and Usage is what there is: both are made for a metrics endpoint
// that asks every few seconds.
func ExampleStore_Counters() {
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem()})
	try(err)
	defer store.Close()
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "orders"})
	try(err)
	for range 10 {
		_, err = log.Append(context.Background(), record.Record{Value: []byte("a")})
		try(err)
	}

	counters, usage := store.Counters(), store.Usage()
	fmt.Println(counters.Appends, "appends,", counters.Syncs.Count(), "syncs,", counters.SyncFailures, "failed")
	fmt.Println(usage.Logs, "log,", usage.Segments, "segment,", usage.Bytes, "bytes")
	// Output:
	// 10 appends, 10 syncs, 0 failed
	// 1 log, 1 segment, 690 bytes
}

// Check reads all of a directory that nobody has open, and trusts none of it.
func ExampleCheck() {
	dir, err := os.MkdirTemp("", "")
	try(err)
	defer os.RemoveAll(dir)
	store, err := logstore.Open(dir, logstore.Options{})
	try(err)
	log, err := store.OpenLog(logstore.TopicPartition{Topic: "orders"})
	try(err)
	_, err = log.Append(context.Background(), record.Record{Value: []byte("two of them")})
	try(err)
	try(store.Close())

	report, err := logstore.Check(nil, dir, logstore.CheckOptions{})
	try(err)
	fmt.Println(report.Records, "records,", report.Faults(), "faults")

	segment := filepath.Join(dir, "logs", "orders-0", "00000000000000000000.log")
	data, err := os.ReadFile(segment)
	try(err)
	data[len(data)-2] ^= 1 // as a disk may
	try(os.WriteFile(segment, data, 0o644))
	report, err = logstore.Check(nil, dir, logstore.CheckOptions{})
	try(err)
	for _, f := range report.Findings {
		fmt.Println(f.Severity, "at byte", f.Offset, "of", filepath.Base(f.File)+":", f.Text)
	}
	// Output:
	// 1 records, 0 faults
	// fault at byte 0 of 00000000000000000000.log: record batch fails its CRC-32C
}
