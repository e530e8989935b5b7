package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"moldau/bench/wire"
	"moldau/bench/yardstick"
)

// topicsPerRequest is how many topics one CreateTopics request asks for.
const topicsPerRequest = 10

func topicName(i int) string { return fmt.Sprintf("many-%d", i) }

func (s *system) createTopics(ctx context.Context, partitions, perTopic int) error {
	var names []string
	for i := range partitions / perTopic {
		if names = append(names, topicName(i)); len(names) == topicsPerRequest {
			if err := s.create(ctx, names, perTopic); err != nil {
				return err
			}
			names = nil
		}
	}
	if len(names) == 0 {
		return nil
	}
	return s.create(ctx, names, perTopic)
}

// createAll measures the life of a broker's partitions: creation, first batches,
// memory, close, start.
func createAll(ctx context.Context, o options, l *limits, durability string, perTopic int) error {
	dir, err := os.MkdirTemp(o.dir, durability)
	if err != nil {
		return err
	}
	s, err := launch(ctx, o, dir, durability)
	if err != nil {
		return err
	}
	defer func() { s.Kill() }()
	fmt.Printf("%s, %d partitions, %d topics\n", durability, o.partitions, o.partitions/perTopic)
	heapBefore, err := s.heap()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%d", durability, o.partitions/perTopic)
	err = s.timed(o, l, name+"-create", "create", func() error { return s.createTopics(ctx, o.partitions, perTopic) })
	if err != nil {
		return err
	}
	err = s.timed(o, l, name+"-first", "first batch of 1 KiB to each", func() error { return s.firstBatches(ctx, o, perTopic) })
	if err != nil {
		return err
	}
	heap, err := s.heap()
	if err != nil {
		return err
	}
	l.atMost("heap a partition", float64(heap-heapBefore)/float64(o.partitions)/1000, 10, "KB")
	resident, err := yardstick.Resident(s.PID())
	if err != nil {
		return err
	}
	l.atMost("resident", float64(resident.All)/1e6, 200, "MB")
	took, err := s.stop()
	if err != nil {
		return err
	}
	fmt.Printf("  %-44s %9.2f s\n", "clean close", took.Seconds())
	began := time.Now()
	if s, err = launch(ctx, o, dir, durability); err != nil {
		return err
	}
	fmt.Printf("  %-44s %9.2f s\n", "start", time.Since(began).Seconds())
	_, err = s.stop()
	return err
}

// timed measures how long it takes the broker to do something, by its client.
func (s *system) timed(o options, l *limits, name, what string, do func() error) error {
	return s.profiled(o, name, 4, func() error {
		before, err := s.cpu()
		if err != nil {
			return err
		}
		began := time.Now()
		if err := do(); err != nil {
			return err
		}
		took := time.Since(began)
		after, err := s.cpu()
		l.atMost(what, took.Seconds(), 2, "s")
		fmt.Printf("  %-44s %9.2f s\n", "  the broker's CPU", after-before)
		return err
	})
}

// firstBatches produces a batch of a record of 1 KiB to every partition, a hundred
// partitions a request.
func (s *system) firstBatches(ctx context.Context, o options, perTopic int) error {
	batch, records := wire.Batch(1000, 1)
	requests := requestsFor(o.partitions, perTopic, 100, batch, records)
	return drive(ctx, s.Addr(), o, requests, len(requests))
}
