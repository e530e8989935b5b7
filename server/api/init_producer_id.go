package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

// initProducerID gives a producer without transactional id a new producer id.
func (b *Broker) initProducerID(ctx context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrInitProducerIDRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.Version = r.Version
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	switch {
	case (req.ProducerID == -1) != (req.ProducerEpoch == -1),
		req.TransactionalID != nil && *req.TransactionalID == "":
		resp.ErrorCode = kerr.InvalidRequest.Code
	case req.TransactionalID != nil:
		// Final on purpose: the errors of a coordinator that is not there yet are
		// retried for as long as the producer's patience lasts.
		resp.ErrorCode = kerr.UnsupportedVersion.Code
	default:
		// An id that the producer already has is not continued without a
		// transactional id: Kafka hands out a new one too.
		id, err := b.producerIDs.draw(ctx)
		if err != nil {
			resp.ErrorCode = errorCode(err)
			break
		}
		resp.ProducerID, resp.ProducerEpoch = id, 0
	}
	return wire.Reply{Response: resp}, nil
}
