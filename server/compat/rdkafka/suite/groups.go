package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"moldau/server/compat/suite"
)

func (b *bench) groupTests() []suite.Test {
	var tests []suite.Test
	for _, protocol := range []string{"range", "roundrobin", "cooperative-sticky"} {
		tests = append(tests, suite.Test{Name: "two members, " + protocol, Run: func(ctx context.Context) error { return b.twoMembers(ctx, protocol) }})
	}
	return append(tests,
		suite.Test{Name: "a static member comes back without a rebalance", Run: b.staticMember},
		suite.Test{Name: "a second one of the same instance id fences the first", Run: b.fenced},
		suite.Test{Name: "commit, committed, resume", Run: b.committed},
		suite.Test{Name: "groups: list, describe, offsets, delete", Run: b.groupAdmin},
	)
}

const groupPartitions, groupRecords = 4, 200

// twoMembers lets a second member come, read its share, and go. What is read
// twice or not at all was committed wrongly on the way.
func (b *bench) twoMembers(ctx context.Context, protocol string) error {
	topic, err := b.topic(ctx, groupPartitions)
	if err != nil {
		return err
	}
	group, all, rounds := b.name(), &seen{times: map[place]int{}}, 0
	settings := kafka.ConfigMap{"partition.assignment.strategy": protocol}
	more := func(members ...*member) error {
		if _, err := b.settled(ctx, group, groupPartitions, members...); err != nil {
			return err
		}
		rounds++
		if err := b.produce(topic, groupPartitions, 0, groupRecords, time.Now(), nil); err != nil {
			return err
		}
		return all.all(ctx, rounds*groupRecords)
	}
	first, err := b.join(group, topic, all, settings)
	if err != nil {
		return err
	}
	if err := more(first); err != nil {
		return err
	}
	second, err := b.join(group, topic, all, settings)
	if err != nil {
		return err
	}
	if err := more(first, second); err != nil {
		return err
	}
	g, err := b.described(ctx, group)
	if err := errors.Join(err, equal("assignor", g.PartitionAssignor, protocol), first.leave(), more(second)); err != nil {
		return err
	}
	return second.leave()
}

// static joins with an instance id.
func (b *bench) static(group, topic, instance string, all *seen) (*member, error) {
	return b.join(group, topic, all, kafka.ConfigMap{"group.instance.id": instance})
}

func (b *bench) staticMember(ctx context.Context) error {
	topic, err := b.topic(ctx, groupPartitions)
	if err != nil {
		return err
	}
	group, all := b.name(), &seen{times: map[place]int{}}
	one, err1 := b.static(group, topic, "one", all)
	two, err2 := b.static(group, topic, "two", all)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	before, err := b.settled(ctx, group, groupPartitions, one, two)
	if err != nil {
		return err
	}
	// librdkafka leaves a static group without a word, so it stays as it is.
	if err := two.leave(); err != nil {
		return err
	}
	if two, err = b.static(group, topic, "two", all); err != nil {
		return err
	}
	// Its records are read again: it is there.
	if err := b.produce(topic, groupPartitions, 0, groupRecords, time.Now(), nil); err != nil {
		return err
	}
	if err := all.all(ctx, groupRecords); err != nil {
		return err
	}
	after, err := b.settled(ctx, group, groupPartitions, one, two)
	if err != nil {
		return err
	}
	return errors.Join(
		equal("partitions of two", owned(after, "two"), owned(before, "two")),
		equal("partitions of one", owned(after, "one"), owned(before, "one")),
		equal("whether two has another member id", memberID(after, "two") != memberID(before, "two"), true),
		equal("member id of one", memberID(after, "one"), memberID(before, "one")),
		one.leave(), two.leave())
}

func owned(g kafka.ConsumerGroupDescription, instance string) string {
	for _, m := range g.Members {
		if m.GroupInstanceID == instance {
			return fmt.Sprint(m.Assignment.TopicPartitions)
		}
	}
	return "no such member"
}

func memberID(g kafka.ConsumerGroupDescription, instance string) string {
	for _, m := range g.Members {
		if m.GroupInstanceID == instance {
			return m.ConsumerID
		}
	}
	return ""
}

func (b *bench) fenced(ctx context.Context) error {
	topic, err := b.topic(ctx, groupPartitions)
	if err != nil {
		return err
	}
	group, all := b.name(), &seen{times: map[place]int{}}
	first, err := b.static(group, topic, "one", all)
	if err != nil {
		return err
	}
	if _, err := b.settled(ctx, group, groupPartitions, first); err != nil {
		return err
	}
	second, err := b.static(group, topic, "one", all)
	if err != nil {
		return err
	}
	select {
	case err := <-first.ended:
		if err := wantsCode("the first member ended", err, kafka.ErrFencedInstanceID); err != nil {
			return err
		}
	case <-ctx.Done():
		return errors.New("the first member is not fenced")
	}
	// It is not closed: librdkafka waits for ever for a consumer that was fenced.
	_, err = b.settled(ctx, group, groupPartitions, second)
	return errors.Join(err, second.leave())
}

func (b *bench) committed(ctx context.Context) error {
	topic, _, c, err := b.filled(ctx, 100)
	if err != nil {
		return err
	}
	c.Close()
	group := b.name()
	metadata := "nota bene: ěščř"
	for _, step := range []struct {
		found, commit kafka.Offset
	}{{kafka.OffsetInvalid, 42}, {42, 7}, {7, 7}} {
		c, err := b.consumer(group, nil)
		if err != nil {
			return err
		}
		found, err := c.Committed([]kafka.TopicPartition{at(topic, 0, 0)}, 10_000)
		if err := errors.Join(err, equal("committed offset", found[0].Offset, step.found)); err != nil {
			return err
		}
		if step.found >= 0 && (found[0].Metadata == nil || *found[0].Metadata != metadata) {
			return fmt.Errorf("metadata of the commit is %v", found[0].Metadata)
		}
		if err := c.Assign([]kafka.TopicPartition{at(topic, 0, kafka.OffsetStored)}); err != nil {
			return err
		}
		got, err := read(ctx, c, 1)
		if err != nil {
			return err
		}
		commit := at(topic, 0, step.commit)
		commit.Metadata = &metadata
		_, err = c.CommitOffsets([]kafka.TopicPartition{commit})
		err = errors.Join(err, equal("first offset read", got[0].TopicPartition.Offset, max(step.found, 0)), c.Close())
		if err != nil {
			return err
		}
	}
	return nil
}
