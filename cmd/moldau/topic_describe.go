package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type describedTopic struct {
	Topic      string               `json:"topic"`
	ID         string               `json:"id,omitempty"`
	Internal   bool                 `json:"internal"`
	Partitions []describedPartition `json:"partitions"`
	Configs    []describedConfig    `json:"configs"`
}

type describedPartition struct {
	Partition   int32   `json:"partition"`
	Leader      int32   `json:"leader"`
	LeaderEpoch int32   `json:"leaderEpoch"`
	Replicas    []int32 `json:"replicas"`
	ISR         []int32 `json:"isr"`
	// Null where the partition cannot tell.
	Start *int64 `json:"start"`
	End   *int64 `json:"end"`
	Error string `json:"error,omitempty"`
}

type describedConfig struct {
	Name   string  `json:"name"`
	Value  *string `json:"value"` // null if sensitive
	Source string  `json:"source"`
}

func newTopicDescribeCommand() *cobra.Command {
	var b bootstrap
	var allConfigs bool
	c := &cobra.Command{
		Use:   "describe TOPIC...",
		Short: "Describe topics: partitions, offsets, configuration",
		Long: `Describe topics: leaders, replicas and offsets of their partitions, and the
configuration that is set on the topic itself.

Start is the first offset, end the one after the last that consumers may read.`,
		Example: `  moldau topic describe events
  moldau topic describe events --all-configs --format json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, topics []string) error {
			return describeTopics(c.Context(), &b, topics, allConfigs, outputOf(c))
		},
	}
	b.register(c.Flags())
	c.ValidArgsFunction = b.complete(topicNames, 0)
	c.Flags().BoolVar(&allConfigs, "all-configs", false, "show configuration that has its default, too")
	return c
}

func describeTopics(ctx context.Context, b *bootstrap, names []string, allConfigs bool, o output) error {
	admin, err := b.connectAdmin(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	details, err := admin.ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return fmt.Errorf("describe topics: %w", err)
	}
	described := []describedTopic{}
	var failed []error
	for _, name := range names {
		t := details[name]
		err := t.Err
		var d describedTopic
		if err == nil {
			d, err = describeTopic(ctx, admin, t, allConfigs)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("topic %s: %w", name, brokerError(err, "")))
			continue
		}
		described = append(described, d)
	}
	if err := o.write(described, func(w io.Writer) {
		for _, d := range described {
			d.writeText(w)
		}
	}); err != nil {
		return err
	}
	return errors.Join(failed...)
}

func describeTopic(ctx context.Context, admin *kadm.Client, t kadm.TopicDetail, allConfigs bool) (describedTopic, error) {
	d := describedTopic{Topic: t.Topic, ID: topicID(t.ID), Internal: t.IsInternal, Partitions: []describedPartition{}, Configs: []describedConfig{}}
	starts, err := admin.ListStartOffsets(ctx, t.Topic)
	if err != nil {
		return d, fmt.Errorf("list start offsets: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, t.Topic)
	if err != nil {
		return d, fmt.Errorf("list end offsets: %w", err)
	}
	for _, p := range t.Partitions.Sorted() {
		dp := describedPartition{Partition: p.Partition, Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, Replicas: p.Replicas, ISR: p.ISR}
		errs := []error{brokerError(p.Err, "")}
		for _, of := range []struct {
			listed kadm.ListedOffsets
			to     **int64
		}{{starts, &dp.Start}, {ends, &dp.End}} {
			at, ok := of.listed.Lookup(t.Topic, p.Partition)
			if ok && at.Err == nil {
				*of.to = &at.Offset
			}
			errs = append(errs, brokerError(at.Err, ""))
		}
		if err := errors.Join(errs...); err != nil {
			dp.Error = err.Error()
		}
		d.Partitions = append(d.Partitions, dp)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, t.Topic)
	if err != nil {
		return d, fmt.Errorf("describe configuration: %w", err)
	}
	rc, err := configs.On(t.Topic, nil)
	if err == nil {
		err = brokerError(rc.Err, rc.ErrMessage)
	}
	if err != nil {
		return d, fmt.Errorf("describe configuration: %w", err)
	}
	for _, c := range rc.Configs {
		if allConfigs || c.Source == kmsg.ConfigSourceDynamicTopicConfig {
			d.Configs = append(d.Configs, describedConfig{c.Key, c.Value, c.Source.String()})
		}
	}
	return d, nil
}

func (d describedTopic) writeText(w io.Writer) {
	fmt.Fprintf(w, "topic %s, %d partitions", d.Topic, len(d.Partitions))
	if d.ID != "" {
		fmt.Fprintf(w, ", id %s", d.ID)
	}
	fmt.Fprintln(w)
	for _, c := range d.Configs {
		value := "(sensitive)"
		if c.Value != nil {
			value = *c.Value
		}
		fmt.Fprintf(w, "  %s=%s\n", c.Name, value)
	}
	fmt.Fprintln(w, "PARTITION\tSTART\tEND\tLEADER\tEPOCH\tREPLICAS\tISR\tERROR")
	for _, p := range d.Partitions {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", p.Partition, offsetText(p.Start), offsetText(p.End),
			p.Leader, p.LeaderEpoch, brokersText(p.Replicas), brokersText(p.ISR), p.Error)
	}
	fmt.Fprintln(w)
}

func offsetText(offset *int64) string {
	if offset == nil {
		return "?"
	}
	return fmt.Sprint(*offset)
}

func brokersText(ids []int32) string {
	return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(ids), "[]")), ",")
}
