package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/group"
	"moldau/server/wire"
)

// deletedOffsets is what comes of an OffsetDelete.
type deletedOffsets struct {
	errs []error // for each partition
	err  error   // for all
}

// offsetDelete deletes committed offsets of topics that the group does not read.
// One that is not there is deleted already.
func (b *Broker) offsetDelete(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrOffsetDeleteRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrOffsetDeleteResponse()
	resp.Version = r.Version
	var of []group.TopicPartition
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			of = append(of, group.TopicPartition{Topic: t.Topic, Partition: p.Partition})
		}
	}
	a := newAnswer[deletedOffsets]()
	b.Groups.DeleteOffsets(req.Group, of, func(errs []error, err error) { a.say(deletedOffsets{errs, err}) })
	over := deletedOffsets{err: group.ErrCoordinatorUnavailable}
	return a.reply(r.Conn, r.DecodedBytes(), b.OffsetsCommitTimeout, over, func(d deletedOffsets) wire.Response {
		if d.err != nil {
			resp.ErrorCode = errorCode(d.err)
			return resp
		}
		n := 0
		for _, t := range req.Topics {
			x := kmsg.NewOffsetDeleteResponseTopic()
			x.Topic = t.Topic
			for _, p := range t.Partitions {
				y := kmsg.NewOffsetDeleteResponseTopicPartition()
				y.Partition, y.ErrorCode = p.Partition, errorCode(d.errs[n])
				if _, ok := b.partition(t.Topic, p.Partition); !ok {
					y.ErrorCode = kerr.UnknownTopicOrPartition.Code
				}
				x.Partitions = append(x.Partitions, y)
				n++
			}
			resp.Topics = append(resp.Topics, x)
		}
		return resp
	}), nil
}
