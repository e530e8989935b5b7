package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/server/wire"
)

// deleteRecords raises start offsets.
func (b *Broker) deleteRecords(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrDeleteRecordsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrDeleteRecordsResponse()
	resp.Version = r.Version
	resp.Topics = make([]kmsg.DeleteRecordsResponseTopic, 0, len(req.Topics))
	// What is asked twice is answered once, and the last mention counts.
	offsets := map[logstore.TopicPartition]int64{}
	for i := range req.Topics {
		for _, asked := range req.Topics[i].Partitions {
			offsets[logstore.TopicPartition{Topic: req.Topics[i].Topic, Partition: asked.Partition}] = asked.Offset
		}
	}
	for i := range req.Topics {
		t := kmsg.NewDeleteRecordsResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, asked := range req.Topics[i].Partitions {
			tp := logstore.TopicPartition{Topic: t.Topic, Partition: asked.Partition}
			offset, open := offsets[tp]
			if !open {
				continue
			}
			delete(offsets, tp)
			p := kmsg.NewDeleteRecordsResponseTopicPartition()
			p.Partition = asked.Partition
			p.LowWatermark, p.ErrorCode = b.deleteBefore(t.Topic, asked.Partition, offset)
			t.Partitions = append(t.Partitions, p)
		}
		if len(t.Partitions) > 0 || len(req.Topics[i].Partitions) == 0 {
			resp.Topics = append(resp.Topics, t)
		}
	}
	return wire.Reply{Response: resp}, nil
}

// deleteBefore deletes the records below offset, -1 standing for all that
// consumers can see, and returns the new start offset, -1 with an error code.
func (b *Broker) deleteBefore(topic string, n int32, offset int64) (start int64, code int16) {
	t, ok := b.Replicas.Topic(topic)
	if !ok {
		return -1, kerr.UnknownTopicOrPartition.Code
	}
	p, ok := t.Partition(n)
	switch {
	case !ok:
		return -1, kerr.UnknownTopicOrPartition.Code
	case t.Internal:
		return -1, kerr.InvalidTopicException.Code
	}
	log, _, err := p.Lead(-1)
	if err != nil {
		return -1, errorCode(err)
	}
	// Kafka refuses where compaction alone decides; with no policy at all nothing
	// else would ever delete anything.
	if c := log.Config(); c.Compact && !c.Delete {
		return -1, kerr.PolicyViolation.Code
	}
	if offset == -1 {
		offset = log.Offset(logstore.HighWatermark)
	}
	if offset < 0 {
		return -1, kerr.OffsetOutOfRange.Code
	}
	if offset > log.StartOffset() {
		if err := log.AdvanceStart(offset); err != nil {
			return -1, errorCode(err)
		}
	}
	return log.StartOffset(), 0
}
