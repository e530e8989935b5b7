package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const topicCommand = "org.apache.kafka.tools.TopicCommand"

func topicChecks() []check {
	return []check{
		{"TopicCommand --create, --describe", topicCreate},
		{"TopicCommand --create refuses what Kafka refuses", topicRefusals},
		{"TopicCommand --alter --partitions", topicAlter},
		{"TopicCommand --list, --delete, --create again", topicDelete},
	}
}

func topicCreate(ctx context.Context, b *bench) error {
	topic := b.name()
	out, err := b.tool(ctx, topicCommand, "--create", "--topic", topic, "--partitions", "3", "--replication-factor", "1",
		"--config", "retention.ms=7200000", "--config", "segment.bytes=2097152").ok()
	if err != nil {
		return err
	}
	if err := wants(out, "Created topic "+topic); err != nil {
		return err
	}
	out, err = b.tool(ctx, topicCommand, "--describe", "--topic", topic).ok()
	if err != nil {
		return err
	}
	details, err := b.adm.ListTopics(ctx, topic)
	if err != nil {
		return err
	}
	raw := details[topic].ID
	if raw == [16]byte{} {
		return errors.New("the topic has no id")
	}
	id := base64.RawURLEncoding.EncodeToString(raw[:])
	for p := range 3 {
		want := fmt.Sprintf("Topic: %s\tPartition: %d\tLeader: 1\tReplicas: 1\tIsr: 1", topic, p)
		if err := wants(out, want); err != nil {
			return err
		}
	}
	return wants(out, "TopicId: "+id, "PartitionCount: 3\tReplicationFactor: 1\tConfigs: ",
		"retention.ms=7200000", "segment.bytes=2097152")
}

func topicRefusals(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	for _, refusal := range []struct {
		args []string
		why  string
	}{
		{[]string{"--create", "--topic", topic}, "already exists"},
		{[]string{"--create", "--topic", "no/slash"}, "InvalidTopicException"},
		{[]string{"--create", "--topic", b.name(), "--replication-factor", "3"}, "InvalidReplicationFactorException"},
		{[]string{"--describe", "--topic", b.name()}, "does not exist as expected"},
		{[]string{"--delete", "--topic", b.name()}, "does not exist as expected"},
		{[]string{"--alter", "--topic", topic, "--partitions", "1"}, "InvalidPartitionsException"},
	} {
		if err := b.tool(ctx, topicCommand, refusal.args...).refused(refusal.why); err != nil {
			return fmt.Errorf("%v: %w", refusal.args, err)
		}
	}
	_, err = b.tool(ctx, topicCommand, "--create", "--if-not-exists", "--topic", topic).ok()
	return err
}

func topicAlter(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 2)
	if err != nil {
		return err
	}
	if _, err := b.tool(ctx, topicCommand, "--alter", "--topic", topic, "--partitions", "5").ok(); err != nil {
		return err
	}
	out, err := b.tool(ctx, topicCommand, "--describe", "--topic", topic).ok()
	if err != nil {
		return err
	}
	if err := wants(out, "PartitionCount: 5"); err != nil {
		return err
	}
	// A partition that was just added works.
	return b.write(ctx, topic, 4, recently(), "first")
}

func topicDelete(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	if err := b.write(ctx, topic, 0, recently(), "to be forgotten"); err != nil {
		return err
	}
	listed := func() (bool, error) {
		out, err := b.tool(ctx, topicCommand, "--list").ok()
		return slices.Contains(strings.Fields(out), topic), err
	}
	if there, err := listed(); err != nil || !there {
		return fmt.Errorf("created topic not listed (%v)", err)
	}
	if _, err := b.tool(ctx, topicCommand, "--delete", "--topic", topic).ok(); err != nil {
		return err
	}
	if there, err := listed(); err != nil || there {
		return fmt.Errorf("deleted topic still listed (%v)", err)
	}
	if _, err := b.tool(ctx, topicCommand, "--create", "--topic", topic).ok(); err != nil {
		return fmt.Errorf("create again: %w", err)
	}
	ends, err := b.adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	end, _ := ends.Lookup(topic, 0)
	return errors.Join(end.Err, equal("end of the topic created again", end.Offset, 0))
}
