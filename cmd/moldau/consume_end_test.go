package main

import (
	"slices"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/server"
	"moldau/server/servertest"
)

// compacted has three partitions of one record "v" each, that end in the marker
// of a transaction, in a batch that compaction has emptied, and in one without
// its last records.
func compacted(t *testing.T) session {
	t.Helper()
	b := servertest.Start(t, server.Config{Properties: map[string]string{
		"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "1",
	}})
	s := session{t, b.Addr()}
	s.done("topic", "create", "t", "--partitions", "3")
	for _, p := range []string{"0", "1", "2"} {
		s.want(exitDone, "v\n", "produce", "t", "-p", p)
	}
	b.Close()
	store, err := logstore.Open(b.DataDir(), logstore.Options{Manual: true, Log: logstore.DefaultConfig()})
	if err != nil {
		t.Fatal(err)
	}
	logOf := func(p int32) *logstore.Log {
		l, err := store.Log(logstore.TopicPartition{Topic: "t", Partition: p})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if _, err := logOf(0).AppendMarker(logstore.Marker{ProducerID: 9, Commit: true}, logOf(0).LatestEpoch()); err != nil {
		t.Fatal(err)
	}
	for p, kept := range map[int32]int{1: 0, 2: 1} {
		batch := record.NewBuilder(record.BuilderOptions{BaseOffset: 1, LastOffsetDeltaMin: 4, LeaderEpoch: logOf(p).LatestEpoch()})
		batch.Append(1000, nil, []byte("w"))
		built, err := batch.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if kept == 0 {
			built = record.AppendEmpty(nil, built)
		}
		if _, err := logOf(p).AppendFollower(built); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	b.Restart()
	return s
}

// Where a partition ends is an offset. No record need stand before it.
func TestConsumeUntilAnEndWithoutARecord(t *testing.T) {
	s := compacted(t)
	for _, c := range []struct{ args, want string }{
		{"-o beginning", "v v v w"},
		{"-o 2 -p 1,2", ""}, // nothing but what is left of a batch
		{"-o beginning -g g", "v v v w"},
		{"-o beginning -g g", ""}, // goes on where the first has ended
	} {
		got := strings.Fields(s.done(append([]string{"consume", "t", "-e"}, strings.Fields(c.args)...)...))
		if slices.Sort(got); strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.args, got, c.want)
		}
	}
	if got, want := s.offsets("g"), "t-0=2 t-1=6 t-2=6"; got != want {
		t.Errorf("committed is %s, want %s", got, want)
	}
}
