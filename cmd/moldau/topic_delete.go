package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

type topicDeletion struct {
	bootstrap bootstrap
	ifExists  bool
	dryRun    bool
}

func newTopicDeleteCommand() *cobra.Command {
	var t topicDeletion
	c := &cobra.Command{
		Use:   "delete TOPIC...",
		Short: "Delete topics and all their records",
		Example: `  moldau topic delete events
  moldau topic delete events audit --if-exists
  moldau topic delete events --dry-run`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, topics []string) error {
			return t.run(c.Context(), topics, outputOf(c))
		},
	}
	t.bootstrap.register(c.Flags())
	c.ValidArgsFunction = t.bootstrap.complete(topicNames, 0)
	c.Flags().BoolVar(&t.ifExists, "if-exists", false, "do not fail for topics that do not exist")
	c.Flags().BoolVar(&t.dryRun, "dry-run", false, "tell which topics exist, and delete nothing")
	return c
}

func (t *topicDeletion) run(ctx context.Context, topics []string, o output) error {
	admin, err := t.bootstrap.connectAdmin(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	refusals, err := t.delete(ctx, admin, topics)
	if err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	results := []topicResult{}
	for _, name := range topics {
		r := topicResult{Topic: name, Result: "deleted"}
		if t.dryRun {
			r.Result = "would be deleted"
		}
		refusal := refusals[name]
		switch {
		case t.ifExists && errors.Is(refusal, kerr.UnknownTopicOrPartition):
			r.Result = "does not exist"
		case refusal != nil:
			r.Result, r.Error = "failed", brokerError(refusal, "").Error()
		}
		results = append(results, r)
	}
	return writeResults(o, results)
}

// delete returns why topics were not deleted. The protocol has no dry run for
// this, so it is answered from the metadata.
func (t *topicDeletion) delete(ctx context.Context, admin *kadm.Client, topics []string) (map[string]error, error) {
	refusals := make(map[string]error, len(topics))
	if t.dryRun {
		details, err := admin.ListTopicsWithInternal(ctx, topics...)
		if err != nil {
			return nil, err
		}
		for _, d := range details {
			refusals[d.Topic] = d.Err
		}
		return refusals, nil
	}
	answers, err := admin.DeleteTopics(ctx, topics...)
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		refusals[a.Topic] = a.Err
	}
	return refusals, nil
}
