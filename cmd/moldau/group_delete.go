package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

type groupDeletion struct {
	bootstrap bootstrap
	topics    []string
	ifExists  bool
	dryRun    bool
}

// groupResult is what became of a group, or of its offset of one partition.
type groupResult struct {
	Group     string `json:"group"`
	Topic     string `json:"topic,omitempty"`
	Partition *int32 `json:"partition,omitempty"`
	Result    string `json:"result"`
	Error     string `json:"error,omitempty"`
}

func newGroupDeleteCommand() *cobra.Command {
	var g groupDeletion
	c := &cobra.Command{
		Use:   "delete GROUP...",
		Short: "Delete groups, or their offsets of some topics",
		Long: `Delete groups with all their offsets. A group that has members is not deleted.

With --topic only the offsets of that topic are deleted, or of some of its
partitions, and the group stays. None of the group's members may be subscribed
to the topic.`,
		Example: `  moldau group delete billing audit
  moldau group delete billing --topic orders --topic payments:0,1
  moldau group delete billing --if-exists --dry-run`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, groups []string) error {
			return g.run(c.Context(), groups, outputOf(c))
		},
	}
	g.bootstrap.register(c.Flags())
	c.ValidArgsFunction = g.bootstrap.complete(groupNames, 0)
	f := c.Flags()
	f.StringArrayVar(&g.topics, "topic", nil, "`TOPIC` or TOPIC:0,1 whose offsets alone to delete; may be repeated")
	f.BoolVar(&g.ifExists, "if-exists", false, "do not fail for groups, or with --topic offsets, that do not exist")
	f.BoolVar(&g.dryRun, "dry-run", false, "tell what would be deleted, and delete nothing")
	registerFlag(c, "topic", g.bootstrap.complete(topicNames, 0))
	return c
}

func (g *groupDeletion) run(ctx context.Context, groups []string, o output) error {
	topics, err := parseTopicPartitions(g.topics)
	if err != nil {
		return err
	}
	admin, err := g.bootstrap.connectToGroups(ctx, groups...)
	if err != nil {
		return err
	}
	defer admin.Close()
	results := []groupResult{}
	for _, group := range groups {
		if len(topics) == 0 {
			results = append(results, g.result(groupResult{Group: group}, g.deleteGroup(ctx, admin, group)))
			continue
		}
		some, err := g.deleteOffsets(ctx, admin, group, topics)
		if err != nil {
			some = append(some, g.result(groupResult{Group: group}, err))
		}
		results = append(results, some...)
	}
	return writeGroupResults(o, results)
}

// result completes r by what became of it.
func (g *groupDeletion) result(r groupResult, err error) groupResult {
	switch {
	case err == nil && g.dryRun:
		r.Result = "would be deleted"
	case err == nil:
		r.Result = "deleted"
	case g.ifExists && (errors.Is(err, kerr.GroupIDNotFound) || errors.Is(err, errNoGroup) || errors.Is(err, errNoOffsets)):
		r.Result = "does not exist"
	default:
		r.Result, r.Error = "failed", brokerError(err, "").Error()
	}
	return r
}

// deleteGroup answers a dry run from the group's description: the protocol has
// none for this.
func (g *groupDeletion) deleteGroup(ctx context.Context, admin *kadm.Client, group string) error {
	if !g.dryRun {
		answer, err := admin.DeleteGroup(ctx, group)
		if err != nil && answer.ErrMessage != "" {
			return brokerError(err, answer.ErrMessage)
		}
		return err
	}
	d, err := describeOne(ctx, admin, group)
	if err == nil && len(d.Members) > 0 {
		err = kerr.NonEmptyGroup
	}
	return err
}

// describeOne is the state of a group that exists.
func describeOne(ctx context.Context, admin *kadm.Client, group string) (kadm.DescribedGroup, error) {
	described, err := admin.DescribeGroups(ctx, group)
	if err != nil {
		return kadm.DescribedGroup{}, err
	}
	d, err := described.On(group, nil)
	if err == nil && d.Err != nil {
		err = d.Err
	}
	if err == nil && d.State == "Dead" {
		err = errNoGroup
	}
	return d, err
}

var errNoOffsets = errors.New("no offset is committed")

func (g *groupDeletion) deleteOffsets(ctx context.Context, admin *kadm.Client, group string, topics []topicPartitions) ([]groupResult, error) {
	committed, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return nil, err
	}
	var results []groupResult
	var doomed kadm.TopicsSet
	for _, t := range topics {
		partitions := t.partitions
		if partitions == nil {
			for p := range committed[t.topic] {
				partitions = append(partitions, p)
			}
			slices.Sort(partitions)
		}
		if len(partitions) == 0 {
			results = append(results, g.result(groupResult{Group: group, Topic: t.topic}, errNoOffsets))
		}
		for _, p := range partitions {
			if o, ok := committed.Lookup(t.topic, p); !ok || o.At < 0 {
				results = append(results, g.result(groupResult{Group: group, Topic: t.topic, Partition: &p}, errNoOffsets))
				continue
			}
			doomed.Add(t.topic, p)
		}
	}
	var answers kadm.DeleteOffsetsResponses
	if !g.dryRun {
		if answers, err = admin.DeleteOffsets(ctx, group, doomed); err != nil {
			return results, err
		}
	}
	for _, t := range doomed.Sorted() {
		for _, p := range t.Partitions {
			err, ok := answers.Lookup(t.Topic, p)
			if !ok && !g.dryRun {
				err = errors.New("the broker says nothing of it")
			}
			results = append(results, g.result(groupResult{Group: group, Topic: t.Topic, Partition: &p}, err))
		}
	}
	return results, nil
}

// writeGroupResults reports each, and fails if any of them failed.
func writeGroupResults(o output, results []groupResult) error {
	failed := 0
	for _, r := range results {
		if r.Error != "" {
			failed++
		}
	}
	err := o.write(results, func(w io.Writer) {
		for _, r := range results {
			name := r.Group
			if r.Topic != "" {
				name += "\t" + r.Topic
			}
			if r.Partition != nil {
				name += fmt.Sprintf("\t%d", *r.Partition)
			}
			text := r.Result
			if r.Error != "" {
				text += ": " + r.Error
			}
			fmt.Fprintf(w, "%s\t%s\n", name, text)
		}
	})
	if failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d of %d deletions failed", failed, len(results)))
	}
	return err
}
