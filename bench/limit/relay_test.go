package limit_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/bench/limit"
	"moldau/bench/wire"
)

func relayed(t *testing.T, synced bool) (addr, dir string, end func() error) {
	dir = t.TempDir()
	addr, end = served(t, func(ctx context.Context, l net.Listener) error { return limit.ServeRelay(ctx, l, dir, synced) })
	return addr, dir, end
}

// What was produced is handed out byte by byte, synced or not; topics do not mix.
func TestRelayHandsOutWhatItTook(t *testing.T) {
	for _, synced := range []bool{false, true} {
		addr, dir, end := relayed(t, synced)
		batch, records := wire.Batch(1024, 16<<10) // above what a connection has for requests
		const requests = 4
		producer := dial(t, addr)
		acknowledged(t, producer, wire.NewProduce("topic", []int32{0}, batch, records), requests)
		acknowledged(t, producer, wire.NewProduce("other", []int32{0}, batch, records), 1)
		conn := dial(t, addr)
		if code, err := wire.AutoCreate(conn, "topic", 7); err != nil || code != 0 {
			t.Fatalf("code %d, %v", code, err)
		}
		fetch := wire.NewFetch("topic", []int64{1 << 40}, 2*int32(len(batch)), len(batch), records)
		for id := range int32(requests / 2) {
			if err := fetch.Send(conn, id); err != nil {
				t.Fatal(err)
			}
			if bytes, has, err := fetch.Receive(conn, id); err != nil || bytes != 2*int64(len(batch)) || has != 2*int64(records) {
				t.Fatalf("%d bytes, %d records: %v", bytes, has, err)
			}
		}
		for i, n := range []int{requests, 1} {
			if kept, err := os.ReadFile(filepath.Join(dir, []string{"relay-0", "relay-1"}[i])); err != nil || !bytes.Equal(kept, bytes.Repeat(batch, n)) {
				t.Errorf("file %d has %d bytes: %v", i, len(kept), err)
			}
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	}
}

// A fetch from an offset gets what lies there and no more than it asks for, but one
// batch; who waits no longer gets nothing.
func TestRelayAnswersFromAnOffset(t *testing.T) {
	addr, _, end := relayed(t, false)
	batch, records := wire.Batch(100, 1000)
	acknowledged(t, dial(t, addr), wire.NewProduce("topic", []int32{0}, batch, records), 5)
	conn := dial(t, addr)
	for id, c := range []struct{ batches, bytesMax, got int }{{0, 1 << 20, 5}, {3, 1 << 20, 2}, {1, 2*len(batch) + 1, 2}, {1, 1, 1}, {5, 1 << 20, 0}, {9, 1 << 20, 0}} {
		req := kmsg.NewFetchRequest()
		req.Version, req.MaxBytes = 11, 1<<20
		topic := kmsg.NewFetchRequestTopic()
		topic.Topic = "topic"
		part := kmsg.NewFetchRequestTopicPartition()
		part.FetchOffset, part.PartitionMaxBytes = int64(c.batches*records), int32(c.bytesMax)
		topic.Partitions = append(topic.Partitions, part)
		req.Topics = append(req.Topics, topic)
		if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, &req, int32(id))); err != nil {
			t.Fatal(err)
		}
		if got := answer(t, conn, int32(id)).Topics[0].Partitions[0].RecordBatches; !bytes.Equal(got, bytes.Repeat(batch, c.got)) {
			t.Errorf("%+v: %d bytes", c, len(got))
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// What is no request ends its connection, and so does a batch of another size, which is
// not kept.
func TestRelayChecks(t *testing.T) {
	addr, dir, end := relayed(t, false)
	batch, records := wire.Batch(100, 1000)
	acknowledged(t, dial(t, addr), wire.NewProduce("topic", []int32{0}, batch, records), 1)
	for _, bad := range []func(*wire.Conn) error{
		func(c *wire.Conn) error { _, err := c.Write(make([]byte, 4)); return err },
		func(c *wire.Conn) error {
			larger, records := wire.Batch(100, 2000)
			return wire.NewProduce("topic", []int32{0}, larger, records).Send(c, 1)
		},
	} {
		conn := dial(t, addr)
		if err := bad(conn); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a bad request: %v", err)
		}
	}
	if err := end(); err == nil {
		t.Error("the program saw nothing wrong")
	}
	if kept, err := os.ReadFile(filepath.Join(dir, "relay-0")); err != nil || !bytes.Equal(kept, batch) {
		t.Errorf("%d bytes, %v", len(kept), err)
	}
}

// Commits are taken, several in one write too, and are in the file.
func TestIngestTakesCommits(t *testing.T) {
	dir := t.TempDir()
	addr, end := served(t, func(ctx context.Context, l net.Listener) error { return limit.ServeIngest(ctx, l, dir) })
	conn := dial(t, addr)
	commit := wire.NewCommit("group", "member", 3, "topic", 5)
	if _, err := conn.Write(commit.Append(commit.Append(nil, 1), 2)); err != nil {
		t.Fatal(err)
	}
	for id := int32(1); id <= 2; id++ {
		if err := commit.Receive(conn, id); err != nil {
			t.Error(err)
		}
	}
	if kept, err := os.ReadFile(filepath.Join(dir, "ingest-1")); err != nil || bytes.Count(kept, []byte("group")) != 2 {
		t.Errorf("%q, %v", kept, err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// Each partition of each topic has a file, with its batches alone.
func TestSpreadHasAFileForEachPartition(t *testing.T) {
	dir := t.TempDir()
	addr, end := served(t, func(ctx context.Context, l net.Listener) error { return limit.ServeSpread(ctx, l, dir) })
	conn := dial(t, addr)
	var want []string
	for i, to := range []struct {
		topic     string
		partition int32
	}{{"topic", 0}, {"topic", 7}, {"other", 7}} {
		batch, records := wire.Batch(100*(i+1), 4<<10)
		acknowledged(t, conn, wire.NewProduce(to.topic, []int32{to.partition}, batch, records), 3)
		want = append(want, string(bytes.Repeat(batch, 3)))
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) != len(want) {
		t.Errorf("%q, %v", names, err)
	}
	for i := range want {
		if kept, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("spread-%d", i))); err != nil || string(kept) != want[i] {
			t.Errorf("file %d has %d bytes: %v", i, len(kept), err)
		}
	}
}
