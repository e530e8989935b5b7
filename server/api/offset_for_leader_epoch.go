package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

// offsetForLeaderEpoch answers where leader epochs ended, by which a consumer
// finds out that what it read was truncated.
func (b *Broker) offsetForLeaderEpoch(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	resp.Version = r.Version
	resp.Topics = make([]kmsg.OffsetForLeaderEpochResponseTopic, 0, len(req.Topics))
	for i := range req.Topics {
		t := kmsg.NewOffsetForLeaderEpochResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, asked := range req.Topics[i].Partitions {
			t.Partitions = append(t.Partitions, b.epochEnd(t.Topic, asked))
		}
		resp.Topics = append(resp.Topics, t)
	}
	return wire.Reply{Response: resp}, nil
}

func (b *Broker) epochEnd(topic string, asked kmsg.OffsetForLeaderEpochRequestTopicPartition) kmsg.OffsetForLeaderEpochResponseTopicPartition {
	answer := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
	answer.Partition, answer.LeaderEpoch, answer.EndOffset = asked.Partition, -1, -1
	p, ok := b.partition(topic, asked.Partition)
	if !ok {
		answer.ErrorCode = kerr.UnknownTopicOrPartition.Code
		return answer
	}
	log, _, err := p.Lead(asked.CurrentLeaderEpoch)
	if err != nil {
		answer.ErrorCode = errorCode(err)
		return answer
	}
	answer.LeaderEpoch, answer.EndOffset = p.EpochEnd(log, asked.LeaderEpoch)
	return answer
}
