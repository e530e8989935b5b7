package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

type describedGroup struct {
	Group        string            `json:"group"`
	State        string            `json:"state"`
	ProtocolType string            `json:"protocolType"`
	Protocol     string            `json:"protocol"`
	Coordinator  int32             `json:"coordinator"`
	Lag          int64             `json:"lag"` // of the partitions that can tell
	Members      []describedMember `json:"members"`
	Partitions   []groupPartition  `json:"partitions"`
}

type describedMember struct {
	Member   string              `json:"member"`
	Instance *string             `json:"instance"`
	Client   string              `json:"client"`
	Host     string              `json:"host"`
	Topics   []string            `json:"topics"` // subscribed
	Assigned []assignedPartition `json:"assigned"`
}

type assignedPartition struct {
	Topic      string  `json:"topic"`
	Partitions []int32 `json:"partitions"`
}

// groupPartition is a partition that the group has committed to, or that is
// assigned. What nobody can tell is null.
type groupPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed *int64 `json:"committed"`
	Metadata  string `json:"metadata,omitempty"` // that came with the commit
	Start     *int64 `json:"start"`
	End       *int64 `json:"end"`
	Lag       *int64 `json:"lag"`
	Member    string `json:"member,omitempty"`
	Error     string `json:"error,omitempty"`
}

func newGroupDescribeCommand() *cobra.Command {
	var b bootstrap
	c := &cobra.Command{
		Use:   "describe GROUP...",
		Short: "Describe groups: members, assignment, offsets, lag",
		Long: `Describe groups: their members, and for each partition that is assigned or that
was committed to the committed offset, the partition's end, and the lag between
them. Where nothing is committed, the lag is the whole partition.`,
		Example: `  moldau group describe billing
  moldau group describe billing audit --format json | jq '.[].lag'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, groups []string) error {
			return describeGroups(c.Context(), &b, groups, outputOf(c))
		},
	}
	b.register(c.Flags())
	c.ValidArgsFunction = b.complete(groupNames, 0)
	return c
}

func describeGroups(ctx context.Context, b *bootstrap, names []string, o output) error {
	admin, err := b.connectToGroups(ctx, names...)
	if err != nil {
		return err
	}
	defer admin.Close()
	lags, err := admin.Lag(ctx, slices.Clone(names)...) // it reorders its argument
	if err != nil {
		return fmt.Errorf("describe groups: %w", err)
	}
	described := []describedGroup{}
	var failed []error
	for _, name := range names {
		l, answered := lags[name]
		err := l.Error()
		switch {
		case !answered:
			err = errors.New("the broker says nothing of it")
		case err == nil && l.State == "Dead" && len(l.Members) == 0 && l.Lag.IsEmpty():
			err = errNoGroup
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("group %s: %w", name, brokerError(err, "")))
			continue
		}
		described = append(described, describeGroup(l))
	}
	err = o.write(described, func(w io.Writer) {
		for _, d := range described {
			d.writeText(w)
		}
	})
	return errors.Join(append(failed, err)...)
}

func describeGroup(l kadm.DescribedGroupLag) describedGroup {
	d := describedGroup{
		Group: l.Group, State: l.State, ProtocolType: l.ProtocolType, Protocol: l.Protocol, Coordinator: l.Coordinator.NodeID,
		Members: []describedMember{}, Partitions: []groupPartition{},
	}
	for _, m := range l.Members {
		dm := describedMember{Member: m.MemberID, Instance: m.InstanceID, Client: m.ClientID, Host: m.ClientHost, Topics: []string{}, Assigned: []assignedPartition{}}
		if join, ok := m.Join.AsConsumer(); ok && join.Topics != nil {
			dm.Topics = join.Topics
		}
		if assigned, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range assigned.Topics {
				dm.Assigned = append(dm.Assigned, assignedPartition{t.Topic, t.Partitions})
			}
		}
		d.Members = append(d.Members, dm)
	}
	for _, p := range l.Lag.Sorted() {
		if p.Commit.At < 0 && p.Member == nil {
			continue // listed for its topic's other partitions' sake
		}
		dp := groupPartition{Topic: p.Topic, Partition: p.Partition, Metadata: p.Commit.Metadata}
		if p.Commit.At >= 0 {
			dp.Committed = &p.Commit.At
		}
		if p.Start.Err == nil {
			dp.Start = &p.Start.Offset
		}
		if p.End.Err == nil {
			dp.End = &p.End.Offset
		}
		if p.Err == nil {
			dp.Lag = &p.Lag
			d.Lag += p.Lag
		} else {
			dp.Error = brokerError(p.Err, "").Error()
		}
		if p.Member != nil {
			dp.Member = p.Member.MemberID
		}
		d.Partitions = append(d.Partitions, dp)
	}
	return d
}

func (d describedGroup) writeText(w io.Writer) {
	fmt.Fprintf(w, "group %s, %s", d.Group, d.State)
	if d.Protocol != "" {
		fmt.Fprintf(w, ", %s", d.Protocol)
	}
	fmt.Fprintf(w, ", %d members, lag %d\n", len(d.Members), d.Lag)
	if len(d.Members) > 0 {
		fmt.Fprintln(w, "MEMBER\tINSTANCE\tCLIENT\tHOST\tASSIGNED")
	}
	for _, m := range d.Members {
		instance := "-"
		if m.Instance != nil {
			instance = *m.Instance
		}
		assigned := make([]string, 0, len(m.Assigned))
		for _, a := range m.Assigned {
			assigned = append(assigned, a.Topic+":"+brokersText(a.Partitions))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.Member, instance, m.Client, m.Host, strings.Join(assigned, " "))
	}
	if len(d.Members) > 0 && len(d.Partitions) > 0 {
		fmt.Fprintln(w) // columns of their own
	}
	if len(d.Partitions) > 0 {
		fmt.Fprintln(w, "TOPIC\tPARTITION\tCOMMITTED\tEND\tLAG\tMEMBER\tERROR")
	}
	for _, p := range d.Partitions {
		committed, member := "-", "-"
		if p.Committed != nil {
			committed = fmt.Sprint(*p.Committed)
		}
		if p.Member != "" {
			member = p.Member
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", p.Topic, p.Partition, committed, offsetText(p.End), offsetText(p.Lag), member, p.Error)
	}
	fmt.Fprintln(w)
}
