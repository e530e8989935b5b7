package controller

import (
	"context"

	"moldau/server/metadata"
)

// producerIDBlock is how many ids are handed out at once, as by Kafka: one
// write for a thousand producers, and a crash wastes no more than the rest.
const producerIDBlock = 1000

// AllocateProducerIDs hands out the ids first to first+n-1, once and for all.
func (c *Controller) AllocateProducerIDs(ctx context.Context) (first int64, n int, err error) {
	var start int64
	_, err = c.execute(ctx, false, func(img *metadata.Image) []metadata.Record {
		start = img.NextProducerID()
		return []metadata.Record{&metadata.ProducerIDsRecord{Broker: c.o.NodeID, Next: start + producerIDBlock}}
	})
	if err != nil {
		return 0, 0, err
	}
	return start, producerIDBlock, nil
}
