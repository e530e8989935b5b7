package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

// heartbeat keeps a member in its group, and tells it to join anew when a
// rebalance has begun.
func (b *Broker) heartbeat(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrHeartbeatRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.Version = r.Version
	resp.ErrorCode = errorCode(b.Groups.Heartbeat(req.Group, req.MemberID, text(req.InstanceID), req.Generation))
	return wire.Reply{Response: resp}, nil
}
