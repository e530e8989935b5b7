package api

import (
	"context"
	"slices"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/group"
	"moldau/server/wire"
)

// syncGroup tells a member its share of the generation, as soon as the leader
// has decided. What the leader says is handed on untouched.
func (b *Broker) syncGroup(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrSyncGroupRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	sync := &group.SyncRequest{
		Group: req.Group, MemberID: req.MemberID, Instance: text(req.InstanceID), Generation: req.Generation,
		ProtocolType: text(req.ProtocolType), Protocol: text(req.Protocol),
		Assignments: make(map[string][]byte, len(req.GroupAssignment)),
	}
	held := int64(unsafe.Sizeof(*sync)) + int64(len(r.Body))
	if err := r.Reserve(held); err != nil {
		return wire.Reply{}, err
	}
	for _, a := range req.GroupAssignment {
		sync.Assignments[a.MemberID] = slices.Clone(a.MemberAssignment)
	}
	a := newAnswer[*group.SyncResponse]()
	if r.Version >= 5 && (req.ProtocolType == nil || req.Protocol == nil) {
		// From this version on a member says what it believes the group to do.
		a.say(&group.SyncResponse{Err: group.ErrInconsistentProtocol})
	} else {
		b.Groups.Sync(sync, a.say)
	}
	version := r.Version
	over := &group.SyncResponse{Err: group.ErrNotCoordinator}
	return a.reply(r.Conn, held, 0, over, func(s *group.SyncResponse) wire.Response {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.Version = version
		resp.ErrorCode = errorCode(s.Err)
		if s.Err == nil {
			resp.ProtocolType, resp.Protocol = &s.ProtocolType, &s.Protocol
		}
		resp.MemberAssignment = s.Assignment
		return resp
	}), nil
}
