package client_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/bench/client"
	"moldau/server"
	"moldau/server/servertest"
)

// broker has topics of that many partitions.
func broker(t *testing.T, partitions int32, topics ...string) *servertest.Broker {
	t.Helper()
	b := servertest.Start(t, server.Config{Properties: map[string]string{"moldau.durability": "os"}})
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	created, err := kadm.NewClient(cl).CreateTopics(t.Context(), partitions, 1, nil, topics...)
	if err == nil {
		err = created.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ends are how many records lie in each partition.
func ends(t *testing.T, b *servertest.Broker, topic string) map[int32]int64 {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	listed, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	offsets := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { offsets[o.Partition] = o.Offset })
	return offsets
}

func encoded(t *testing.T, l client.Load) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(l); err != nil {
		t.Fatal(err)
	}
	return &b
}

func served(t *testing.T, l client.Load) (o client.Outcome) {
	t.Helper()
	var out bytes.Buffer
	if err := client.Serve(t.Context(), encoded(t, l), &out); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// Every request that was due in time is sent and counted once, on each connection
// and in the window that it was due in; the one behind the last is not. All are
// due at once, so that nothing waits.
func TestOpenLoopCountsWhatIsDue(t *testing.T) {
	b := broker(t, 4, "topic")
	const perSecond, requests = 1e7, 1000
	o := served(t, client.Load{
		Kind: client.OpenLoopProduce, Addr: b.Addr(), Topic: "topic", Connections: 3, Partitions: 4, RecordBytes: 50, BatchBytes: 600, Seconds: requests / perSecond,
		OpenLoop: client.OpenLoop{PerSecond: perSecond, SettleSeconds: 200 / perSecond, WindowSeconds: 300 / perSecond, Keys: 10},
	})
	if o.Requests != requests || o.Records%requests != 0 || o.Records < 5*requests {
		t.Errorf("%d requests, %d records", o.Requests, o.Records)
	}
	if got := o.Latency.TotalCount(); got != requests-200 {
		t.Errorf("%d latencies, due are %d", got, requests-200)
	}
	if got := o.SendLag.TotalCount(); got != requests-200 {
		t.Errorf("%d times of sending", got)
	}
	var windows []int64
	for _, w := range o.Windows {
		windows = append(windows, w.TotalCount())
	}
	if len(windows) != 3 || windows[0] != 300 || windows[1] != 300 || windows[2] != 200 {
		t.Errorf("windows of %v", windows)
	}
	perBatch := o.Records / requests
	sum := int64(0)
	for p, end := range ends(t, b, "topic") {
		if end/perBatch < requests/4 {
			t.Errorf("partition %d got %d batches", p, end/perBatch)
		}
		sum += end
	}
	if sum != o.Records+3*perBatch {
		t.Errorf("%d records are there, told are %d, and one request for each connection is not", sum, o.Records)
	}
}

// Each consumer gets everything, from all partitions, and counts it once.
func TestOpenLoopConsumers(t *testing.T) {
	b := broker(t, 3, "topic")
	const perSecond, requests = 1e6, 500
	o := served(t, client.Load{
		Kind: client.OpenLoopProduce, Addr: b.Addr(), Topic: "topic", Partitions: 3, RecordBytes: 100, BatchBytes: 1, Seconds: requests / perSecond,
		OpenLoop: client.OpenLoop{PerSecond: perSecond, Poisson: true, Seed: 3, Consumers: 4},
	})
	if o.Requests == 0 || o.Tail.TotalCount() != 4*o.Requests {
		t.Errorf("%d requests, 4 consumers counted %d", o.Requests, o.Tail.TotalCount())
	}
	if o.Delivered < 4*o.Bytes {
		t.Errorf("%d bytes produced, %d delivered", o.Bytes, o.Delivered)
	}
}

// A held client says that it is at work, and works until its input ends.
func TestHeldClient(t *testing.T) {
	b := broker(t, 1, "topic")
	for _, l := range []client.Load{
		{Kind: client.OpenLoopProduce, Partitions: 1, OpenLoop: client.OpenLoop{PerSecond: 1e5}},
		{Kind: client.Idle, Connections: 5},
	} {
		l.Addr, l.Topic, l.Held = b.Addr(), "topic", true
		in, word := io.Pipe()
		out, told := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := client.Serve(t.Context(), in, told)
			told.CloseWithError(err)
			ended <- err
		}()
		if _, err := word.Write(encoded(t, l).Bytes()); err != nil {
			t.Fatal(err)
		}
		lines := json.NewDecoder(out)
		var first struct{ AtWork bool }
		if err := lines.Decode(&first); err != nil || !first.AtWork {
			t.Fatalf("%s: %v, %+v", l.Kind, err, first)
		}
		select {
		case err := <-ended:
			t.Fatalf("%s: ended unasked: %v", l.Kind, err)
		default:
		}
		word.Close()
		var o client.Outcome
		if err := lines.Decode(&o); err != nil || o.Requests == 0 {
			t.Errorf("%s: %v, %+v", l.Kind, err, o)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// One round over many topics writes one batch to every partition.
func TestManyTopicsAreGoneAround(t *testing.T) {
	topics := []string{client.WideTopic("wide", 0), client.WideTopic("wide", 1), client.WideTopic("wide", 2)}
	b := broker(t, 4, topics...)
	load := client.Load{Kind: client.Produce, Addr: b.Addr(), Topic: "wide", Topics: 3, Partitions: 4, PerRequest: 2, RecordBytes: 100, BatchBytes: 1, Bytes: 1}
	one := served(t, load)
	load.Bytes = one.Bytes * 5
	o := served(t, load)
	if o.Requests != 5 || o.Batches != 10 {
		t.Fatalf("%+v", o)
	}
	for i, topic := range topics {
		for p, end := range ends(t, b, topic) {
			want := int64(1)
			if i == 0 && p < 2 {
				want = 2
			}
			if i == 2 && p >= 2 {
				want = 0
			}
			if end != want {
				t.Errorf("%s, partition %d: %d records, must be %d", topic, p, end, want)
			}
		}
	}
	load.Rounds = 2
	if o := served(t, load); o.Batches != 2*3*4 {
		t.Errorf("two rounds of twelve partitions are %d batches", o.Batches)
	}
}

// Very many partitions of one topic are gone around by one frame a connection, from
// another partition on each, and each batch is in one.
func TestManyPartitionsAreGoneAround(t *testing.T) {
	const partitions = 150
	b := broker(t, partitions, "topic")
	o := served(t, client.Load{Kind: client.Produce, Addr: b.Addr(), Topic: "topic", Partitions: partitions, PerRequest: 1, Connections: 3, RecordBytes: 100, BatchBytes: 1, Rounds: 4})
	if o.Batches != 4*partitions || o.Latency.TotalCount() != o.Requests {
		t.Errorf("%+v", o)
	}
	sum, empty := int64(0), 0
	for _, end := range ends(t, b, "topic") {
		sum += end
		if end == 0 {
			empty++
		}
	}
	if sum != o.Records || empty > 0 {
		t.Errorf("%d records of %d, %d partitions have none", sum, o.Records, empty)
	}
}
