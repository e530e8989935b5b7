package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
	"moldau/server/compat/topics"
)

// holding is what a broker holds, as it tells clients.
type holding struct {
	Topics map[string]*topicHolding
	Groups map[string]map[string]string // committed offsets, by group and partition
}

type topicHolding struct {
	ID         string
	Configs    map[string]string // that were set for the topic
	Partitions []*partitionHolding
}

type partitionHolding struct {
	Start, Stable, End int64
	Batches            []string // "base-last epoch digest"
	Aborted            []string // "producer first"
	Records            int
}

// notCompared are configs that one side does not show, or has not and says so.
func notCompared(topic, config string) bool {
	return config == "internal.segment.bytes" || strings.HasPrefix(config, "moldau.") || topic == "__transaction_state" && config == "compression.type"
}

// hold asks a broker for everything.
func hold(ctx context.Context, addr string) (*holding, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	h := &holding{Topics: map[string]*topicHolding{}, Groups: map[string]map[string]string{}}
	listed, err := adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range listed.Sorted() {
		if h.Topics[t.Topic], err = holdTopic(ctx, cl, adm, t); err != nil {
			return nil, fmt.Errorf("topic %s: %w", t.Topic, err)
		}
	}
	return h, h.holdGroups(ctx, adm)
}

func holdTopic(ctx context.Context, cl *kgo.Client, adm *kadm.Client, t kadm.TopicDetail) (*topicHolding, error) {
	h := &topicHolding{ID: t.ID.String(), Configs: map[string]string{}}
	described, err := adm.DescribeTopicConfigs(ctx, t.Topic)
	if err != nil {
		return nil, err
	}
	for _, c := range described[0].Configs {
		if c.Source == kmsg.ConfigSourceDynamicTopicConfig && !notCompared(t.Topic, c.Key) {
			h.Configs[c.Key] = c.MaybeValue()
		}
	}
	starts, err1 := adm.ListStartOffsets(ctx, t.Topic)
	ends, err2 := adm.ListEndOffsets(ctx, t.Topic)
	if err := errors.Join(err1, err2, starts.Error(), ends.Error()); err != nil {
		return nil, err
	}
	for n := range t.Partitions.Sorted() {
		start, _ := starts.Lookup(t.Topic, int32(n))
		end, _ := ends.Lookup(t.Topic, int32(n))
		p := &partitionHolding{Start: start.Offset, End: end.Offset}
		if err := p.fetch(ctx, cl, topics.Partition{Topic: t.Topic, ID: t.ID, Number: int32(n)}); err != nil {
			return nil, fmt.Errorf("partition %d: %w", n, err)
		}
		h.Partitions = append(h.Partitions, p)
	}
	return h, nil
}

// fetch reads all batches twice: by the high watermark, and by the last stable
// offset for what was aborted.
func (p *partitionHolding) fetch(ctx context.Context, cl *kgo.Client, from topics.Partition) error {
	for next := p.Start; next < p.End; {
		answer, err := topics.Fetch(ctx, cl, from, next, topics.ReadUncommitted)
		if err != nil {
			return err
		}
		after := p.take(answer.RecordBatches, next)
		if after == next {
			return fmt.Errorf("nothing is answered from offset %d of %d", next, p.End)
		}
		next = after
	}
	answer, err := topics.Fetch(ctx, cl, from, p.Start, topics.ReadCommitted)
	if err != nil {
		return err
	}
	for p.Stable = answer.LastStableOffset; ; {
		for _, a := range answer.AbortedTransactions {
			line := fmt.Sprintf("%d %d", a.ProducerID, a.FirstOffset)
			if !slices.Contains(p.Aborted, line) {
				p.Aborted = append(p.Aborted, line)
			}
		}
		next := lastOf(answer.RecordBatches) + 1
		if next == 0 || next >= p.Stable {
			slices.SortFunc(p.Aborted, cmp.Compare)
			return nil
		}
		if answer, err = topics.Fetch(ctx, cl, from, next, topics.ReadCommitted); err != nil {
			return err
		}
	}
}

func (p *partitionHolding) take(b []byte, next int64) int64 {
	for {
		batch, rest, err := record.Next(b)
		if err != nil {
			return next
		}
		if batch.LastOffset() >= next {
			sum := sha256.Sum256(batch)
			p.Batches = append(p.Batches, fmt.Sprintf("%d-%d epoch %d %s", batch.BaseOffset(), batch.LastOffset(), batch.LeaderEpoch(), hex.EncodeToString(sum[:8])))
			p.Records += int(batch.Count())
			next = batch.LastOffset() + 1
		}
		b = rest
	}
}

func lastOf(b []byte) int64 {
	last := int64(-1)
	for {
		batch, rest, err := record.Next(b)
		if err != nil {
			return last
		}
		last, b = batch.LastOffset(), rest
	}
}

func (h *holding) holdGroups(ctx context.Context, adm *kadm.Client) error {
	groups, err := adm.ListGroups(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups.Sorted() {
		offsets, err := adm.FetchOffsets(ctx, g.Group)
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Group, err)
		}
		h.Groups[g.Group] = map[string]string{}
		for _, o := range offsets.Sorted() {
			h.Groups[g.Group][fmt.Sprintf("%s-%d", o.Topic, o.Partition)] = fmt.Sprintf("offset %d epoch %d %q", o.At, o.LeaderEpoch, o.Metadata)
		}
	}
	return nil
}

// String sums it up.
func (h *holding) String() string {
	partitions, batches, records, aborted, offsets := 0, 0, 0, 0, 0
	for _, t := range h.Topics {
		for _, p := range t.Partitions {
			partitions++
			batches += len(p.Batches)
			records += p.Records
			aborted += len(p.Aborted)
		}
	}
	for _, g := range h.Groups {
		offsets += len(g)
	}
	return fmt.Sprintf("%d topics, %d partitions, %d batches with %d records, %d aborted transactions, %d groups with %d committed offsets",
		len(h.Topics), partitions, batches, records, aborted, len(h.Groups), offsets)
}

// internal topics are written to by a broker that merely starts.
func internal(topic string) bool { return strings.HasPrefix(topic, "__") }
