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
// id: this one, the only one. It is served before groups and transactions are,
// because librdkafka compresses with lz4 only where version 0 of it is there
// and otherwise sends plain records without a word. Who goes on to join a group
// is told, by the client or the closed connection, that JoinGroup is missing.
func (b *Broker) findCoordinator(_ context.Context, r *wire.Request) (wire.Reply, error) {
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
	if r.Version < 4 {
		resp.ErrorCode = code
		resp.NodeID, resp.Host, resp.Port = b.coordinator(at, code)
		return wire.Reply{Response: resp}, nil
	}
	for _, key := range req.CoordinatorKeys {
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
