package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"moldau/server/compat/suite"
)

func (b *bench) adminTests() []suite.Test {
	return []suite.Test{
		{Name: "topics: create, list, describe, grow, delete", Run: b.adminTopics},
		{Name: "configs: describe, alter, alter incrementally", Run: b.adminConfigs},
		{Name: "records: delete", Run: b.adminRecords},
	}
}

func (b *bench) adminTopics(ctx context.Context) error {
	admin, err := b.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	topic, retention := b.name(), "3600000"
	detail := &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &retention}}
	if err := admin.CreateTopic(topic, detail, true); err != nil {
		return fmt.Errorf("validating only: %w", err)
	}
	if err := admin.CreateTopic(topic, detail, false); err != nil {
		return err
	}
	if err := wants("creating it again", admin.CreateTopic(topic, detail, false), sarama.ErrTopicAlreadyExists); err != nil {
		return err
	}
	listed, err := admin.ListTopics()
	if err != nil {
		return err
	}
	if got := listed[topic].ConfigEntries["retention.ms"]; got == nil || *got != retention {
		return fmt.Errorf("listed as %+v", listed[topic])
	}
	if err := admin.CreatePartitions(topic, 5, nil, false); err != nil {
		return err
	}
	described, err := admin.DescribeTopics([]string{topic})
	if err != nil {
		return err
	}
	if err := errors.Join(equal("error", described[0].Err, sarama.ErrNoError), equal("partitions", len(described[0].Partitions), 5)); err != nil {
		return err
	}
	if err := admin.DeleteTopic(topic); err != nil {
		return err
	}
	// Kafka tells of a deletion before its own metadata knows it.
	for there := true; there; _, there = listed[topic] {
		if ctx.Err() != nil {
			return errors.New("a deleted topic is listed")
		}
		if listed, err = admin.ListTopics(); err != nil {
			return err
		}
	}
	return wants("deleting it again", admin.DeleteTopic(topic), sarama.ErrUnknownTopicOrPartition)
}

func (b *bench) adminConfigs(context.Context) error {
	topic, err := b.topic(1)
	if err != nil {
		return err
	}
	admin, err := b.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	is := func(name, want string) error {
		entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{name}})
		if err != nil {
			return err
		}
		if len(entries) != 1 {
			return fmt.Errorf("%d entries for %s", len(entries), name)
		}
		return equal(name, entries[0].Value, want)
	}
	day, large := "86400000", "2097152"
	if err := admin.AlterConfig(sarama.TopicResource, topic, map[string]*string{"retention.ms": &day}, false); err != nil {
		return err
	}
	if err := is("retention.ms", day); err != nil {
		return err
	}
	err = admin.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
		"segment.bytes": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &large},
		"retention.ms":  {Operation: sarama.IncrementalAlterConfigsOperationDelete},
	}, false)
	if err != nil {
		return err
	}
	if err := errors.Join(is("segment.bytes", large), is("retention.ms", "604800000")); err != nil {
		return err
	}
	nonsense := "nonsense"
	err = admin.AlterConfig(sarama.TopicResource, topic, map[string]*string{"retention.ms": &nonsense}, false)
	if err == nil {
		return errors.New("retention.ms=nonsense is taken")
	}
	return nil
}

func (b *bench) adminRecords(ctx context.Context) error {
	topic, err := b.topic(1)
	if err != nil {
		return err
	}
	if _, err := b.produce(config(), topic, 1, 100, time.Now()); err != nil {
		return err
	}
	admin, err := b.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := admin.DeleteRecords(topic, map[int32]int64{0: 60}); err != nil {
		return err
	}
	got, err := b.read(ctx, topic, 0, sarama.OffsetOldest, 40)
	if err != nil {
		return err
	}
	return equal("first offset", got[0].Offset, 60)
}
