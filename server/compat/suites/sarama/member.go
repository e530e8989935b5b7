package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// record names one of a topic.
type record struct {
	partition int32
	offset    int64
}

// seen is what all members of a group read, and how often.
type seen struct {
	mu    sync.Mutex
	times map[record]int
}

// member is a consumer in a group. It commits what it has read when it loses a
// partition, and every record at once.
type member struct {
	seen   *seen
	group  sarama.ConsumerGroup
	cancel context.CancelFunc
	ended  chan struct{}

	mu         sync.Mutex
	claims     []int32 // nil between generations
	id         string
	generation int32
	err        error
}

// join starts a member of a group.
func (b *bench) join(ctx context.Context, c *sarama.Config, group, topic string, s *seen) (*member, error) {
	g, err := sarama.NewConsumerGroup(b.addrs, group, c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	m := &member{seen: s, group: g, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		for ctx.Err() == nil {
			if err := g.Consume(ctx, []string{topic}, m); err != nil && ctx.Err() == nil && !errors.Is(err, sarama.ErrClosedConsumerGroup) {
				m.mu.Lock()
				m.err = err
				m.mu.Unlock()
				return
			}
		}
	}()
	return m, nil
}

// leave ends a member as its application would.
func (m *member) leave() error {
	m.cancel()
	<-m.ended
	return m.group.Close()
}

func (m *member) Setup(s sarama.ConsumerGroupSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims, m.id, m.generation = []int32{}, s.MemberID(), s.GenerationID()
	for _, partitions := range s.Claims() {
		m.claims = append(m.claims, partitions...)
	}
	return nil
}

func (m *member) Cleanup(s sarama.ConsumerGroupSession) error {
	m.mu.Lock()
	m.claims = nil
	m.mu.Unlock()
	s.Commit()
	return nil
}

func (m *member) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case r, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			m.seen.mu.Lock()
			m.seen.times[record{r.Partition, r.Offset}]++
			m.seen.mu.Unlock()
			s.MarkMessage(r, "")
		case <-s.Context().Done():
			return nil
		}
	}
}

// state is the member's of this moment.
func (m *member) state() (claims []int32, generation int32, id string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.claims), m.generation, m.id, m.err
}

// settled waits until the members own all partitions between them, each of them
// some, and all in one generation.
func settled(ctx context.Context, partitions int, members ...*member) error {
	for {
		owned := map[int32]bool{}
		generations := map[int32]bool{}
		total, idle := 0, false
		for _, m := range members {
			claims, generation, _, err := m.state()
			if err != nil {
				return err
			}
			generations[generation] = true
			idle = idle || len(claims) == 0
			for _, p := range claims {
				owned[p] = true
				total++
			}
		}
		if !idle && len(generations) == 1 && len(owned) == partitions && total == partitions {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the group does not settle: %d of %d partitions owned by %d members in generations %v",
				len(owned), partitions, len(members), slices.Collect(maps.Keys(generations)))
		}
	}
}

// all waits until every record of so many was read, and none twice.
func (s *seen) all(ctx context.Context, records int) error {
	for {
		s.mu.Lock()
		n := len(s.times)
		for r, times := range s.times {
			if times > 1 {
				s.mu.Unlock()
				return fmt.Errorf("offset %d of partition %d was read %d times", r.offset, r.partition, times)
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
