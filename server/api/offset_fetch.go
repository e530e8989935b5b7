package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/group"
	"moldau/server/wire"
)

// fetchedOffsetsMax bounds the partitions of one request, each of which takes
// some bytes in it and many in the answer.
const fetchedOffsetsMax = 1 << 20

// offsetFetch tells the committed offsets of groups. A group that does not
// exist has none, which is no error: a consumer asks before it joins.
//
// What is asked for twice is answered once, where it came first: an offset's
// metadata is a thousand times what it takes to ask for it.
func (b *Broker) offsetFetch(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrOffsetFetchResponse()
	resp.Version = r.Version
	if err := b.admitOffsetFetch(r, req); err != nil {
		return wire.Reply{}, err
	}
	if r.Version >= 8 {
		seen := map[string]bool{}
		for i := range req.Groups {
			g := kmsg.NewOffsetFetchResponseGroup()
			if g.Group = req.Groups[i].Group; seen[g.Group] {
				continue
			}
			seen[g.Group] = true
			g.Topics, g.ErrorCode = b.groupOffsets(r.Version, g.Group, req.Groups[i].Topics)
			resp.Groups = append(resp.Groups, g)
		}
		return wire.Reply{Response: resp}, nil
	}
	var asked []kmsg.OffsetFetchRequestGroupTopic
	if req.Topics != nil {
		asked = make([]kmsg.OffsetFetchRequestGroupTopic, len(req.Topics))
	}
	for i, t := range req.Topics {
		asked[i].Topic, asked[i].Partitions = t.Topic, t.Partitions
	}
	var topics []kmsg.OffsetFetchResponseGroupTopic
	topics, resp.ErrorCode = b.groupOffsets(r.Version, req.Group, asked)
	if r.Version < 2 && resp.ErrorCode != 0 {
		topics = refusedOffsets(asked, resp.ErrorCode) // there is no code for all
	}
	for _, t := range topics {
		x := kmsg.NewOffsetFetchResponseTopic()
		x.Topic = t.Topic
		for _, p := range t.Partitions {
			x.Partitions = append(x.Partitions, kmsg.OffsetFetchResponseTopicPartition(p))
		}
		resp.Topics = append(resp.Topics, x)
	}
	return wire.Reply{Response: resp}, nil
}

// admitOffsetFetch counts what the answer will take.
func (b *Broker) admitOffsetFetch(r *wire.Request, req *kmsg.OffsetFetchRequest) error {
	n := 0
	var stored int64 // of groups that are asked for whole
	for _, t := range req.Topics {
		n += len(t.Partitions)
	}
	if r.Version < 8 && req.Topics == nil {
		stored += b.Groups.Bytes(req.Group)
	}
	for _, g := range req.Groups {
		if g.Topics == nil {
			stored += b.Groups.Bytes(g.Group)
		}
		for _, t := range g.Topics {
			n += len(t.Partitions)
		}
	}
	if n > fetchedOffsetsMax {
		return fmt.Errorf("%w: offsets of %d partitions are asked for, allowed are %d", wire.ErrMalformed, n, fetchedOffsetsMax)
	}
	return r.Reserve(stored + int64(n)*int64(unsafe.Sizeof(kmsg.OffsetFetchResponseGroupTopicPartition{})))
}

// onceEach are the topics and partitions that are asked for, each once.
func onceEach(asked []kmsg.OffsetFetchRequestGroupTopic) []kmsg.OffsetFetchRequestGroupTopic {
	type topic struct {
		name string
		id   [16]byte
	}
	seen := make(map[topic]bool, len(asked))
	kept := asked[:0]
	for _, t := range asked {
		key := topic{t.Topic, t.TopicID}
		if seen[key] {
			continue
		}
		seen[key] = true
		if sorted := slices.Clone(t.Partitions); len(sorted) > 1 {
			slices.Sort(sorted)
			if sorted = slices.Compact(sorted); len(sorted) < len(t.Partitions) {
				t.Partitions = sorted
			}
		}
		kept = append(kept, t)
	}
	return kept
}

// groupOffsets are a group's offsets of the topics asked for, nil standing for
// all that it has any of.
func (b *Broker) groupOffsets(version int16, id string, asked []kmsg.OffsetFetchRequestGroupTopic) ([]kmsg.OffsetFetchResponseGroupTopic, int16) {
	if asked == nil {
		topics, err := b.allGroupOffsets(version, id)
		return topics, offsetFetchCode(err)
	}
	asked = onceEach(asked)
	topics := make([]kmsg.OffsetFetchResponseGroupTopic, len(asked))
	err := b.Groups.Offsets(id, func(of func(string, int32) group.PartitionOffset) {
		for i := range asked {
			t := &topics[i]
			*t = kmsg.NewOffsetFetchResponseGroupTopic()
			t.Topic, t.TopicID = asked[i].Topic, asked[i].TopicID
			name, code := asked[i].Topic, int16(0)
			if version >= 10 {
				topic, unknown := b.namedTopic(true, "", asked[i].TopicID)
				if topic == nil {
					code = unknown
				} else {
					name = topic.Name
				}
			}
			t.Partitions = make([]kmsg.OffsetFetchResponseGroupTopicPartition, len(asked[i].Partitions))
			for j, n := range asked[i].Partitions {
				if code != 0 {
					t.Partitions[j] = refusedOffset(n, code)
				} else {
					t.Partitions[j] = fetchedOffset(of(name, n))
				}
			}
		}
	})
	if err != nil {
		return nil, offsetFetchCode(err)
	}
	return topics, 0
}

// offsetFetchCode is errorCode, but for what consumers before 3.9 do not
// understand here and end at: of NOT_COORDINATOR they make the same.
func offsetFetchCode(err error) int16 {
	if errors.Is(err, group.ErrCoordinatorUnavailable) {
		err = group.ErrNotCoordinator
	}
	return errorCode(err)
}

func (b *Broker) allGroupOffsets(version int16, id string) ([]kmsg.OffsetFetchResponseGroupTopic, error) {
	all, err := b.Groups.AllOffsets(id)
	if err != nil {
		return nil, err
	}
	topics := []kmsg.OffsetFetchResponseGroupTopic{}
	last := ""
	for _, o := range all {
		if len(topics) == 0 || last != o.Topic {
			t := kmsg.NewOffsetFetchResponseGroupTopic()
			t.Topic = o.Topic
			if version >= 10 {
				topic, ok := b.Replicas.Topic(o.Topic)
				if !ok {
					continue // it has no id to be named by
				}
				t.TopicID = topic.ID
			}
			topics, last = append(topics, t), o.Topic
		}
		t := &topics[len(topics)-1]
		t.Partitions = append(t.Partitions, fetchedOffset(o))
	}
	return topics, nil
}

func fetchedOffset(o group.PartitionOffset) kmsg.OffsetFetchResponseGroupTopicPartition {
	p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = o.Partition, o.Offset, o.LeaderEpoch, &o.Metadata
	return p
}

func refusedOffset(n int32, code int16) kmsg.OffsetFetchResponseGroupTopicPartition {
	p := fetchedOffset(group.PartitionOffset{Partition: n, Offset: -1, LeaderEpoch: -1})
	p.ErrorCode = code
	return p
}

func refusedOffsets(asked []kmsg.OffsetFetchRequestGroupTopic, code int16) []kmsg.OffsetFetchResponseGroupTopic {
	topics := make([]kmsg.OffsetFetchResponseGroupTopic, len(asked))
	for i := range asked {
		topics[i].Topic = asked[i].Topic
		for _, n := range asked[i].Partitions {
			topics[i].Partitions = append(topics[i].Partitions, refusedOffset(n, code))
		}
	}
	return topics
}
