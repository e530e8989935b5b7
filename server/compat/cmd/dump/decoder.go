package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/broker"
	"moldau/server/compat/dumplog"
	"moldau/server/compat/java"
)

// foreign are records that no group coordinator writes. Each is produced to a
// topic of its own, whose partition is then shown to the tool as one of the
// offsets topic: a copy with spoilt bytes would fail by its CRC already.
var foreign = []struct {
	name       string
	key, value []byte
}{
	{"a record without key", nil, []byte("x")},
	{"a key that is text", []byte("key"), []byte("value")},
	{"a key of an unknown type", []byte{0, 99, 0, 0}, []byte{0, 0}},
	{"a commit's key cut short", []byte{0, 1, 0, 1, 'g', 0}, []byte{0, 3}},
	{"a commit whose value is cut short", commitKey, []byte{0, 3, 0, 0}},
	{"a commit whose value has another version", commitKey, []byte{0, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	{"a group whose value is cut short", []byte{0, 2, 0, 1, 'g'}, []byte{0, 3, 0, 8, 'c'}},
}

// commitKey is type 1, group "g", topic "t", partition 0.
var commitKey = []byte{0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 0}

// plantForeign shows that what cannot be decoded is reported, and that what
// Kafka itself wrote is not. missed is how many it got wrong.
func plantForeign(ctx context.Context, kafka *java.Kafka, dir string) (missed int, err error) {
	port, err := broker.FreePort()
	if err != nil {
		return 0, err
	}
	b, err := broker.Start(ctx, broker.Launch{Dir: filepath.Join(dir, "offsets"), Port: port, Properties: []string{"offsets.topic.num.partitions=1"}})
	if err != nil {
		return 0, err
	}
	if err := errors.Join(fillForeign(ctx, b.Addr()), b.Stop()); err != nil {
		return 0, err
	}
	partitions := []string{filepath.Join(b.LogDir(), dumplog.OffsetsTopic+"-0")}
	for i := range foreign {
		to := filepath.Join(dir, fmt.Sprintf("foreign-%d", i), dumplog.OffsetsTopic+"-0")
		if err := copyTo(filepath.Join(b.LogDir(), fmt.Sprintf("foreign-%d-0", i)), to); err != nil {
			return 0, err
		}
		partitions = append(partitions, to)
	}
	report, err := dumplog.Check(ctx, kafka, partitions, dumplog.Options{})
	if err != nil {
		return 0, err
	}
	reported := map[string]bool{}
	for _, f := range report.Findings {
		reported[filepath.Dir(f.File)] = true
	}
	verdict := func(name, partition string, want bool) {
		if reported[partition] != want {
			missed++
			fmt.Printf("MISSED    %s; findings: %v\n", name, report.Findings)
			return
		}
		fmt.Printf("%-9s %s\n", map[bool]string{true: "reported", false: "silent"}[want], name)
	}
	verdict("commits and a group of Kafka's own", partitions[0], false)
	for i := range foreign {
		verdict("decoder: "+foreign[i].name, partitions[i+1], true)
	}
	if report.Decoded.Commits == 0 || report.Decoded.Groups == 0 {
		missed++
		fmt.Printf("MISSED    Kafka's own commits and groups: decoded %+v\n", report.Decoded)
	}
	return missed, nil
}

// fillForeign has a group of Kafka's own consume and commit, and produces the
// foreign records.
func fillForeign(ctx context.Context, addr string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("foreign-0"),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	for i := range foreign {
		topic := fmt.Sprintf("foreign-%d", i)
		created, err := admin.CreateTopic(ctx, 1, 1, nil, topic)
		if err := errors.Join(err, created.Err); err != nil {
			return err
		}
		r := &kgo.Record{Topic: topic, Key: foreign[i].key, Value: foreign[i].value}
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			return err
		}
	}
	for {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil && !strings.Contains(err.Error(), "UNKNOWN_TOPIC") {
			return err
		}
		if fetches.NumRecords() > 0 {
			return cl.CommitUncommittedOffsets(ctx)
		}
	}
}
