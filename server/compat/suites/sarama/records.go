package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"moldau/server/compat/suite"
)

func (b *bench) recordTests() []suite.Test {
	codecs := []sarama.CompressionCodec{
		sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
	}
	var tests []suite.Test
	for _, codec := range codecs {
		for _, idempotent := range []bool{false, true} {
			name := "round trip, " + codec.String()
			if idempotent {
				name += ", idempotent"
			}
			tests = append(tests, suite.Test{Name: name, Run: func(ctx context.Context) error { return b.roundTrip(ctx, codec, idempotent) }})
		}
		if codec != sarama.CompressionNone {
			tests = append(tests, suite.Test{Name: "records are stored compressed, " + codec.String(), Run: func(context.Context) error {
				return b.storedCompressed(codec)
			}})
		}
	}
	return append(tests,
		suite.Test{Name: "asynchronous producer keeps the order", Run: b.asyncOrder},
		suite.Test{Name: "offsets by time", Run: b.offsetsByTime},
		suite.Test{Name: "an offset out of range is told", Run: b.outOfRange},
		suite.Test{Name: "a topic is created by producing to it", Run: b.autoCreate},
	)
}

// idempotently sets what sarama asks for beside idempotence itself.
func idempotently(c *sarama.Config) {
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
}

func (b *bench) roundTrip(ctx context.Context, codec sarama.CompressionCodec, idempotent bool) error {
	const partitions, records = 3, 1500
	topic, err := b.topic(partitions)
	if err != nil {
		return err
	}
	c := config()
	c.Producer.Compression = codec
	if idempotent {
		idempotently(c)
	}
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	sent, err := b.produce(c, topic, partitions, records, at)
	if err != nil {
		return err
	}
	for p := range int32(partitions) {
		got, err := b.read(ctx, topic, p, sarama.OffsetOldest, records/partitions)
		if err != nil {
			return err
		}
		for i, m := range got {
			if err := sameRecord(m, sent[i*partitions+int(p)], int64(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func sameRecord(got *sarama.ConsumerMessage, want *sarama.ProducerMessage, offset int64) error {
	key, _ := want.Key.Encode()
	value, _ := want.Value.Encode()
	same := got.Offset == offset && want.Offset == offset && got.Partition == want.Partition &&
		string(got.Key) == string(key) && string(got.Value) == string(value) && got.Timestamp.Equal(want.Timestamp) &&
		len(got.Headers) == 1 && string(got.Headers[0].Key) == "n" && string(got.Headers[0].Value) == string(want.Headers[0].Value)
	if !same {
		return fmt.Errorf("read offset %d, key %q, value %.40q at %v; sent offset %d, key %q, value %.40q at %v",
			got.Offset, got.Key, got.Value, got.Timestamp, want.Offset, key, value, want.Timestamp)
	}
	return nil
}

// storedCompressed looks at the size on disk, because consumers of sarama do not
// tell a record's codec.
func (b *bench) storedCompressed(codec sarama.CompressionCodec) error {
	topic, err := b.topic(1)
	if err != nil {
		return err
	}
	c := config()
	c.Producer.Compression = codec
	p, err := sarama.NewSyncProducer(b.addrs, c)
	if err != nil {
		return err
	}
	defer p.Close()
	const size = 200_000
	if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(strings.Repeat("moldau ", size/7))}); err != nil {
		return err
	}
	stored, err := b.stored(topic)
	if err != nil {
		return err
	}
	if stored == 0 || stored > size/4 {
		return fmt.Errorf("%d bytes became %d", size, stored)
	}
	return nil
}

// stored is what DescribeLogDirs says of a topic's partition 0.
func (b *bench) stored(topic string) (int64, error) {
	admin, err := b.admin()
	if err != nil {
		return 0, err
	}
	defer admin.Close()
	brokers, _, err := admin.DescribeCluster()
	if err != nil {
		return 0, err
	}
	dirs, err := admin.DescribeLogDirs([]int32{brokers[0].ID()})
	if err != nil {
		return 0, err
	}
	for _, dir := range dirs[brokers[0].ID()] {
		for _, t := range dir.Topics {
			if t.Topic == topic {
				return t.Partitions[0].Size, nil
			}
		}
	}
	return 0, errors.New("the topic is in no log directory")
}

func (b *bench) asyncOrder(ctx context.Context) error {
	topic, err := b.topic(1)
	if err != nil {
		return err
	}
	c := config()
	idempotently(c)
	c.Producer.Flush.Messages = 50
	c.Producer.Flush.Frequency = time.Millisecond
	p, err := sarama.NewAsyncProducer(b.addrs, c)
	if err != nil {
		return err
	}
	const records = 5000
	go func() {
		for i := range records {
			p.Input() <- &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(fmt.Sprint(i))}
		}
		p.AsyncClose()
	}()
	acknowledged := 0
	for range p.Successes() {
		acknowledged++
	}
	for e := range p.Errors() {
		return e
	}
	if err := equal("acknowledged records", acknowledged, records); err != nil {
		return err
	}
	got, err := b.read(ctx, topic, 0, sarama.OffsetOldest, records)
	if err != nil {
		return err
	}
	for i, m := range got {
		if err := equal(fmt.Sprintf("record %d", i), string(m.Value), fmt.Sprint(i)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) offsetsByTime(context.Context) error {
	topic, err := b.topic(1)
	if err != nil {
		return err
	}
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	if _, err := b.produce(config(), topic, 1, 300, at); err != nil {
		return err
	}
	cl, err := sarama.NewClient(b.addrs, config())
	if err != nil {
		return err
	}
	defer cl.Close()
	for _, c := range []struct {
		name       string
		time, want int64
	}{
		{"the oldest", sarama.OffsetOldest, 0},
		{"the newest", sarama.OffsetNewest, 300},
		{"that of the time of record 123", at.UnixMilli() + 123, 123},
		{"that of a time before all", at.UnixMilli() - 1000, 0},
		{"that of a time behind all", at.UnixMilli() + 1000, -1},
	} {
		got, err := cl.GetOffset(topic, 0, c.time)
		if err != nil {
			return err
		}
		if err := equal(c.name, got, c.want); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) outOfRange(ctx context.Context) error {
	topic, err := b.topic(1)
	if err != nil {
		return err
	}
	_, err = b.read(ctx, topic, 0, 1000, 1)
	if !errors.Is(err, sarama.ErrOffsetOutOfRange) {
		return fmt.Errorf("offset 1000 of an empty partition: %v", err)
	}
	return nil
}

func (b *bench) autoCreate(ctx context.Context) error {
	topic := b.name()
	if _, err := b.produce(config(), topic, 1, 10, time.Now()); err != nil {
		return err
	}
	_, err := b.read(ctx, topic, 0, sarama.OffsetOldest, 10)
	return err
}
