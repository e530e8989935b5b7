package api

import (
	"context"
	"slices"
	"strings"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/group"
	"moldau/server/wire"
)

// classicGroup is the type of all groups that there are.
const classicGroup = "classic"

// listGroups lists the groups, by state and by type where the client asks for
// some only. A state or type that does not exist matches nothing.
func (b *Broker) listGroups(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrListGroupsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrListGroupsResponse()
	resp.Version = r.Version
	groups, err := b.Groups.List()
	resp.ErrorCode = errorCode(err)
	var wanted [group.Dead + 1]bool
	for s := range wanted {
		wanted[s] = matches(req.StatesFilter, group.State(s).String()) && matches(req.TypesFilter, classicGroup)
	}
	if err := r.Reserve(int64(len(groups)) * int64(unsafe.Sizeof(kmsg.ListGroupsResponseGroup{}))); err != nil {
		return wire.Reply{}, err
	}
	for _, g := range groups {
		if !wanted[g.State] {
			continue
		}
		x := kmsg.NewListGroupsResponseGroup()
		x.Group, x.ProtocolType, x.GroupState, x.GroupType = g.ID, g.ProtocolType, g.State.String(), classicGroup
		resp.Groups = append(resp.Groups, x)
	}
	return wire.Reply{Response: resp}, nil
}

func matches(filter []string, s string) bool {
	return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(f, s) })
}

// deleteGroups deletes groups without members, and their offsets.
func (b *Broker) deleteGroups(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrDeleteGroupsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrDeleteGroupsResponse()
	resp.Version = r.Version
	ids := once(req.Groups)
	answers := newAnswers(len(ids))
	for i, id := range ids {
		b.Groups.Delete(id, func(err error) { answers.say(i, err) })
	}
	return answers.reply(r.Conn, r.DecodedBytes(), b.OffsetsCommitTimeout, answers.all(group.ErrCoordinatorUnavailable), func(errs []error) wire.Response {
		for i, id := range ids {
			g := kmsg.NewDeleteGroupsResponseGroup()
			g.Group, g.ErrorCode = id, errorCode(errs[i])
			resp.Groups = append(resp.Groups, g)
		}
		return resp
	}), nil
}

// once is the names without those that came before.
func once(names []string) []string {
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(slices.Clone(names), func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	})
}
