package server

import (
	"context"
	"fmt"

	"moldau/logstore"
	"moldau/server/api"
	"moldau/server/controller"
	"moldau/server/group"
	"moldau/server/metadata"
	"moldau/server/metadata/configs"
	"moldau/server/replica"
)

// openGroups opens the coordinator of the groups, which loads them in the
// background.
func (s *Server) openGroups(layers configs.Layers, control *controller.Controller, replicas *replica.Manager) (*group.Coordinator, error) {
	if least, most := number(layers, "group.min.session.timeout.ms"), number(layers, "group.max.session.timeout.ms"); least > most {
		return nil, fmt.Errorf("group.min.session.timeout.ms is %d, more than group.max.session.timeout.ms, %d: nobody could join a group", least, most)
	}
	groups := group.New(group.Options{
		Partitions: offsetsPartitions{replicas},
		Limits: group.Limits{
			SessionMinMs:     int32(number(layers, "group.min.session.timeout.ms")),
			SessionMaxMs:     int32(number(layers, "group.max.session.timeout.ms")),
			MembersMax:       int(number(layers, "group.max.size")),
			GroupsMax:        int(number(layers, "moldau.groups.max")),
			BytesMax:         number(layers, "moldau.groups.bytes.max"),
			GroupBytesMax:    number(layers, "moldau.group.bytes.max"),
			MetadataBytesMax: int(number(layers, "offset.metadata.max.bytes")),
		},
		InitialDelayMs:    number(layers, "group.initial.rebalance.delay.ms"),
		OffsetRetentionMs: number(layers, "offsets.retention.minutes") * 60_000,
		ExpiryIntervalMs:  number(layers, "offsets.retention.check.interval.ms"),
		// Not the image: a topic that is being deleted is gone from here first.
		TopicID: func(name string) ([16]byte, bool) {
			t, ok := replicas.Topic(name)
			if !ok {
				return [16]byte{}, false
			}
			return t.ID, true
		},
		Clock:  s.cfg.Clock,
		Logger: s.logger,
	})
	s.closing(func(context.Context) error { return groups.Close() })
	return groups, control.Subscribe(func(prev, next *metadata.Image) error {
		if len(metadata.DiffOf(prev, next).Removed) > 0 {
			groups.TopicsDeleted()
		}
		return nil
	})
}

func offsetsTopic(layers configs.Layers) api.OffsetsTopic {
	return api.OffsetsTopic{
		Partitions:   int32(number(layers, "offsets.topic.num.partitions")),
		Replication:  int16(number(layers, "offsets.topic.replication.factor")),
		SegmentBytes: number(layers, "offsets.topic.segment.bytes"),
	}
}

// offsetsPartitions are the partitions of the topic that groups are kept in, as
// this broker has them.
type offsetsPartitions struct{ replicas *replica.Manager }

func (p offsetsPartitions) Count() int32 {
	t, ok := p.replicas.Topic(group.Topic)
	if !ok {
		return 0
	}
	return t.Count()
}

func (p offsetsPartitions) Lead(n int32) (*logstore.Log, int32, error) {
	t, ok := p.replicas.Topic(group.Topic)
	if !ok {
		return nil, 0, logstore.ErrNotFound
	}
	partition, ok := t.Partition(n)
	if !ok {
		return nil, 0, replica.ErrNotLeader
	}
	return partition.Lead(replica.NoEpoch)
}
