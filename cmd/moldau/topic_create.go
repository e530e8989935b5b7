package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
)

type topicCreation struct {
	bootstrap   bootstrap
	partitions  int32
	replicas    int16
	configs     []string
	ifNotExists bool
	dryRun      bool
}

func newTopicCreateCommand() *cobra.Command {
	var t topicCreation
	c := &cobra.Command{
		Use:   "create TOPIC...",
		Short: "Create topics",
		Example: `  moldau topic create events
  moldau topic create events audit --partitions 6 --config retention.ms=3600000
  moldau topic create events --if-not-exists --format json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, topics []string) error {
			return t.run(c.Context(), topics, outputOf(c))
		},
	}
	t.bootstrap.register(c.Flags())
	c.Flags().Int32Var(&t.partitions, "partitions", -1, "`number` of partitions; -1 is the broker's default")
	c.Flags().Int16Var(&t.replicas, "replication-factor", -1, "`number` of replicas; -1 is the broker's default")
	c.Flags().StringArrayVar(&t.configs, "config", nil, "`name=value` of the topic's configuration; may be repeated")
	c.Flags().BoolVar(&t.ifNotExists, "if-not-exists", false, "do not fail for topics that exist")
	c.Flags().BoolVar(&t.dryRun, "dry-run", false, "let the broker check, and create nothing")
	return c
}

func (t *topicCreation) run(ctx context.Context, topics []string, o output) error {
	configs, err := parseConfigs(t.configs)
	if err != nil {
		return err
	}
	admin, err := t.bootstrap.connectAdmin(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	create, done := admin.CreateTopics, "created"
	if t.dryRun {
		create, done = admin.ValidateCreateTopics, "would be created"
	}
	answers, err := create(ctx, t.partitions, t.replicas, configs, topics...)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	results := []topicResult{}
	for _, name := range topics {
		answer := answers[name]
		r := topicResult{Topic: name, ID: topicID(answer.ID), Partitions: max(answer.NumPartitions, 0), Result: done}
		switch {
		case t.ifNotExists && errors.Is(answer.Err, kerr.TopicAlreadyExists):
			r.Result = "exists"
		case answer.Err != nil:
			r.Result, r.Error = "failed", brokerError(answer.Err, answer.ErrMessage).Error()
		}
		results = append(results, r)
	}
	return writeResults(o, results)
}
