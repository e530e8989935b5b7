package main

import (
	"context"
	"fmt"
	"strings"
)

const configCommand = "kafka.admin.ConfigCommand"

func configChecks() []check {
	return []check{
		{"ConfigCommand topics: describe, alter, delete", configTopic},
		{"ConfigCommand topics: refuses what Kafka refuses", configRefusals},
		{"ConfigCommand brokers: one broker and the cluster's default", configBroker},
	}
}

// describe returns the line of one config.
func (b *bench) describe(ctx context.Context, config string, entity ...string) (string, error) {
	out, err := b.tool(ctx, configCommand, append([]string{"--describe", "--all"}, entity...)...).ok()
	if err != nil {
		return "", err
	}
	for _, line := range lines(out) {
		if strings.HasPrefix(strings.TrimSpace(line), config+"=") {
			return strings.TrimSpace(line), nil
		}
	}
	return "", fmt.Errorf("%s is not among\n%s", config, out)
}

// alter runs --alter and lets the broker take it in: Kafka answers an
// alteration before its broker half has applied it.
func (b *bench) alter(ctx context.Context, args ...string) error {
	_, err := b.tool(ctx, configCommand, append([]string{"--alter"}, args...)...).ok()
	return err
}

func configTopic(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	entity := []string{"--entity-type", "topics", "--entity-name", topic}
	steps := []struct {
		alter []string
		want  string
	}{
		{nil, "max.message.bytes=1048588 sensitive=false synonyms={DEFAULT_CONFIG:message.max.bytes=1048588}"},
		{[]string{"--add-config", "max.message.bytes=2000000,retention.ms=3600000"},
			"max.message.bytes=2000000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:max.message.bytes=2000000, DEFAULT_CONFIG:message.max.bytes=1048588}"},
		{[]string{"--delete-config", "max.message.bytes"},
			"max.message.bytes=1048588 sensitive=false synonyms={DEFAULT_CONFIG:message.max.bytes=1048588}"},
	}
	for _, s := range steps {
		if s.alter != nil {
			if err := b.alter(ctx, append(s.alter, entity...)...); err != nil {
				return err
			}
		}
		line, err := b.describe(ctx, "max.message.bytes", entity...)
		if err != nil {
			return err
		}
		if err := equal("line", line, s.want); err != nil {
			return err
		}
	}
	// Without --all only what was set is shown, and retention.ms stayed.
	out, err := b.tool(ctx, configCommand, append([]string{"--describe"}, entity...)...).ok()
	if err != nil {
		return err
	}
	if strings.Contains(out, "max.message.bytes") {
		return fmt.Errorf("a deleted override is still shown:\n%s", out)
	}
	return wants(out, "retention.ms=3600000 sensitive=false")
}

func configRefusals(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	for _, refusal := range []struct{ topic, config, why string }{
		{topic, "retention.ms=long", "InvalidConfigurationException"},
		{topic, "no.such.config=1", "InvalidConfigurationException"},
		{topic, "max.message.bytes=-5", "InvalidConfigurationException"},
		{b.name(), "retention.ms=3600000", "UnknownTopicOrPartitionException"},
	} {
		err := b.tool(ctx, configCommand, "--alter", "--entity-type", "topics", "--entity-name", refusal.topic,
			"--add-config", refusal.config).refused(refusal.why)
		if err != nil {
			return fmt.Errorf("%s: %w", refusal.config, err)
		}
	}
	return nil
}

func configBroker(ctx context.Context, b *bench) error {
	const config = "log.retention.ms"
	broker := []string{"--entity-type", "brokers", "--entity-name", "1"}
	cluster := []string{"--entity-type", "brokers", "--entity-default"}
	defer func() { // other checks, and the next run, want the defaults
		_ = b.alter(ctx, append([]string{"--delete-config", config}, broker...)...)
		_ = b.alter(ctx, append([]string{"--delete-config", config}, cluster...)...)
	}()
	if err := b.alter(ctx, append([]string{"--add-config", config + "=86400000"}, cluster...)...); err != nil {
		return err
	}
	if err := b.alter(ctx, append([]string{"--add-config", config + "=43200000"}, broker...)...); err != nil {
		return err
	}
	line, err := b.describe(ctx, config, broker...)
	if err != nil {
		return err
	}
	if err := wants(line, "log.retention.ms=43200000 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:log.retention.ms=43200000, DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=86400000"); err != nil {
		return err
	}
	// Topics inherit it.
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	line, err = b.describe(ctx, "retention.ms", "--entity-type", "topics", "--entity-name", topic)
	if err != nil {
		return err
	}
	if err := wants(line, "retention.ms=43200000 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:log.retention.ms=43200000"); err != nil {
		return err
	}
	out, err := b.tool(ctx, configCommand, append([]string{"--describe"}, cluster...)...).ok()
	if err != nil {
		return err
	}
	return wants(out, "log.retention.ms=86400000")
}
