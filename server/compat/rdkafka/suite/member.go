package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// place names a record.
type place struct {
	partition int32
	offset    kafka.Offset
}

// seen is what all members of a group read, and how often.
type seen struct {
	mu    sync.Mutex
	times map[place]int
}

// member polls a consumer in a group, and commits each record that it has read.
type member struct {
	c     *kafka.Consumer
	stop  chan struct{}
	ended chan error
}

// join starts a member.
func (b *bench) join(group, topic string, s *seen, settings kafka.ConfigMap) (*member, error) {
	c, err := b.consumer(group, settings)
	if err != nil {
		return nil, err
	}
	if err := c.Subscribe(topic, nil); err != nil {
		return nil, err
	}
	m := &member{c: c, stop: make(chan struct{}), ended: make(chan error, 1)}
	go func() { m.ended <- m.poll(s) }()
	return m, nil
}

func (m *member) poll(s *seen) error {
	for {
		select {
		case <-m.stop:
			return nil
		default:
		}
		switch e := m.c.Poll(50).(type) {
		case *kafka.Message:
			if err := e.TopicPartition.Error; err != nil {
				return err
			}
			s.mu.Lock()
			s.times[place{e.TopicPartition.Partition, e.TopicPartition.Offset}]++
			s.mu.Unlock()
			// A rebalance may be under way: what cannot be committed would be read
			// again, and noticed.
			if _, err := m.c.CommitMessage(e); err != nil {
				return fmt.Errorf("commit of %v: %w", e.TopicPartition, err)
			}
		case kafka.Error:
			if e.IsFatal() {
				return e
			}
		}
	}
}

// leave ends a member as its application would.
func (m *member) leave() error {
	close(m.stop)
	if err := <-m.ended; err != nil {
		return err
	}
	return m.c.Close()
}

// settled waits until so many members own all partitions between them, each of
// them some, and returns the group as it is described then.
func (b *bench) settled(ctx context.Context, group string, partitions int, members ...*member) (kafka.ConsumerGroupDescription, error) {
	for {
		g, err := b.described(ctx, group)
		if err != nil {
			return g, err
		}
		total, idle := 0, false
		for _, m := range g.Members {
			total += len(m.Assignment.TopicPartitions)
			idle = idle || len(m.Assignment.TopicPartitions) == 0
		}
		if g.State == kafka.ConsumerGroupStateStable && len(g.Members) == len(members) && total == partitions && !idle {
			return g, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return g, fmt.Errorf("the group is %v, %d members own %d partitions; must be Stable, %d and %d",
				g.State, len(g.Members), total, len(members), partitions)
		}
	}
}

// described asks for one group.
func (b *bench) described(ctx context.Context, group string) (kafka.ConsumerGroupDescription, error) {
	r, err := b.admin.DescribeConsumerGroups(ctx, []string{group})
	if err != nil {
		return kafka.ConsumerGroupDescription{}, err
	}
	g := r.ConsumerGroupDescriptions[0]
	return g, failed(g.Error)
}

// all waits until every record of so many was read, and none twice.
func (s *seen) all(ctx context.Context, records int) error {
	for {
		s.mu.Lock()
		n := len(s.times)
		for at, times := range s.times {
			if times > 1 {
				s.mu.Unlock()
				return fmt.Errorf("offset %d of partition %d was read %d times", at.offset, at.partition, times)
			}
		}
		s.mu.Unlock()
		if n == records {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%d of %d records were read", n, records)
		}
	}
}
