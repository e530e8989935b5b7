package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func newGroupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "group",
		Short: "List, describe, reset and delete consumer groups",
		Example: `  moldau group list
  moldau group describe billing`,
		Args: cobra.NoArgs,
		RunE: requireSubcommand,
	}
	c.AddCommand(
		newGroupListCommand(),
		newGroupDescribeCommand(),
		newGroupResetCommand(),
		newGroupDeleteCommand(),
	)
	return c
}

func groupNames(ctx context.Context, admin *kadm.Client) ([]string, error) {
	groups, err := admin.ListGroups(ctx)
	return groups.Groups(), err
}

// coordinatorPollInterval is the time between two questions for coordinators.
const coordinatorPollInterval = 100 * time.Millisecond

// groupStates are those of Kafka's groups of every kind.
var groupStates = []string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Assigning", "Reconciling", "NotReady"}

type listedGroup struct {
	Group        string `json:"group"`
	State        string `json:"state"`
	ProtocolType string `json:"protocolType"`
	Coordinator  int32  `json:"coordinator"`
}

func newGroupListCommand() *cobra.Command {
	var b bootstrap
	var states []string
	c := &cobra.Command{
		Use:   "list",
		Short: "List groups with their states",
		Long: `List consumer groups with their states: Empty has no members, Stable is at work,
PreparingRebalance and CompletingRebalance are about to be.`,
		Example: `  moldau group list
  moldau group list --state empty,stable --format json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return listGroups(c.Context(), &b, states, outputOf(c))
		},
	}
	b.register(c.Flags())
	c.Flags().StringSliceVar(&states, "state", nil, "only groups in one of these comma-separated `states`")
	return c
}

func listGroups(ctx context.Context, b *bootstrap, states []string, o output) error {
	for i, s := range states {
		known := slices.IndexFunc(groupStates, func(k string) bool { return strings.EqualFold(k, s) })
		if known < 0 {
			return usageErrorf("--state is %q, want some of %s", s, strings.Join(groupStates, ", "))
		}
		states[i] = groupStates[known]
	}
	admin, err := b.connectAdmin(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	groups, err := admin.ListGroups(ctx, states...)
	if err != nil {
		return fmt.Errorf("list groups: %w", err)
	}
	list := []listedGroup{}
	for _, g := range groups.Sorted() {
		list = append(list, listedGroup{g.Group, g.State, g.ProtocolType, g.Coordinator})
	}
	return o.write(list, func(w io.Writer) {
		fmt.Fprintln(w, "GROUP\tSTATE\tTYPE\tCOORDINATOR")
		for _, g := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", g.Group, g.State, g.ProtocolType, g.Coordinator)
		}
	})
}

// connectToGroups returns a client once the groups have coordinators: a cluster
// that never had a group only now makes the topic that they are kept in.
func (b *bootstrap) connectToGroups(ctx context.Context, groups ...string) (*kadm.Client, error) {
	admin, err := b.connectAdmin(ctx)
	if err != nil {
		return nil, err
	}
	waitCtx, cancel := context.WithTimeout(ctx, retryTimeout)
	defer cancel()
	for {
		found := admin.FindGroupCoordinators(waitCtx, groups...)
		err := found.Error()
		if !errors.Is(err, kerr.CoordinatorNotAvailable) {
			return admin, nil // any other error is told by what is asked for next
		}
		select {
		case <-time.After(coordinatorPollInterval):
		case <-waitCtx.Done():
			admin.Close()
			return nil, fmt.Errorf("find coordinator: %w", brokerError(err, ""))
		}
	}
}

// errNoGroup is about a group that has neither members nor offsets. Brokers of
// before Kafka 4 say so by the state Dead.
var errNoGroup = errors.New("there is no such group")

// topicPartitions is the value of --topic: a topic, or some of its partitions.
type topicPartitions struct {
	topic      string
	partitions []int32 // nil for all
}

// parseTopicPartitions reads T or T:0,1,2. A topic's name has no colon.
func parseTopicPartitions(values []string) ([]topicPartitions, error) {
	var all []topicPartitions
	for _, value := range values {
		topic, numbers, some := strings.Cut(value, ":")
		t := topicPartitions{topic: topic}
		for number := range strings.SplitSeq(numbers, ",") {
			var p int32
			if _, err := fmt.Sscanf(number, "%d", &p); some && (err != nil || p < 0 || fmt.Sprint(p) != number) {
				return nil, usageErrorf("--topic %q is neither TOPIC nor TOPIC:0,1,2", value)
			}
			if some && !slices.Contains(t.partitions, p) {
				t.partitions = append(t.partitions, p)
			}
		}
		if topic == "" || slices.ContainsFunc(all, func(o topicPartitions) bool { return o.topic == topic }) {
			return nil, usageErrorf("--topic %q names no topic or one that is given before", value)
		}
		all = append(all, t)
	}
	return all, nil
}

// has tells whether a partition is among them.
func (t topicPartitions) has(partition int32) bool {
	return t.partitions == nil || slices.Contains(t.partitions, partition)
}
