package embedded

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"moldau/bench/result"
	"moldau/logstore"
	"moldau/logstore/record"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// allocated is the goal of an operation that allocates nothing itself. What runs
// beside it is counted, too: some tens of allocations in a block, however many
// operations that has.
const allocated = 0.05

const limit = "crc-pwrite"

// limitRows are the engine's batch-level API beside the least it could cost.
func limitRows(o *options) []row {
	var rows []row
	for _, size := range []struct {
		kib  int
		goal float64
	}{{4, 0.60}, {64, 0.85}} {
		batch := batchOf(size.kib << 10)
		operations := o.appended / int64(len(batch))
		rows = append(rows, row{
			name: fmt.Sprintf("append batches of %d KiB", size.kib), durability: "os", headline: result.BytesPerSecond, perOp: int64(len(batch)),
			goals: []result.Goal{
				{System: moldau, Metric: result.BytesPerSecond, Against: limit, AtLeast: size.goal},
				{System: moldau, Metric: result.Allocations, AtMost: allocated},
			},
			systems: []system{
				{moldau, false, "AppendLeader", func(dir string, t *stopwatch) (int64, error) { return appendBatches(dir, batch, operations, t) }},
				{limit, true, "CRC-32C of the same bytes and one pwrite", func(dir string, t *stopwatch) (int64, error) { return writeBatches(dir, batch, operations, t) }},
			},
		})
	}
	batch := batchOf(4 << 10)
	return append(rows, row{
		name: "plan a read of 4 KiB", durability: "os", headline: result.TimePerOp, perOp: int64(len(batch)),
		goals:   []result.Goal{{System: moldau, Metric: result.Allocations, AtMost: allocated}},
		systems: []system{{moldau, false, "Log.Read", func(dir string, t *stopwatch) (int64, error) { return planReads(dir, batch, t) }}},
	})
}

// batchOf is a batch of about that many bytes, of records of 1 KiB.
func batchOf(bytes int) record.Batch {
	b := record.NewBuilder(record.BuilderOptions{})
	for b.Size() <= bytes-recordBytes {
		b.Append(1_700_000_000_000, nil, make([]byte, recordBytes-8))
	}
	batch, err := b.Finish()
	if err != nil {
		panic(err) // it is a constant
	}
	return batch
}

func openLog(dir string) (*logstore.Store, *logstore.Log, error) {
	c := logstore.DefaultConfig()
	c.Durability, c.RetentionMs = logstore.OS, -1
	s, err := logstore.Open(dir, logstore.Options{Log: c})
	if err != nil {
		return nil, nil, err
	}
	l, err := s.OpenLog(logstore.TopicPartition{Topic: "batches"})
	return s, l, err
}

func appendBatches(dir string, batch record.Batch, operations int64, t *stopwatch) (int64, error) {
	s, l, err := openLog(dir)
	if err != nil {
		return 0, err
	}
	t.start()
	for range operations {
		if _, err := l.AppendLeader(batch, 0); err != nil {
			return 0, err
		}
	}
	t.stop()
	return operations, s.Close()
}

func writeBatches(dir string, batch record.Batch, operations int64, t *stopwatch) (int64, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	f, err := os.Create(filepath.Join(dir, "batches"))
	if err != nil {
		return 0, err
	}
	at := int64(0)
	t.start()
	for range operations {
		// As whoever is given a batch has to: the CRC is compared, and what it covers
		// begins behind it.
		if crc32.Checksum(batch[21:], castagnoli) != batch.CRC() {
			return 0, record.ErrCRC
		}
		if _, err := f.WriteAt(batch, at); err != nil {
			return 0, err
		}
		at += int64(len(batch))
	}
	t.stop()
	return operations, errors.Join(f.Sync(), f.Close()) // the engine's close syncs too
}

func planReads(dir string, batch record.Batch, t *stopwatch) (int64, error) {
	const operations = 100_000
	s, l, err := openLog(dir)
	if err != nil {
		return 0, err
	}
	for range 4096 {
		if _, err := l.AppendLeader(batch, 0); err != nil {
			return 0, err
		}
	}
	end := l.Offset(logstore.HighWatermark)
	var f logstore.Fetch
	t.start()
	for i := range int64(operations) {
		if err := l.Read(&f, i*7919%end, logstore.HighWatermark, 4<<10, true); err != nil {
			return 0, err
		}
		f.Release()
	}
	t.stop()
	return operations, s.Close()
}
