package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/server/replica"
	"moldau/server/wire"
)

// What a negative timestamp asks for.
const (
	latestOffset        int64 = -1
	earliestOffset      int64 = -2
	maxTimestampOffset  int64 = -3 // 7+
	earliestLocalOffset int64 = -4 // 8+
	latestTieredOffset  int64 = -5 // 9+
	earliestPendingTier int64 = -6 // 11+
)

// readCommitted is the isolation level that hides what is not committed.
const readCommitted int8 = 1

var notFound = logstore.TimestampOffset{Offset: -1, TimestampMs: -1, Epoch: -1}

// listOffsets answers offsets by time.
func (b *Broker) listOffsets(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrListOffsetsResponse()
	resp.Version = r.Version
	resp.Topics = make([]kmsg.ListOffsetsResponseTopic, 0, len(req.Topics))
	times := mentions(req)
	for i := range req.Topics {
		t := kmsg.NewListOffsetsResponseTopic()
		t.Topic = req.Topics[i].Topic
		t.Partitions = make([]kmsg.ListOffsetsResponseTopicPartition, 0, len(req.Topics[i].Partitions))
		for j := range req.Topics[i].Partitions {
			asked := &req.Topics[i].Partitions[j]
			tp := logstore.TopicPartition{Topic: t.Topic, Partition: asked.Partition}
			n := times[tp]
			if times[tp] = 0; n == 0 {
				continue // answered where it came first
			}
			answer := kmsg.NewListOffsetsResponseTopicPartition()
			found, code := notFound, kerr.InvalidRequest.Code
			if n == 1 {
				found, code = b.listOffset(req, t.Topic, asked)
			}
			answer.Partition, answer.ErrorCode = asked.Partition, code
			answer.Offset, answer.Timestamp, answer.LeaderEpoch = found.Offset, found.TimestampMs, found.Epoch
			t.Partitions = append(t.Partitions, answer)
		}
		if len(t.Partitions) > 0 || len(req.Topics[i].Partitions) == 0 {
			resp.Topics = append(resp.Topics, t)
		}
	}
	return wire.Reply{Response: resp}, nil
}

// mentions counts how often each partition is asked for. One that is asked for
// twice is refused, and answered once, because answers are matched by partition.
func mentions(req *kmsg.ListOffsetsRequest) map[logstore.TopicPartition]int {
	times := map[logstore.TopicPartition]int{}
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			times[logstore.TopicPartition{Topic: req.Topics[i].Topic, Partition: req.Topics[i].Partitions[j].Partition}]++
		}
	}
	return times
}

func (b *Broker) listOffset(req *kmsg.ListOffsetsRequest, topic string, asked *kmsg.ListOffsetsRequestTopicPartition) (logstore.TimestampOffset, int16) {
	if !timestampSupported(asked.Timestamp, req.Version) {
		return notFound, kerr.UnsupportedVersion.Code
	}
	p, ok := b.partition(topic, asked.Partition)
	if !ok {
		return notFound, kerr.UnknownTopicOrPartition.Code
	}
	log, _, err := p.Lead(asked.CurrentLeaderEpoch)
	if err != nil {
		return notFound, errorCode(err)
	}
	found, err := offsetFor(p, log, asked.Timestamp, req.IsolationLevel)
	if err != nil {
		return notFound, errorCode(err)
	}
	return found, 0
}

// timestampSupported tells whether a version knows what a negative timestamp
// stands for.
func timestampSupported(ms int64, version int16) bool {
	switch ms {
	case maxTimestampOffset:
		return version >= 7
	case earliestLocalOffset:
		return version >= 8
	case latestTieredOffset:
		return version >= 9
	case earliestPendingTier:
		return version >= 11
	}
	return ms >= earliestOffset
}

// offsetFor finds the offset for a timestamp, or what stands in place of one.
// A record that the client cannot read yet is not found: that it exists may
// still turn out to be untrue.
func offsetFor(p *replica.Partition, log *logstore.Log, ms int64, isolation int8) (logstore.TimestampOffset, error) {
	end := log.Offset(logstore.HighWatermark)
	if isolation == readCommitted {
		end = replica.LastStable(log)
	}
	var found logstore.TimestampOffset
	var ok bool
	var err error
	switch ms {
	case latestOffset:
		_, epoch := p.Leader()
		return logstore.TimestampOffset{Offset: end, TimestampMs: -1, Epoch: epoch}, nil
	case earliestOffset, earliestLocalOffset:
		start := log.StartOffset()
		return logstore.TimestampOffset{Offset: start, TimestampMs: -1, Epoch: p.EpochOf(log, start)}, nil
	case latestTieredOffset, earliestPendingTier:
		// Nothing is tiered, nor waits to be.
		return notFound, nil
	case maxTimestampOffset:
		found, ok, err = log.OffsetOfMaxTimestamp()
	default:
		found, ok, err = log.OffsetForTimestamp(ms)
	}
	if err != nil {
		return notFound, err
	}
	if !ok || found.Offset >= end {
		return notFound, nil
	}
	return found, nil
}
