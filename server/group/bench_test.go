package group_test

import (
	"log/slog"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/group"
)

// BenchmarkCommit is a commit of one partition in os mode, without network or
// disk.
func BenchmarkCommit(b *testing.B) {
	config := logstore.DefaultConfig()
	config.Durability, config.Delete, config.Compact = logstore.OS, false, true
	store, err := logstore.Open(".", logstore.Options{FS: vfs.NewMem(), Log: config})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	log, err := store.Create(logstore.TopicPartition{Topic: group.Topic}, logstore.TopicID{1}, config)
	if err != nil {
		b.Fatal(err)
	}
	c := group.New(group.Options{Partitions: oneLog{log}, Logger: slog.New(slog.DiscardHandler)})
	defer c.Close()
	r := &group.CommitRequest{Group: "g", Generation: -1, Offsets: []group.CommitOffset{{Topic: "t", LeaderEpoch: -1, RetentionMs: -1}}}
	b.ReportAllocs()
	for b.Loop() {
		r.Offsets[0].Offset++
		c.Commit(r, func(err error) {
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

// oneLog is a topic of one partition.
type oneLog struct{ log *logstore.Log }

func (oneLog) Count() int32                               { return 1 }
func (o oneLog) Lead(int32) (*logstore.Log, int32, error) { return o.log, 1, nil }
