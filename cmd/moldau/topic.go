package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

func newTopicCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "topic",
		Short: "Create, list, describe, alter and delete topics",
		Example: `  moldau topic list
  moldau topic describe events`,
		Args: cobra.NoArgs,
		RunE: requireSubcommand,
	}
	c.AddCommand(
		newTopicCreateCommand(),
		newTopicListCommand(),
		newTopicDescribeCommand(),
		newTopicAlterCommand(),
		newTopicDeleteCommand(),
	)
	return c
}

// topicResult is what became of one topic that a command was to change.
type topicResult struct {
	Topic      string `json:"topic"`
	ID         string `json:"id,omitempty"`
	Partitions int32  `json:"partitions,omitempty"`
	Result     string `json:"result"`
	Error      string `json:"error,omitempty"`
}

// writeResults reports each topic, and fails if any of them failed.
func writeResults(o output, results []topicResult) error {
	failed := 0
	for _, r := range results {
		if r.Error != "" {
			failed++
		}
	}
	err := o.write(results, func(w io.Writer) {
		for _, r := range results {
			fmt.Fprintf(w, "%s\t%s\n", r.Topic, strings.TrimSuffix(r.Result+": "+r.Error, ": "))
		}
	})
	if failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d of %d topics failed", failed, len(results)))
	}
	return err
}

func topicID(id kadm.TopicID) string {
	if id == (kadm.TopicID{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// parseConfigs reads name=value pairs.
func parseConfigs(pairs []string) (map[string]*string, error) {
	configs := make(map[string]*string, len(pairs))
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usageErrorf("config %q is not name=value", pair)
		}
		if _, twice := configs[name]; twice {
			return nil, usageErrorf("config %s is given twice", name)
		}
		configs[name] = &value
	}
	return configs, nil
}

type listedTopic struct {
	Topic      string `json:"topic"`
	ID         string `json:"id,omitempty"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"`
	Internal   bool   `json:"internal"`
}

func newTopicListCommand() *cobra.Command {
	var b bootstrap
	var internal bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List topics",
		Example: `  moldau topic list
  moldau topic list --internal --format json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return listTopics(c.Context(), &b, internal, outputOf(c))
		},
	}
	b.register(c.Flags())
	c.Flags().BoolVar(&internal, "internal", false, "list internal topics as well")
	return c
}

func listTopics(ctx context.Context, b *bootstrap, internal bool, o output) error {
	admin, err := b.connectAdmin(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	topics, err := admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	list := []listedTopic{}
	for _, t := range topics.Sorted() {
		if t.IsInternal && !internal {
			continue
		}
		list = append(list, listedTopic{
			Topic: t.Topic, ID: topicID(t.ID), Partitions: len(t.Partitions),
			Replicas: t.Partitions.NumReplicas(), Internal: t.IsInternal,
		})
	}
	return o.write(list, func(w io.Writer) {
		fmt.Fprintln(w, "TOPIC\tPARTITIONS\tREPLICAS\tID")
		for _, t := range list {
			fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", t.Topic, t.Partitions, t.Replicas, t.ID)
		}
	})
}
