package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/group"
	"moldau/server/wire"
)

// leaveGroup takes members out of a group: the sender, or from version 3 on any
// by their ids or instance ids.
func (b *Broker) leaveGroup(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrLeaveGroupRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrLeaveGroupResponse()
	resp.Version = r.Version
	if r.Version < 3 {
		errs, err := b.Groups.Leave(req.Group, []group.Leaving{{MemberID: req.MemberID}})
		if err == nil {
			err = errs[0]
		}
		resp.ErrorCode = errorCode(err)
		return wire.Reply{Response: resp}, nil
	}
	leaving := make([]group.Leaving, len(req.Members))
	for i, m := range req.Members {
		leaving[i] = group.Leaving{MemberID: m.MemberID, Instance: text(m.InstanceID)}
	}
	errs, err := b.Groups.Leave(req.Group, leaving)
	resp.ErrorCode = errorCode(err)
	for i := range errs {
		m := kmsg.NewLeaveGroupResponseMember()
		m.MemberID, m.InstanceID, m.ErrorCode = req.Members[i].MemberID, req.Members[i].InstanceID, errorCode(errs[i])
		resp.Members = append(resp.Members, m)
	}
	return wire.Reply{Response: resp}, nil
}
