package api

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

// Kinds of endpoints that DescribeCluster may be asked at.
const (
	brokerEndpoints     int8 = 1
	controllerEndpoints int8 = 2
)

// describeCluster answers which brokers there are.
func (b *Broker) describeCluster(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrDescribeClusterRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.Version = r.Version
	resp.ClusterAuthorizedOperations = operationsOmitted
	switch req.EndpointType {
	case brokerEndpoints:
	case controllerEndpoints:
		resp.ErrorCode = kerr.MismatchedEndpointType.Code
		resp.ErrorMessage = kmsg.StringPtr("this is a broker's endpoint, not a controller's")
		return wire.Reply{Response: resp}, nil
	default:
		resp.ErrorCode = kerr.UnsupportedEndpointType.Code
		resp.ErrorMessage = kmsg.StringPtr(fmt.Sprintf("Unsupported endpoint type %d", req.EndpointType))
		return wire.Reply{Response: resp}, nil
	}
	img := b.Controller.Image()
	resp.ClusterID = img.ClusterID()
	resp.ControllerID = b.controllerID()
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = clusterOperations
	}
	for _, node := range img.Brokers() {
		at := b.endpoint(r.Conn, node)
		n := kmsg.NewDescribeClusterResponseBroker()
		n.NodeID, n.Host, n.Port, n.Rack = node.ID, at.Host, at.Port, rack(node.Rack)
		resp.Brokers = append(resp.Brokers, n)
	}
	return wire.Reply{Response: resp}, nil
}

// controllerID is the broker that clients send administration to. It is never
// -1: Java's admin client waits for a controller as long as there is none. Every
// broker takes administration, so this one will do.
func (b *Broker) controllerID() int32 { return b.NodeID }

func rack(name string) *string {
	if name == "" {
		return nil
	}
	return &name
}
