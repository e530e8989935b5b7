package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"moldau/server/compat/suite"
)

// bench is what the tests work on.
type bench struct {
	addrs  []string
	run    string // makes names of this run distinct
	topics int
}

func main() {
	addr := os.Getenv("MOLDAU_BROKER")
	if addr == "" {
		fmt.Fprintln(os.Stderr, "sarama: MOLDAU_BROKER names no broker")
		os.Exit(2)
	}
	b := &bench{addrs: []string{addr}, run: fmt.Sprintf("sarama-%06x", rand.Uint32N(1<<24))}
	suite.Main(slices.Concat(b.recordTests(), b.groupTests(), b.adminTests()))
}

// config is the newest that sarama knows.
func config() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "sarama-suite"
	c.Version = sarama.MaxVersion
	c.Producer.Return.Successes = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Group.Session.Timeout = 10 * time.Second
	c.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	return c
}

// name is one that nothing else has.
func (b *bench) name() string {
	b.topics++
	return fmt.Sprintf("%s-%d", b.run, b.topics)
}

// admin is to be closed by the caller.
func (b *bench) admin() (sarama.ClusterAdmin, error) {
	return sarama.NewClusterAdmin(b.addrs, config())
}

// topic makes one.
func (b *bench) topic(partitions int32) (string, error) {
	admin, err := b.admin()
	if err != nil {
		return "", err
	}
	defer admin.Close()
	name := b.name()
	return name, admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false)
}

// produce writes n records, one after another to each partition in turn and a
// millisecond apart, and returns them.
func (b *bench) produce(c *sarama.Config, topic string, partitions, n int, at time.Time) ([]*sarama.ProducerMessage, error) {
	p, err := sarama.NewSyncProducer(b.addrs, c)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	sent := make([]*sarama.ProducerMessage, n)
	for i := range sent {
		sent[i] = &sarama.ProducerMessage{
			Topic: topic, Partition: int32(i % partitions), Timestamp: at.Add(time.Duration(i) * time.Millisecond),
			Key:     sarama.StringEncoder(fmt.Sprintf("key-%d", i)),
			Value:   sarama.StringEncoder(fmt.Sprintf("value-%d-%s", i, strings.Repeat("x", i*7%211))),
			Headers: []sarama.RecordHeader{{Key: []byte("n"), Value: []byte(fmt.Sprint(i))}},
		}
	}
	return sent, p.SendMessages(sent)
}

// read takes the first n records of a partition from an offset on.
func (b *bench) read(ctx context.Context, topic string, partition int32, from int64, n int) ([]*sarama.ConsumerMessage, error) {
	c, err := sarama.NewConsumer(b.addrs, config())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	p, err := c.ConsumePartition(topic, partition, from)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var got []*sarama.ConsumerMessage
	for len(got) < n {
		select {
		case m, ok := <-p.Messages():
			if !ok {
				return got, fmt.Errorf("partition %d ended after %d records", partition, len(got))
			}
			got = append(got, m)
		case <-ctx.Done():
			return got, fmt.Errorf("%d of %d records came from partition %d: %w", len(got), n, partition, context.Cause(ctx))
		}
	}
	return got, nil
}

// equal compares results.
func equal[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, must be %v", what, got, want)
	}
	return nil
}
