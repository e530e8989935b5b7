package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"moldau/server/compat/suite"
)

func (b *bench) groupTests() []suite.Test {
	strategies := []sarama.BalanceStrategy{
		sarama.NewBalanceStrategyRange(), sarama.NewBalanceStrategyRoundRobin(), sarama.NewBalanceStrategySticky(),
	}
	var tests []suite.Test
	for _, s := range strategies {
		tests = append(tests, suite.Test{Name: "two members, " + s.Name(), Run: func(ctx context.Context) error { return b.twoMembers(ctx, s) }})
	}
	return append(tests,
		suite.Test{Name: "a static member comes back without a rebalance", Run: b.staticMember},
		suite.Test{Name: "committed offsets and their metadata", Run: b.committed},
		suite.Test{Name: "groups: list, describe, offsets, delete", Run: b.groupAdmin},
	)
}

const groupPartitions, groupRecords = 4, 400

// twoMembers lets a second member come, read its share, and go. What is read
// twice or not at all was committed wrongly on the way.
func (b *bench) twoMembers(ctx context.Context, strategy sarama.BalanceStrategy) error {
	topic, err := b.topic(groupPartitions)
	if err != nil {
		return err
	}
	c := config()
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	group, all := b.name(), &seen{times: map[record]int{}}
	more := func(rounds int) error {
		if _, err := b.produce(config(), topic, groupPartitions, groupRecords, time.Now()); err != nil {
			return err
		}
		return all.all(ctx, rounds*groupRecords)
	}
	first, err := b.join(ctx, c, group, topic, all)
	if err != nil {
		return err
	}
	if err := errors.Join(settled(ctx, groupPartitions, first), more(1)); err != nil {
		return err
	}
	second, err := b.join(ctx, c, group, topic, all)
	if err != nil {
		return err
	}
	if err := errors.Join(settled(ctx, groupPartitions, first, second), more(2)); err != nil {
		return err
	}
	if claims, _, _, _ := second.state(); len(claims) != groupPartitions/2 {
		return fmt.Errorf("the second member owns %v", claims)
	}
	if err := first.leave(); err != nil {
		return err
	}
	if err := errors.Join(settled(ctx, groupPartitions, second), more(3), second.leave()); err != nil {
		return err
	}
	// Whoever comes now finds nothing to read but what is new.
	third, err := b.join(ctx, c, group, topic, all)
	if err != nil {
		return err
	}
	return errors.Join(settled(ctx, groupPartitions, third), more(4), third.leave())
}

func (b *bench) staticMember(ctx context.Context) error {
	topic, err := b.topic(groupPartitions)
	if err != nil {
		return err
	}
	group, all := b.name(), &seen{times: map[record]int{}}
	static := func(instance string) (*member, error) {
		c := config()
		c.Consumer.Group.InstanceId = instance
		return b.join(ctx, c, group, topic, all)
	}
	one, err1 := static("one")
	two, err2 := static("two")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := settled(ctx, groupPartitions, one, two); err != nil {
		return err
	}
	claims, generation, id, _ := two.state()
	if err := two.leave(); err != nil { // sarama leaves a static group without a word
		return err
	}
	if two, err = static("two"); err != nil {
		return err
	}
	if err := settled(ctx, groupPartitions, one, two); err != nil {
		return err
	}
	claimsNow, generationNow, idNow, _ := two.state()
	return errors.Join(
		equal("the generation after a static member came back", generationNow, generation),
		equal("its partitions", fmt.Sprint(claimsNow), fmt.Sprint(claims)),
		equal("whether it has another member id", idNow != id, true),
		one.leave(), two.leave())
}

func (b *bench) committed(context.Context) error {
	topic, err := b.topic(2)
	if err != nil {
		return err
	}
	group := b.name()
	next := func(mark func(sarama.PartitionOffsetManager)) (offset int64, metadata string, err error) {
		cl, err := sarama.NewClient(b.addrs, config())
		if err != nil {
			return 0, "", err
		}
		defer cl.Close()
		offsets, err := sarama.NewOffsetManagerFromClient(group, cl)
		if err != nil {
			return 0, "", err
		}
		defer offsets.Close()
		p, err := offsets.ManagePartition(topic, 1)
		if err != nil {
			return 0, "", err
		}
		defer p.AsyncClose() // it ends with its manager, which is to be closed behind it
		offset, metadata = p.NextOffset()
		if mark != nil {
			mark(p)
			offsets.Commit()
		}
		return offset, metadata, nil
	}
	for _, step := range []struct {
		mark     func(sarama.PartitionOffsetManager)
		offset   int64 // found before it marks
		metadata string
	}{
		{func(p sarama.PartitionOffsetManager) { p.MarkOffset(42, "nota bene: ěščř") }, sarama.OffsetOldest, ""},
		{func(p sarama.PartitionOffsetManager) { p.ResetOffset(7, "") }, 42, "nota bene: ěščř"},
		{nil, 7, ""},
	} {
		offset, metadata, err := next(step.mark)
		err = errors.Join(err, equal("committed offset", offset, step.offset), equal("its metadata", metadata, step.metadata))
		if err != nil {
			return err
		}
	}
	return nil
}
