package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func franzChecks() []check {
	codecs := []struct {
		name  string
		codec kgo.CompressionCodec
	}{
		{"none", kgo.NoCompression()}, {"gzip", kgo.GzipCompression()}, {"snappy", kgo.SnappyCompression()},
		{"lz4", kgo.Lz4Compression()}, {"zstd", kgo.ZstdCompression()},
	}
	var all []check
	for _, c := range codecs {
		all = append(all, check{"franz-go round trip, idempotent, six partitions, " + c.name, func(ctx context.Context, b *bench) error {
			return franzRoundTrip(ctx, b, c.codec)
		}})
	}
	return append(all,
		check{"franz-go from a timestamp", franzTimestamp},
		check{"franz-go tail fetch waits for what is produced next", franzTail},
	)
}

func franzRoundTrip(ctx context.Context, b *bench, codec kgo.CompressionCodec) error {
	topic, err := b.create(ctx, 6)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ProducerBatchCompression(codec),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer cl.Close()
	const records = 6000
	sent := make([]*kgo.Record, records)
	at := recently()
	for i := range sent {
		sent[i] = &kgo.Record{
			Partition: int32(i % 6), Timestamp: at.Add(time.Duration(i) * time.Millisecond),
			Key: fmt.Appendf(nil, "key-%d", i), Value: bytes.Repeat([]byte{byte(i)}, i%500),
			Headers: []kgo.RecordHeader{{Key: "n", Value: fmt.Append(nil, i)}, {Key: "null"}},
		}
	}
	sent[7].Value, sent[8].Key = nil, nil // null is not empty
	if err := cl.ProduceSync(ctx, sent...).FirstErr(); err != nil {
		return err
	}
	read, err := b.read(ctx, topic)
	if err != nil {
		return err
	}
	for i, want := range sent {
		of := read[want.Partition]
		if int(want.Offset) >= len(of) {
			return fmt.Errorf("partition %d has %d records, offset %d was acknowledged", want.Partition, len(of), want.Offset)
		}
		if err := sameRecord(of[want.Offset], want); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
	}
	return nil
}

func sameRecord(got, want *kgo.Record) error {
	same := got.Offset == want.Offset && bytes.Equal(got.Key, want.Key) && bytes.Equal(got.Value, want.Value) &&
		(got.Key == nil) == (want.Key == nil) && (got.Value == nil) == (want.Value == nil) &&
		got.Timestamp.UnixMilli() == want.Timestamp.UnixMilli() && len(got.Headers) == len(want.Headers)
	if !same {
		return fmt.Errorf("read offset %d, key %.20q, %d bytes, at %v; sent offset %d, key %.20q, %d bytes, at %v", got.Offset, got.Key,
			len(got.Value), got.Timestamp, want.Offset, want.Key, len(want.Value), want.Timestamp)
	}
	return nil
}

func franzTimestamp(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	at := recently()
	if err := b.write(ctx, topic, 0, at, numbered("v", 1000)...); err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AfterMilli(at.UnixMilli()+640)))
	if err != nil {
		return err
	}
	defer cl.Close()
	fetches := cl.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		return err
	}
	return equal("first offset", fetches.Records()[0].Offset, 640)
}

// franzTail asks before there is anything, so that the answer must be one that
// was held back for it.
func franzTail(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.FetchMaxWait(time.Minute), kgo.ConsumePartitions(
		map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(0)}}))
	if err != nil {
		return err
	}
	defer cl.Close()
	if empty := cl.PollFetches(withTimeout(ctx, time.Second)); empty.NumRecords() != 0 {
		return fmt.Errorf("an empty topic has %d records", empty.NumRecords())
	}
	sent := time.Now()
	if err := b.write(ctx, topic, 0, sent, "now"); err != nil {
		return err
	}
	fetches := cl.PollFetches(withTimeout(ctx, 50*time.Second))
	if err := fetches.Err(); err != nil {
		return err
	}
	if waited := time.Since(sent); waited > 30*time.Second {
		return fmt.Errorf("the record came after %v", waited)
	}
	return equal("records", fetches.NumRecords(), 1)
}

// withTimeout is for calls whose end is the context's end: nothing outlives it.
func withTimeout(ctx context.Context, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(ctx, d)
	context.AfterFunc(ctx, cancel)
	return ctx
}
