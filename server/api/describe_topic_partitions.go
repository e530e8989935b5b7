package api

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/metadata"
	"moldau/server/wire"
)

// describeTopicPartitions answers what Metadata does, a page at a time, so that
// a cluster of any size can be described in bounded answers.
func (b *Broker) describeTopicPartitions(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	resp.Version = r.Version
	names := make([]string, 0, len(req.Topics))
	for i := range req.Topics {
		names = append(names, req.Topics[i].Topic)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if !validCursor(req.Cursor, names) {
		for _, name := range names {
			resp.Topics = append(resp.Topics, undescribed(name, kerr.InvalidRequest.Code))
		}
		return wire.Reply{Response: resp}, nil
	}
	page := page{resp: resp, room: max(min(b.DescribePartitionsMax, int(req.ResponsePartitionLimit)), 1)}
	from := ""
	if req.Cursor != nil {
		from, page.cursor = req.Cursor.Topic, req.Cursor
	}
	img := b.Controller.Image()
	if len(names) == 0 {
		img.TopicsFrom(from, page.add)
		return wire.Reply{Response: resp}, nil
	}
	at, _ := slices.BinarySearch(names, from)
	for _, name := range names[at:] {
		if t, ok := img.Topic(name); !ok {
			unknown := undescribed(name, unknownTopicCode(name))
			unknown.AuthorizedOperations = topicOperations
			resp.Topics = append(resp.Topics, unknown)
		} else if !page.add(t) {
			break
		}
	}
	return wire.Reply{Response: resp}, nil
}

// validCursor tells whether a cursor points into what is asked for.
func validCursor(c *kmsg.DescribeTopicPartitionsRequestCursor, names []string) bool {
	if c == nil {
		return true
	}
	_, named := slices.BinarySearch(names, c.Topic)
	return c.Partition >= 0 && (named || len(names) == 0)
}

// page is an answer with room for so many partitions.
type page struct {
	resp   *kmsg.DescribeTopicPartitionsResponse
	room   int
	cursor *kmsg.DescribeTopicPartitionsRequestCursor // where to go on, nil at the beginning
}

// add adds a topic, or as much of it as there is room for, and tells whether
// there may be room for another. Where it stops is the next page's cursor.
func (p *page) add(t *metadata.Topic) bool {
	first := 0
	if p.cursor != nil && p.cursor.Topic == t.Name {
		first = min(int(p.cursor.Partition), len(t.Partitions))
	}
	if p.room == 0 {
		p.next(t.Name, first)
		return false
	}
	end := min(len(t.Partitions), first+p.room)
	topic := kmsg.NewDescribeTopicPartitionsResponseTopic()
	topic.Topic, topic.TopicID, topic.IsInternal = &t.Name, t.ID, t.Internal
	topic.AuthorizedOperations = topicOperations
	for n := first; n < end; n++ {
		state := &t.Partitions[n]
		d := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		d.Partition, d.Replicas, d.ISR = int32(n), state.Replicas, state.ISR
		d.ErrorCode, d.LeaderID, d.LeaderEpoch = leadership(state)
		// Empty and not null: no replica outside the in-sync set is ever eligible.
		d.EligibleLeaderReplicas, d.LastKnownELR = []int32{}, []int32{}
		topic.Partitions = append(topic.Partitions, d)
	}
	p.resp.Topics = append(p.resp.Topics, topic)
	p.room -= end - first
	if end < len(t.Partitions) {
		p.next(t.Name, end)
		return false
	}
	return true
}

func (p *page) next(topic string, partition int) {
	c := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
	c.Topic, c.Partition = topic, int32(partition)
	p.resp.NextCursor = &c
}

func undescribed(name string, code int16) kmsg.DescribeTopicPartitionsResponseTopic {
	t := kmsg.NewDescribeTopicPartitionsResponseTopic()
	t.Topic, t.ErrorCode, t.AuthorizedOperations = &name, code, operationsOmitted
	return t
}
