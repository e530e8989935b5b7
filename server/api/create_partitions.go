package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/controller"
	"moldau/server/wire"
)

// createPartitions adds partitions to topics. It answers once they can be used.
func (b *Broker) createPartitions(ctx context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrCreatePartitionsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	ctx, cancel := administer(ctx, req.TimeoutMillis)
	defer cancel()
	resp := kmsg.NewPtrCreatePartitionsResponse()
	resp.Version = r.Version
	topics := make([]controller.NewPartitions, len(req.Topics))
	for i := range req.Topics {
		asked := &req.Topics[i]
		topics[i] = controller.NewPartitions{Topic: asked.Topic, Total: asked.Count}
		for _, a := range asked.Assignment {
			topics[i].Assignment = append(topics[i].Assignment, a.Replicas)
		}
	}
	answered := map[string]bool{}
	for _, result := range b.Controller.CreatePartitions(ctx, topics, req.ValidateOnly) {
		if answered[result.Name] {
			continue // what is asked twice is refused once
		}
		answered[result.Name] = true
		if result.Err == nil && !req.ValidateOnly {
			result.Err = b.usable(result.Name)
		}
		t := kmsg.NewCreatePartitionsResponseTopic()
		t.Topic = result.Name
		t.ErrorCode, t.ErrorMessage = errorCode(result.Err), errorMessage(result.Err)
		resp.Topics = append(resp.Topics, t)
	}
	return wire.Reply{Response: resp}, nil
}
