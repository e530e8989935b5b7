package api

import (
	"context"
	"errors"
	"strconv"

	"moldau/server/controller"
	"moldau/server/group"
)

// OffsetsTopic says how the topic that groups are kept in is made.
type OffsetsTopic struct {
	// Partitions is Kafka's offsets.topic.num.partitions.
	Partitions int32
	// Replication is Kafka's offsets.topic.replication.factor. Where there are fewer
	// brokers it is their number: nobody should have to configure a single one.
	Replication int16
	// SegmentBytes is Kafka's offsets.topic.segment.bytes.
	SegmentBytes int64
}

// openOffsetsTopic creates the topic that groups are kept in, unless it is
// there. Clients try again after an error.
func (b *Broker) openOffsetsTopic(ctx context.Context) error {
	if _, ok := b.Replicas.Topic(group.Topic); ok {
		return nil
	}
	result := b.Controller.CreateTopics(ctx, []controller.NewTopic{b.automatic(group.Topic)}, false)[0]
	if result.Err != nil && !errors.Is(result.Err, controller.ErrTopicExists) {
		b.Logger.Error("the topic of groups cannot be created", "topic", group.Topic, "err", result.Err)
		return group.ErrCoordinatorUnavailable
	}
	b.Groups.Load()
	return nil
}

// automatic is a topic as it is created when it is first needed.
func (b *Broker) automatic(name string) controller.NewTopic {
	if name != group.Topic {
		return controller.NewTopic{Name: name, Partitions: -1, Replication: -1}
	}
	o := b.OffsetsTopic
	return controller.NewTopic{
		Name: name, Partitions: o.Partitions, Internal: true,
		Replication: min(o.Replication, int16(len(b.Controller.Image().Brokers()))),
		Configs: map[string]string{
			"cleanup.policy":    "compact",
			"compression.type":  "producer",
			"max.message.bytes": strconv.Itoa(group.RecordsBytesMax),
			"segment.bytes":     strconv.FormatInt(o.SegmentBytes, 10),
		},
	}
}
