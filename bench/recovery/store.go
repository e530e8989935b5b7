package recovery

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"moldau/bench/disk"
	"moldau/bench/wire"
	"moldau/logstore"
)

// shape is how a store is opened.
type shape struct {
	Dir          string
	Logs         int
	SegmentBytes int64
	JournalBytes int64
	// Never leaves flushing to the operating system and sealing to nobody.
	Never bool
}

func partition(log int) logstore.TopicPartition {
	return logstore.TopicPartition{Topic: "recovery", Partition: int32(log)}
}

// logDir is where a log's files are.
func (s shape) logDir(log int) string {
	return filepath.Join(s.Dir, "logs", partition(log).String())
}

// segments are the names of a log's data files, oldest first.
func (s shape) segments(log int) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(s.logDir(log), "*.log"))
	slices.Sort(names)
	return names, err
}

func (s shape) options() (logstore.Options, error) {
	c := logstore.DefaultConfig()
	if s.SegmentBytes > 0 {
		c.SegmentBytes = s.SegmentBytes
	}
	o := logstore.Options{Manual: s.Never, CheckpointMs: math.MaxInt32}
	if s.Never {
		c.Durability = logstore.OS
	}
	o.Log = c
	return o, disk.BoundJournal(&o, s.JournalBytes)
}

// batchOf is a batch of records of 1 KiB, about as long as asked for.
func batchOf(bytes int) []byte {
	batch, _ := wire.Batch(min(bytes, 1<<10), bytes)
	return batch
}

// log finds a log, or makes it.
func log(s *logstore.Store, i int, c logstore.Config) (*logstore.Log, error) {
	l, err := s.Log(partition(i))
	if err == nil {
		return l, nil
	}
	if l, err = s.Create(partition(i), logstore.TopicID{}, c); err != nil {
		return nil, fmt.Errorf("log %d: %w", i, err)
	}
	return l, nil
}
