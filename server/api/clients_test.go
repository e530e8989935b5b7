package api_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server"
	"moldau/server/servertest"
)

func newClient(t *testing.T, b *servertest.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addr()), kgo.AllowAutoTopicCreation())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// consume reads n values of a topic's first partition, from its beginning.
func consume(t *testing.T, b *servertest.Broker, topic string, n int) []string {
	t.Helper()
	client := newClient(t, b, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	ctx := contextFor(t)
	var values []string
	for len(values) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

// A real client, idempotent as they all are: every codec, across a restart and
// a kill, on a disk, so that records go the way that they go in life.
func TestRealClientAcrossRestarts(t *testing.T) {
	b := servertest.Start(t)
	var want []string
	for n, step := range []struct {
		codec kgo.CompressionCodec
		then  func()
	}{
		{kgo.NoCompression(), func() { b.Close(); b.Restart() }},
		{kgo.GzipCompression(), func() { b.Kill(); b.Restart() }},
		{kgo.SnappyCompression(), func() {}},
		{kgo.Lz4Compression(), func() {}},
		{kgo.ZstdCompression(), func() {}},
	} {
		client := newClient(t, b, kgo.ProducerBatchCompression(step.codec))
		var records []*kgo.Record
		for i := range 200 {
			value := fmt.Sprintf("step %d record %d", n, i)
			want = append(want, value)
			records = append(records, &kgo.Record{Topic: "t", Value: []byte(value)})
		}
		if err := client.ProduceSync(contextFor(t), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		client.Close()
		step.then()
	}
	got := consume(t, b, "t", len(want))
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("record %d is %q, want %q", i, got[i], want[i])
		}
	}
}

// A client that outlives its broker goes on with the next one: leader epochs,
// producer state and topic ids all still fit.
func TestRealClientOutlivesTheBroker(t *testing.T) {
	b := servertest.Start(t, server.Config{})
	client := newClient(t, b)
	for n := range 3 {
		for i := range 20 {
			r := &kgo.Record{Topic: "t", Value: fmt.Appendf(nil, "%d", n*20+i)}
			if err := client.ProduceSync(contextFor(t), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		b.Kill()
		b.Restart()
	}
	for i, value := range consume(t, b, "t", 60) {
		if value != fmt.Sprint(i) {
			t.Fatalf("record %d is %q", i, value)
		}
	}
}

// A real consumer has one session, goes on with it in each request, and begins
// another when the broker knows it no more. Few bytes a fetch make many of them.
func TestRealConsumerUsesASession(t *testing.T) {
	const partitions, records = 3, 300
	b := servertest.Start(t, server.Config{})
	createTopic(b.Dial(), t, "t", partitions)
	consumer := newClient(t, b, kgo.ConsumeTopics("t"), kgo.FetchMaxBytes(1000))
	var got [partitions][]string
	for round := range 2 {
		producer := newClient(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		for i := range records {
			r := &kgo.Record{Topic: "t", Partition: int32(i % partitions), Value: fmt.Appendf(nil, "%d", round*records+i)}
			if err := producer.ProduceSync(contextFor(t), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		producer.Close()
		for n := 0; n < records; {
			fetches := consumer.PollFetches(contextFor(t))
			fetches.EachRecord(func(r *kgo.Record) {
				got[r.Partition] = append(got[r.Partition], string(r.Value))
				n++
			})
		}
		n := b.Server().FetchSessions()
		if n.Sessions < 1 || n.Sessions > n.Created || n.Incremental < 5 || n.Incremental < n.Created {
			t.Errorf("round %d: counted %+v", round, n)
		}
		// Anew it may begin two: the answer of the first, whose leader epoch is old, is
		// dropped where the client has learnt the new one meanwhile.
		if round == 0 && (n.Sessions != 1 || n.Partitions != partitions) {
			t.Errorf("counted %+v", n)
		}
		if round == 0 {
			b.Kill()
			b.Restart()
		}
	}
	for n := range got {
		for i, value := range got[n] {
			if want := fmt.Sprint(i*partitions + n); value != want {
				t.Fatalf("partition %d, record %d is %q, want %q", n, i, value, want)
			}
		}
	}
}
