package main

import (
	"context"
	"fmt"
	"time"

	"moldau/server/compat/groups"
	"moldau/server/compat/member"
	"moldau/server/compat/topics"
)

func (k *kind) slots() (slots []groups.Slot) {
	for _, topic := range k.topics {
		for p := range stormTopics[topic] {
			slots = append(slots, groups.Slot{Group: k.group, Topic: topic, Partition: p})
		}
	}
	return slots
}

// drain waits until every group has committed everything to its end, and
// returns how many partitions are not.
func (s *storm) drain(ctx context.Context, o *member.Observer) (stuck int, err error) {
	var names []string
	for topic := range stormTopics {
		names = append(names, topic)
	}
	ends, err := topics.Ends(ctx, s.addr, names...)
	if err != nil {
		return 0, err
	}
	for topic, partitions := range ends {
		for p, end := range partitions {
			s.history.Ended(topic, p, end)
		}
	}
	start := time.Now()
	left, err := o.Drained(ctx, ends, 20*time.Second)
	if err == nil && len(left) > 0 {
		// Kafka's VerifiableConsumer does not try again what was refused because of
		// a rebalance: it commits with its next record, so there must be one.
		if err = topics.Nudge(ctx, s.addr, stormTopics); err == nil {
			left, err = o.Drained(ctx, ends, 40*time.Second)
		}
	}
	if err != nil {
		return 0, err
	}
	if len(left) == 0 {
		fmt.Printf("everything was consumed and committed %v after the storm\n", time.Since(start).Round(100*time.Millisecond))
	}
	for _, l := range left[:min(len(left), 10)] {
		fmt.Println("FAULT not consumed a minute after the storm:", l)
	}
	return len(left), nil
}
