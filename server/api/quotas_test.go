package api_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
	"moldau/server/wire"
)

// until waits for the broker to count something.
func until(t *testing.T, b *servertest.Broker, what string, so func(wire.Counters) bool) {
	t.Helper()
	for ctx := contextFor(t); !so(b.Server().Counters()); runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatalf("%s: counted %+v", what, b.Server().Counters())
		}
	}
}

// Every quota has a finite default, which DescribeConfigs shows and a file sets.
func TestQuotasAreConfigs(t *testing.T) {
	defaults := map[string]string{
		"connections.max.idle.ms":                   "600000",
		"max.connection.creation.rate":              "5000",
		"max.connections.per.ip":                    "10000",
		"max.connections.per.ip.overrides":          "",
		"max.incremental.fetch.session.cache.slots": "1000",
		"moldau.connections.read.timeout.ms":        "30000",
		"moldau.connections.replies.max":            "64",
		"moldau.connections.write.timeout.ms":       "120000",
		"moldau.fetch.read.ahead.bytes":             "2097152",
		"moldau.fetch.sessions.bytes.max":           "67108864",
		"moldau.fetch.waits.bytes.max":              "67108864",
		"moldau.replies.bytes.max":                  "67108864",
		"queued.max.request.bytes":                  "268435456",
		"socket.request.max.bytes":                  "104857600",
	}
	set := map[string]string{}
	for name := range defaults {
		set[name] = "123456"
	}
	set["max.connections.per.ip.overrides"] = "127.0.0.1:5"
	for _, r := range []struct{ set, want map[string]string }{{nil, defaults}, {set, set}} {
		c := start(t, r.set).Dial()
		for name, want := range r.want {
			got := describe(c, 4, brokerResource, "1", name)
			if len(got.Configs) != 1 || *got.Configs[0].Value != want || got.Configs[0].Documentation == nil {
				t.Errorf("%s: %+v, want %s", name, got.Configs, want)
			}
		}
	}
}

func TestConnectionsOfAnAddressChangeAtRunTime(t *testing.T) {
	b := start(t)
	c := b.Dial()
	set := func(key, value string) {
		t.Helper()
		if got := incremental(c, 1, false, brokerResource, "", setTo(key, value)); got.ErrorCode != 0 {
			t.Fatalf("%s=%s: error code %d, %s", key, value, got.ErrorCode, *got.ErrorMessage)
		}
	}
	ok := func() *servertest.Client {
		t.Helper()
		more := b.Dial()
		describe(more, 4, brokerResource, "1", "node.id")
		return more
	}
	ok().Close()
	set("max.connections.per.ip", "1")
	b.Dial().Closed()
	set("max.connections.per.ip.overrides", "127.0.0.1:3,10.0.0.1:0")
	until(t, b, "a connection ends", func(n wire.Counters) bool { return n.Connections == 1 })
	ok()
	ok()
	b.Dial().Closed()
	if n := b.Server().Counters(); n.RefusedPerAddr != 2 || n.Refused != 2 {
		t.Errorf("counted %+v", n)
	}
	// It outlives the broker.
	b.Close()
	b.Restart()
	c = ok()
	ok()
	ok()
	b.Dial().Closed()
	for key, bad := range map[string]string{"max.connections.per.ip": "0", "max.connections.per.ip.overrides": "localhost:1", "max.connection.creation.rate": "0"} {
		if got := incremental(c, 1, false, brokerResource, "", setTo(key, bad)); got.ErrorCode != 42 {
			t.Errorf("%s=%s: error code %d", key, bad, got.ErrorCode)
		}
	}
}

func TestConnectionsAreDelayedAboveTheRate(t *testing.T) {
	b := start(t, map[string]string{"max.connection.creation.rate": "1"})
	createTopic(b.Dial(), t, "t", 1)
	for ctx := contextFor(t); b.Server().Counters().Delayed == 0 && ctx.Err() == nil; {
		b.Dial() // a turn comes back each second, which may have passed
	}
	until(t, b, "a connection is delayed", func(n wire.Counters) bool { return n.Delayed > 0 })
	// A delayed one ends with the broker, which waits for nobody's turn.
}

// A client that asks for much and reads nothing is closed, and the files that it
// was to get are given back.
func TestFetchThatIsNotReadIsClosed(t *testing.T) {
	const batches, batchBytes = 40, 1000 << 10
	disk := vfs.NewFault(vfs.NewMem())
	b := servertest.Start(t, server.Config{FS: disk, Properties: map[string]string{"moldau.connections.write.timeout.ms": "100"}})
	c := b.Dial()
	createTopic(c, t, "t", 1)
	for range batches {
		mustProduce(c, t, "t", 0, batchOf(t, record.BuilderOptions{}, strings.Repeat("x", batchBytes)))
	}
	var closed atomic.Int32
	disk.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpClose && strings.HasPrefix(op.Name, "logs/t-0/") && strings.HasSuffix(op.Name, ".log") {
			closed.Add(1)
		}
		return nil
	})
	req := fetchFrom(12, "t", 0, 0)
	req.MaxBytes = batches * batchBytes
	req.Topics[0].Partitions[0].PartitionMaxBytes = batches * batchBytes
	lazy := b.Dial()
	lazy.Send(req)
	until(t, b, "something is sent", func(n wire.Counters) bool { return n.CopiedBytes > 0 })
	// The log is gone, but for who still reads it.
	deleteTopic(c, t, "t")
	until(t, b, "the client is closed", func(n wire.Counters) bool { return n.StalledReading == 1 && n.Connections == 1 })
	for ctx := contextFor(t); closed.Load() == 0; runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatal("the file is still open")
		}
	}
	if n := b.Server().Counters(); n.CopiedBytes >= batches*batchBytes {
		t.Errorf("all was sent: %+v", n)
	}
}

// Where waits may hold nothing, a fetch is answered with what there is.
func TestFetchWaitsAreBounded(t *testing.T) {
	b := start(t, map[string]string{"moldau.fetch.waits.bytes.max": "0"})
	c := b.Dial()
	createTopic(c, t, "t", 1)
	req := fetchFrom(12, "t", 0, 0)
	req.MaxWaitMillis = 1 << 30
	if p := fetch(c, req); p.ErrorCode != 0 || len(p.RecordBatches) != 0 {
		t.Errorf("%+v", p)
	}
	if n := b.Server().FetchWaits(); n.Bytes != 0 || n.Refused != 1 {
		t.Errorf("counted %+v", n)
	}
}

// Thousands of waits on one connection: what is outstanding is bounded, the rest
// is left unread, and all are answered in the end.
func TestManyWaitsOfOneConnection(t *testing.T) {
	const requests = 2000
	b := start(t)
	createTopic(b.Dial(), t, "t", 1)
	c := b.Dial()
	req := fetchFrom(12, "t", 0, 0)
	req.MaxWaitMillis = 1 << 30
	before := b.Server().Counters().Frames
	for range requests {
		c.Send(req)
	}
	until(t, b, "waits", func(n wire.Counters) bool { return n.Frames-before >= 64+2 })
	if n := b.Server().Counters(); n.Frames-before > 64+2 || n.ReplyBytes > 64<<10 {
		t.Errorf("counted %+v", n)
	}
	if n := b.Server().FetchWaits(); n.Bytes <= 0 || n.Refused != 0 {
		t.Errorf("waits hold %+v", n)
	}
	mustProduce(b.Dial(), t, "t", 0, plain(t))
	for id := range int32(requests) {
		if p := c.Receive(req, id+1).(*kmsg.FetchResponse).Topics[0].Partitions[0]; len(p.RecordBatches) == 0 {
			t.Fatalf("answer %d: %+v", id, p)
		}
	}
	if n := b.Server().Counters(); n.WaitedForRoom == 0 {
		t.Errorf("counted %+v", n)
	}
}
