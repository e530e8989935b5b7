package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

type groupReset struct {
	bootstrap bootstrap
	topics    []string
	allTopics bool
	to        string
	shiftBy   int64
	isShift   bool
	dryRun    bool
}

// groupResetReport tells the offsets before and after. It is what would become
// of them for a dry run, and for a partition with an error.
type groupResetReport struct {
	Group      string           `json:"group"`
	DryRun     bool             `json:"dryRun"`
	Partitions []resetPartition `json:"partitions"`
}

type resetPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Before    *int64 `json:"before"` // null for none
	After     *int64 `json:"after"`  // null if it cannot be told
	Note      string `json:"note,omitempty"`
	Error     string `json:"error,omitempty"`
}

func newGroupResetCommand() *cobra.Command {
	var g groupReset
	c := &cobra.Command{
		Use:   "reset GROUP",
		Short: "Set a group's offsets back or forth",
		Long: `Set the offsets that a group goes on from, for some topics or for all it has
committed to: to the beginning or end, to an offset, to a time, or by a number
of records back or forth. What lies outside of a partition is taken to its
beginning or end, and that is noted.

The group must have no members, for they would go on where they are. A group
that does not exist is made by it. Either all offsets that are asked for can be
found, or none is set.`,
		Example: `  moldau group reset billing --all-topics --to beginning --dry-run
  moldau group reset billing --topic orders --to 2026-01-31T12:00:00Z
  moldau group reset billing --topic orders:0,2 --topic payments --to 1500
  moldau group reset billing --topic orders --shift-by -10 --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			g.isShift = c.Flags().Changed("shift-by")
			return g.run(c.Context(), args[0], outputOf(c))
		},
	}
	g.bootstrap.register(c.Flags())
	c.ValidArgsFunction = g.bootstrap.complete(groupNames, 1)
	f := c.Flags()
	f.StringArrayVar(&g.topics, "topic", nil, "`TOPIC` or TOPIC:0,1; may be repeated")
	f.BoolVar(&g.allTopics, "all-topics", false, "all topics that the group has committed to")
	f.StringVar(&g.to, "to", "", "`place` to go on from: beginning, end, an offset, @milliseconds or 2006-01-02T15:04:05Z")
	f.Int64Var(&g.shiftBy, "shift-by", 0, "`number` of offsets to go forth, or back if it is negative")
	f.BoolVar(&g.dryRun, "dry-run", false, "tell what would be set, and set nothing")
	registerFlag(c, "topic", g.bootstrap.complete(topicNames, 0))
	return c
}

func (g *groupReset) run(ctx context.Context, group string, o output) error {
	topics, err := parseTopicPartitions(g.topics)
	if err != nil {
		return err
	}
	if (len(topics) > 0) == g.allTopics {
		return usageErrorf("want either --topic or --all-topics")
	}
	if (g.to != "") == g.isShift {
		return usageErrorf("want either --to or --shift-by")
	}
	to, err := parseStart("--to", cmp.Or(g.to, "end"))
	if err != nil {
		return err
	}
	admin, err := g.bootstrap.connectToGroups(ctx, group)
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := refuseMembers(ctx, admin, group); err != nil {
		return err
	}
	plan, err := g.plan(ctx, admin, group, topics, to)
	if err != nil {
		return err
	}
	report := groupResetReport{Group: group, DryRun: g.dryRun, Partitions: plan}
	failed := report.failed()
	var committed error
	if failed == nil && !g.dryRun {
		if committed = report.commit(ctx, admin); committed == nil {
			failed = report.failed()
		}
	}
	if committed != nil {
		return committed
	}
	return errors.Join(o.write(report, report.writeText), failed)
}

// refuseMembers fails for a group that is at work. A group that does not exist
// has no members.
func refuseMembers(ctx context.Context, admin *kadm.Client, group string) error {
	d, err := describeOne(ctx, admin, group)
	switch {
	case errors.Is(err, kerr.GroupIDNotFound) || errors.Is(err, errNoGroup):
		return nil
	case err != nil:
		return fmt.Errorf("group %s: %w", group, brokerError(err, ""))
	case d.State != "Empty" || len(d.Members) > 0:
		return fmt.Errorf("group %s is %s with %d members: stop them first, for they would go on where they are", group, d.State, len(d.Members))
	}
	return nil
}

// plan finds every offset before any is set.
func (g *groupReset) plan(ctx context.Context, admin *kadm.Client, group string, topics []topicPartitions, to start) ([]resetPartition, error) {
	committed, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("fetch the offsets of group %s: %w", group, brokerError(err, ""))
	}
	if g.allTopics {
		for topic := range committed {
			topics = append(topics, topicPartitions{topic: topic})
		}
		if len(topics) == 0 {
			return nil, fmt.Errorf("group %s: %w: name topics with --topic", group, errNoOffsets)
		}
		slices.SortFunc(topics, func(a, b topicPartitions) int { return cmp.Compare(a.topic, b.topic) })
	}
	var plan []resetPartition
	for _, t := range topics {
		some, err := g.planTopic(ctx, admin, t, committed, to)
		if err != nil {
			return nil, fmt.Errorf("topic %s: %w", t.topic, err)
		}
		plan = append(plan, some...)
	}
	return plan, nil
}

func (g *groupReset) planTopic(ctx context.Context, admin *kadm.Client, t topicPartitions, committed kadm.OffsetResponses, to start) ([]resetPartition, error) {
	partitions, err := partitionsOf(ctx, admin, t.topic, t.partitions)
	if err != nil {
		return nil, err
	}
	places, err := to.places(ctx, admin, t.topic, partitions)
	if err != nil {
		return nil, err
	}
	var plan []resetPartition
	for _, p := range partitions {
		r := resetPartition{Topic: t.topic, Partition: p}
		before, ok := committed.Lookup(t.topic, p)
		if ok && before.Err != nil {
			return nil, fmt.Errorf("committed offset of partition %d: %w", p, brokerError(before.Err, ""))
		}
		if ok && before.At >= 0 {
			r.Before = &before.At
		}
		switch {
		case g.allTopics && r.Before == nil:
			continue
		case g.isShift && r.Before == nil:
			r.Error = errNoOffsets.Error()
		case g.isShift:
			r.set(saturatingAdd(before.At, g.shiftBy), places[p])
		default:
			r.set(places[p].at, places[p])
		}
		plan = append(plan, r)
	}
	return plan, nil
}

// saturatingAdd does not pass over the ends of the range, where adding would
// come out at the other.
func saturatingAdd(offset, by int64) int64 {
	sum := offset + by
	if by > 0 && sum < offset {
		return 1<<63 - 1
	}
	return sum // an offset is not negative, so no number takes it below the range
}

func (r *resetPartition) set(offset int64, in place) {
	after := max(min(offset, in.end), in.start)
	if after != offset {
		r.Note = fmt.Sprintf("%d is outside of %d to %d", offset, in.start, in.end)
	}
	r.After = &after
}

// commit sets the offsets, and notes what was refused.
func (r *groupResetReport) commit(ctx context.Context, admin *kadm.Client) error {
	offsets := kadm.Offsets{}
	for _, p := range r.Partitions {
		offsets.AddOffset(p.Topic, p.Partition, *p.After, -1)
	}
	answers, err := admin.CommitOffsets(ctx, r.Group, offsets)
	if err != nil {
		return fmt.Errorf("commit: %w", brokerError(err, ""))
	}
	for i := range r.Partitions {
		p := &r.Partitions[i]
		answer, ok := answers.Lookup(p.Topic, p.Partition)
		switch {
		case !ok:
			p.Error = "the broker says nothing of it"
		case errors.Is(answer.Err, kerr.UnknownMemberID) || errors.Is(answer.Err, kerr.RebalanceInProgress):
			p.Error = brokerError(answer.Err, "a member joined meanwhile").Error()
		case answer.Err != nil:
			p.Error = brokerError(answer.Err, "").Error()
		}
	}
	return nil
}

func (r *groupResetReport) failed() error {
	failed := 0
	for _, p := range r.Partitions {
		if p.Error != "" {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d offsets cannot be set", failed, len(r.Partitions))
}

func (r *groupResetReport) writeText(w io.Writer) {
	fmt.Fprintln(w, "TOPIC\tPARTITION\tBEFORE\tAFTER\tNOTE")
	for _, p := range r.Partitions {
		before := "-"
		if p.Before != nil {
			before = fmt.Sprint(*p.Before)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", p.Topic, p.Partition, before, offsetText(p.After), cmp.Or(p.Error, p.Note))
	}
	if r.DryRun {
		fmt.Fprintln(w, "Nothing was set: this is a dry run.")
	}
}
