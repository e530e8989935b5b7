package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/group"
	"moldau/server/wire"
)

// describeGroups tells the state and the members of groups. One that is not
// there is dead; that this is an error can be said from version 6 on.
func (b *Broker) describeGroups(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrDescribeGroupsResponse()
	resp.Version = r.Version
	for _, id := range once(req.Groups) { // one may be large, and takes few bytes to ask for
		if err := r.Reserve(b.Groups.Bytes(id)); err != nil {
			return wire.Reply{}, err
		}
		d, err := b.Groups.Describe(id)
		g := kmsg.NewDescribeGroupsResponseGroup()
		g.Group, g.AuthorizedOperations = id, operationsOmitted
		switch {
		case errors.Is(err, group.ErrNotFound):
			g.State = d.State.String()
			if r.Version >= 6 {
				message := fmt.Sprintf("Group %s not found.", id)
				g.ErrorCode, g.ErrorMessage = errorCode(err), &message
			}
		case err != nil:
			g.ErrorCode = errorCode(err)
		default:
			describeGroup(&g, &d)
		}
		if req.IncludeAuthorizedOperations && g.ErrorCode == 0 {
			g.AuthorizedOperations = groupOperations
		}
		resp.Groups = append(resp.Groups, g)
	}
	return wire.Reply{Response: resp}, nil
}

func describeGroup(g *kmsg.DescribeGroupsResponseGroup, d *group.Description) {
	g.State, g.ProtocolType, g.Protocol = d.State.String(), d.ProtocolType, d.Protocol
	for _, m := range d.Members {
		x := kmsg.NewDescribeGroupsResponseGroupMember()
		x.MemberID, x.InstanceID, x.ClientID, x.ClientHost = m.ID, textOrNull(m.Instance), m.ClientID, m.ClientHost
		x.ProtocolMetadata, x.MemberAssignment = m.Metadata, m.Assignment
		g.Members = append(g.Members, x)
	}
}
