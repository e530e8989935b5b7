package api

import (
	"context"
	"net"
	"slices"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/group"
	"moldau/server/wire"
)

// joinGroup makes a client a member of a group. It is answered when the next
// generation begins.
func (b *Broker) joinGroup(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrJoinGroupRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	held := int64(len(r.Body)) + int64(len(req.Protocols))*int64(unsafe.Sizeof(group.Protocol{}))
	if err := r.Reserve(held); err != nil {
		return wire.Reply{}, err
	}
	join := &group.JoinRequest{
		Group: req.Group, MemberID: req.MemberID, Instance: text(req.InstanceID),
		ClientID: r.ClientID, ClientHost: clientHost(r.Conn),
		SessionMs: req.SessionTimeoutMillis, RebalanceMs: req.RebalanceTimeoutMillis,
		ProtocolType: req.ProtocolType, Protocols: make([]group.Protocol, len(req.Protocols)),
		IDRequired: r.Version >= 4, MaySkip: r.Version >= 9,
	}
	if r.Version == 0 {
		join.RebalanceMs = join.SessionMs
	}
	for i, p := range req.Protocols {
		join.Protocols[i] = group.Protocol{Name: p.Name, Metadata: slices.Clone(p.Metadata)}
	}
	a := newAnswer[*group.JoinResponse]()
	b.Groups.Join(join, a.say)
	over := &group.JoinResponse{Err: group.ErrNotCoordinator, MemberID: req.MemberID}
	version := r.Version
	return a.reply(r.Conn, held, 0, over, func(j *group.JoinResponse) wire.Response { return joined(version, j) }), nil
}

func joined(version int16, j *group.JoinResponse) wire.Response {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version = version
	resp.ErrorCode, resp.MemberID = errorCode(j.Err), j.MemberID
	resp.Generation = -1
	if j.Err != nil {
		return resp
	}
	resp.Generation, resp.LeaderID, resp.SkipAssignment = j.Generation, j.Leader, j.SkipAssignment
	resp.ProtocolType, resp.Protocol = &j.ProtocolType, &j.Protocol
	resp.Members = make([]kmsg.JoinGroupResponseMember, len(j.Members))
	for i, m := range j.Members {
		resp.Members[i] = kmsg.NewJoinGroupResponseMember()
		resp.Members[i].MemberID, resp.Members[i].ProtocolMetadata = m.ID, m.Metadata
		resp.Members[i].InstanceID = textOrNull(m.Instance)
	}
	return resp
}

// clientHost is where a client comes from, as Kafka writes it.
func clientHost(c *wire.Conn) string {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return "/" + a.IP.String()
	}
	return "/"
}

// text is "" for null.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// textOrNull is null for "".
func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
