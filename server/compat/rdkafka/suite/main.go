package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"moldau/server/compat/suite"
)

// bench is what the tests work on.
type bench struct {
	addr  string
	run   string // makes names of this run distinct
	names int
	admin *kafka.AdminClient
}

func main() {
	b := &bench{addr: os.Getenv("MOLDAU_BROKER"), run: fmt.Sprintf("rdkafka-%06x", rand.Uint32N(1<<24))}
	if b.addr == "" {
		fmt.Fprintln(os.Stderr, "suite: MOLDAU_BROKER names no broker")
		os.Exit(2)
	}
	admin, err := kafka.NewAdminClient(&kafka.ConfigMap{"bootstrap.servers": b.addr})
	if err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
		os.Exit(1)
	}
	b.admin = admin
	suite.Main(slices.Concat(b.recordTests(), b.groupTests()))
}

// name is one that nothing else has.
func (b *bench) name() string {
	b.names++
	return fmt.Sprintf("%s-%d", b.run, b.names)
}

// topic makes one.
func (b *bench) topic(ctx context.Context, partitions int) (string, error) {
	name := b.name()
	made, err := b.admin.CreateTopics(ctx, []kafka.TopicSpecification{{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}})
	if err != nil {
		return "", err
	}
	return name, failed(made[0].Error)
}

// failed is nil where librdkafka's error says that there is none.
func failed(err kafka.Error) error {
	if err.Code() == kafka.ErrNoError {
		return nil
	}
	return err
}

// value is the content of the i-th record.
func value(i int) string { return fmt.Sprintf("value-%d-%s", i, strings.Repeat("x", i*7%211)) }

// produce writes records from..to-1, one after another to each partition in turn
// and a millisecond apart.
func (b *bench) produce(topic string, partitions, from, to int, at time.Time, settings kafka.ConfigMap) error {
	config := kafka.ConfigMap{"bootstrap.servers": b.addr, "acks": "all", "linger.ms": 5}
	for k, v := range settings {
		config[k] = v
	}
	p, err := kafka.NewProducer(&config)
	if err != nil {
		return err
	}
	defer p.Close()
	delivered := make(chan kafka.Event, to-from)
	for i := from; i < to; i++ {
		err := p.Produce(&kafka.Message{
			TopicPartition: kafka.TopicPartition{Topic: &topic, Partition: int32(i % partitions)},
			Key:            fmt.Appendf(nil, "key-%d", i), Value: []byte(value(i)),
			Headers:   []kafka.Header{{Key: "n", Value: fmt.Append(nil, i)}},
			Timestamp: at.Add(time.Duration(i) * time.Millisecond),
		}, delivered)
		if err != nil {
			return err
		}
	}
	for range to - from {
		if err := (<-delivered).(*kafka.Message).TopicPartition.Error; err != nil {
			return err
		}
	}
	return nil
}

// consumer is to be closed by the caller.
func (b *bench) consumer(group string, settings kafka.ConfigMap) (*kafka.Consumer, error) {
	config := kafka.ConfigMap{
		"bootstrap.servers": b.addr, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": false,
		"client.id": "rdkafka-suite", "session.timeout.ms": 10_000, "heartbeat.interval.ms": 200,
	}
	for k, v := range settings {
		config[k] = v
	}
	return kafka.NewConsumer(&config)
}

// read takes n records.
func read(ctx context.Context, c *kafka.Consumer, n int) ([]*kafka.Message, error) {
	var got []*kafka.Message
	for len(got) < n {
		if err := ctx.Err(); err != nil {
			return got, fmt.Errorf("%d of %d records came: %w", len(got), n, context.Cause(ctx))
		}
		switch e := c.Poll(100).(type) {
		case *kafka.Message:
			if err := e.TopicPartition.Error; err != nil {
				return got, err
			}
			got = append(got, e)
		case kafka.Error:
			if e.IsFatal() {
				return got, e
			}
		}
	}
	return got, nil
}

// at names a partition and an offset in it.
func at(topic string, partition int32, offset kafka.Offset) kafka.TopicPartition {
	return kafka.TopicPartition{Topic: &topic, Partition: partition, Offset: offset}
}

// equal compares results.
func equal[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, must be %v", what, got, want)
	}
	return nil
}

// wantsCode compares an error's code.
func wantsCode(what string, got error, want kafka.ErrorCode) error {
	var err kafka.Error
	if !errors.As(got, &err) || err.Code() != want {
		return fmt.Errorf("%s: %v, must be %v", what, got, want)
	}
	return nil
}
