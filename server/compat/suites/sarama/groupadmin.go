package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// groupAdmin looks at a group that has a member, and again when it has none.
func (b *bench) groupAdmin(ctx context.Context) error {
	topic, err := b.topic(groupPartitions)
	if err != nil {
		return err
	}
	admin, err := b.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	group, all := b.name(), &seen{times: map[record]int{}}
	m, err := b.join(ctx, config(), group, topic, all)
	if err != nil {
		return err
	}
	if err := settled(ctx, groupPartitions, m); err != nil {
		return err
	}
	if _, err := b.produce(config(), topic, groupPartitions, groupRecords, time.Now()); err != nil {
		return err
	}
	err = errors.Join(all.all(ctx, groupRecords), b.described(admin, group, "Stable", m),
		wants("deleting a group with members", admin.DeleteConsumerGroup(group), sarama.ErrNonEmptyGroup))
	if err != nil {
		return err
	}
	if err := m.leave(); err != nil {
		return err
	}
	return errors.Join(b.described(admin, group, "Empty", nil), b.offsetsOf(admin, group, topic), b.deleted(admin, group))
}

// wants compares errors.
func wants(what string, got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("%s: %v, must be %v", what, got, want)
	}
	return nil
}

// described compares how a group is listed and described.
func (b *bench) described(admin sarama.ClusterAdmin, group, state string, m *member) error {
	listed, err := admin.ListConsumerGroups()
	if err != nil {
		return err
	}
	groups, err := admin.DescribeConsumerGroups([]string{group})
	if err != nil {
		return err
	}
	g := groups[0]
	if err := errors.Join(equal("listed type", listed[group], "consumer"), equal("state", g.State, state), equal("error", g.Err, sarama.ErrNoError)); err != nil {
		return err
	}
	if m == nil {
		return equal("members", len(g.Members), 0)
	}
	claims, _, id, _ := m.state()
	described, ok := g.Members[id]
	if !ok || len(g.Members) != 1 {
		return fmt.Errorf("members %v, must be %s", g.Members, id)
	}
	assignment, err := described.GetMemberAssignment()
	if err != nil {
		return err
	}
	assigned := 0
	for _, partitions := range assignment.Topics {
		assigned += len(partitions)
	}
	return errors.Join(equal("protocol", g.Protocol, "range"), equal("client id", described.ClientId, "sarama-suite"),
		equal("described partitions", assigned, len(claims)))
}

// offsetsOf reads, alters and deletes committed offsets.
func (b *bench) offsetsOf(admin sarama.ClusterAdmin, group, topic string) error {
	at := func(want int64) error {
		r, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {2}})
		if err != nil {
			return err
		}
		block := r.GetBlock(topic, 2)
		if block == nil {
			return fmt.Errorf("no offset is listed, must be %d", want)
		}
		return errors.Join(equal("committed offset", block.Offset, want), equal("error", block.Err, sarama.ErrNoError))
	}
	if err := at(groupRecords / groupPartitions); err != nil {
		return err
	}
	altered, err := admin.AlterConsumerGroupOffsets(group, map[string]map[int32]sarama.OffsetAndMetadata{
		topic: {2: {Offset: 5, LeaderEpoch: -1}}}, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(equal("error of the alteration", altered.Errors[topic][2], sarama.ErrNoError), at(5)); err != nil {
		return err
	}
	return errors.Join(admin.DeleteConsumerGroupOffset(group, topic, 2), at(-1))
}

// deleted deletes a group, for which it is then unknown.
func (b *bench) deleted(admin sarama.ClusterAdmin, group string) error {
	if err := admin.DeleteConsumerGroup(group); err != nil {
		return err
	}
	listed, err := admin.ListConsumerGroups()
	if err != nil {
		return err
	}
	if _, there := listed[group]; there {
		return errors.New("a deleted group is listed")
	}
	return wants("deleting it again", admin.DeleteConsumerGroup(group), sarama.ErrGroupIDNotFound)
}
