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
	for i := range req.Topics {
		t := kmsg.NewDeleteRecordsResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, asked := range req.Topics[i].Partitions {
			p := kmsg.NewDeleteRecordsResponseTopicPartition()
			p.Partition = asked.Partition
			p.LowWatermark, p.ErrorCode = b.deleteBefore(t.Topic, asked.Partition, asked.Offset)
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
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
	if !log.Config().Delete {
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
