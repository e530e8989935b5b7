package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

type topicAlteration struct {
	bootstrap  bootstrap
	partitions int
	set        []string
	reset      []string
	dryRun     bool
}

func newTopicAlterCommand() *cobra.Command {
	var t topicAlteration
	c := &cobra.Command{
		Use:   "alter TOPIC...",
		Short: "Change configuration, add partitions",
		Example: `  moldau topic alter events --config retention.ms=86400000 --config cleanup.policy=compact
  moldau topic alter events --delete-config retention.ms
  moldau topic alter events --partitions 12 --dry-run`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, topics []string) error {
			return t.run(c.Context(), topics, outputOf(c))
		},
	}
	t.bootstrap.register(c.Flags())
	c.ValidArgsFunction = t.bootstrap.complete(topicNames, 0)
	c.Flags().IntVar(&t.partitions, "partitions", 0, "`number` of partitions to grow to; keys then go to other partitions")
	c.Flags().StringArrayVar(&t.set, "config", nil, "`name=value` to set; may be repeated")
	c.Flags().StringArrayVar(&t.reset, "delete-config", nil, "`name` to set back to its default; may be repeated")
	c.Flags().BoolVar(&t.dryRun, "dry-run", false, "let the broker check, and change nothing")
	return c
}

func (t *topicAlteration) run(ctx context.Context, topics []string, o output) error {
	changes, err := t.changes()
	if err != nil {
		return err
	}
	if t.partitions < 0 {
		return usageErrorf("--partitions is %d", t.partitions)
	}
	if len(changes) == 0 && t.partitions == 0 {
		return usageErrorf("nothing to alter: want --config, --delete-config or --partitions")
	}
	admin, err := t.bootstrap.connectAdmin(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	results := []topicResult{}
	for _, name := range topics {
		r := topicResult{Topic: name, Result: "altered"}
		if t.dryRun {
			r.Result = "would be altered"
		}
		if err := t.alter(ctx, admin, name, changes); err != nil {
			r.Result, r.Error = "failed", err.Error()
		}
		results = append(results, r)
	}
	return writeResults(o, results)
}

func (t *topicAlteration) changes() ([]kadm.AlterConfig, error) {
	set, err := parseConfigs(t.set)
	if err != nil {
		return nil, err
	}
	var changes []kadm.AlterConfig
	for _, name := range slices.Sorted(maps.Keys(set)) {
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: set[name]})
	}
	for _, name := range t.reset {
		if _, both := set[name]; both {
			return nil, usageErrorf("config %s is to be both set and deleted", name)
		}
		changes = append(changes, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: name})
	}
	return changes, nil
}

func (t *topicAlteration) alter(ctx context.Context, admin *kadm.Client, topic string, changes []kadm.AlterConfig) error {
	alterConfigs, updatePartitions := admin.AlterTopicConfigs, admin.UpdatePartitions
	if t.dryRun {
		alterConfigs, updatePartitions = admin.ValidateAlterTopicConfigs, admin.ValidateUpdatePartitions
	}
	if len(changes) > 0 {
		answers, err := alterConfigs(ctx, changes, topic)
		if err != nil {
			return err
		}
		answer, err := answers.On(topic, nil)
		if err != nil {
			return err
		}
		if err := brokerError(answer.Err, answer.ErrMessage); err != nil {
			return err
		}
	}
	if t.partitions > 0 {
		answers, err := updatePartitions(ctx, t.partitions, topic)
		if err != nil {
			return err
		}
		answer, err := answers.On(topic, nil)
		if err != nil {
			return err
		}
		if err := brokerError(answer.Err, answer.ErrMessage); err != nil {
			return fmt.Errorf("partitions: %w", err)
		}
	}
	return nil
}
