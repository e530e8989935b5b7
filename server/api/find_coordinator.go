package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

// Kinds of coordinators.
const (
	groupCoordinator       int8 = 0
	transactionCoordinator int8 = 1
)

// findCoordinator names the broker that coordinates a group or a transactional
// id: this one, the only one. Who asks for a group's is about to use it, so the
// topic that groups are kept in is created if it is missing. Transactions are
// not served yet: who goes on to use one is told by the client, or the closed
// connection, what is missing.
//
// librdkafka compresses with lz4 only where version 0 is there, and otherwise
// sends plain records without a word.
func (b *Broker) findCoordinator(ctx context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrFindCoordinatorRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrFindCoordinatorResponse()
	resp.Version = r.Version
	at, code := b.ownEndpoint(r.Conn), int16(0)
	if kind := req.CoordinatorType; kind != groupCoordinator && kind != transactionCoordinator {
		code = kerr.InvalidRequest.Code
	}
	if code == 0 && req.CoordinatorType == groupCoordinator {
		code = errorCode(b.openOffsetsTopic(ctx))
	}
	if r.Version < 4 {
		resp.ErrorCode = code
		resp.NodeID, resp.Host, resp.Port = b.coordinator(at, code)
		return wire.Reply{Response: resp}, nil
	}
	for _, key := range once(req.CoordinatorKeys) {
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		c.Key, c.ErrorCode = key, code
		c.NodeID, c.Host, c.Port = b.coordinator(at, code)
		resp.Coordinators = append(resp.Coordinators, c)
	}
	return wire.Reply{Response: resp}, nil
}

func (b *Broker) coordinator(at Endpoint, code int16) (node int32, host string, port int32) {
	if code != 0 {
		return -1, "", -1
	}
	return b.NodeID, at.Host, at.Port
}
