package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// groupAdmin looks at a group that has a member, and again when it has none.
func (b *bench) groupAdmin(ctx context.Context) error {
	topic, err := b.topic(ctx, groupPartitions)
	if err != nil {
		return err
	}
	group, all := b.name(), &seen{times: map[place]int{}}
	m, err := b.join(group, topic, all, nil)
	if err != nil {
		return err
	}
	g, err := b.settled(ctx, group, groupPartitions, m)
	if err != nil {
		return err
	}
	err = errors.Join(
		equal("client id", g.Members[0].ClientID, "rdkafka-suite"),
		b.listed(ctx, group, kafka.ConsumerGroupStateStable),
		wantsCode("deleting a group with members", b.remove(ctx, group), kafka.ErrNonEmptyGroup),
		b.produce(topic, groupPartitions, 0, groupRecords, time.Now(), nil))
	if err != nil {
		return err
	}
	if err := errors.Join(all.all(ctx, groupRecords), m.leave()); err != nil {
		return err
	}
	return errors.Join(
		b.listed(ctx, group, kafka.ConsumerGroupStateEmpty),
		b.hasCommitted(ctx, group, topic, groupRecords/groupPartitions),
		b.alter(ctx, group, topic, 5),
		b.hasCommitted(ctx, group, topic, 5),
		b.remove(ctx, group),
		wantsCode("deleting it again", b.remove(ctx, group), kafka.ErrGroupIDNotFound),
		b.listed(ctx, group, kafka.ConsumerGroupStateUnknown))
}

// remove deletes a group.
func (b *bench) remove(ctx context.Context, group string) error {
	r, err := b.admin.DeleteConsumerGroups(ctx, []string{group})
	if err != nil {
		return err
	}
	return failed(r.ConsumerGroupResults[0].Error)
}

// listed compares a group's state; unknown means that it must not be there.
func (b *bench) listed(ctx context.Context, group string, state kafka.ConsumerGroupState) error {
	r, err := b.admin.ListConsumerGroups(ctx)
	if err := errors.Join(append(r.Errors, err)...); err != nil {
		return err
	}
	got := kafka.ConsumerGroupState(kafka.ConsumerGroupStateUnknown)
	for _, g := range r.Valid {
		if g.GroupID == group {
			got = g.State
		}
	}
	return equal("listed state", got, state)
}

func (b *bench) hasCommitted(ctx context.Context, group, topic string, want kafka.Offset) error {
	r, err := b.admin.ListConsumerGroupOffsets(ctx, []kafka.ConsumerGroupTopicPartitions{{
		Group: group, Partitions: []kafka.TopicPartition{at(topic, 2, 0)}}})
	if err != nil {
		return err
	}
	p := r.ConsumerGroupsTopicPartitions[0].Partitions
	if len(p) != 1 {
		return fmt.Errorf("%d partitions have offsets", len(p))
	}
	return errors.Join(p[0].Error, equal("committed offset", p[0].Offset, want))
}

func (b *bench) alter(ctx context.Context, group, topic string, to kafka.Offset) error {
	r, err := b.admin.AlterConsumerGroupOffsets(ctx, []kafka.ConsumerGroupTopicPartitions{{
		Group: group, Partitions: []kafka.TopicPartition{at(topic, 2, to)}}})
	if err != nil {
		return err
	}
	return r.ConsumerGroupsTopicPartitions[0].Partitions[0].Error
}
