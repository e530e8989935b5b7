package group

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
)

// replay takes one record of the log into the machine. What it does not
// understand is reported and left alone: it may be of a later version, and to
// lose one group's record is no reason to lose all.
func (m *machine) replay(r *record.Record) {
	if err := m.replayRecord(r); err != nil {
		m.log.Error("record of a group is skipped", "topic", Topic, "offset", r.Offset, "err", err)
	}
}

func (m *machine) replayRecord(r *record.Record) error {
	id, p, known, err := decodeKey(r.Key)
	switch {
	case err != nil:
		return err
	case !known:
		m.log.Debug("record of an unknown kind is skipped", "topic", Topic, "offset", r.Offset)
		return nil
	case p != nil && r.Value == nil:
		if g, ok := m.groups[id]; ok {
			g.dropOffset(*p)
			m.forgetUnused(g)
		}
		return nil
	case p != nil:
		c, err := decodeOffset(r.Value)
		if err != nil {
			return err
		}
		m.find(id).setOffset(*p, c)
		return nil
	case r.Value == nil:
		if g, ok := m.groups[id]; ok {
			g.empty()
			g.recorded = false
			m.forgetUnused(g)
		}
		return nil
	}
	v, err := decodeGroup(r.Value)
	if err != nil {
		return err
	}
	g := m.find(id)
	err = g.restore(v)
	m.forgetUnused(g) // made for a record that is refused
	return err
}

// find is the group, made if need be, however many there are: it was taken once.
func (m *machine) find(id string) *group {
	if g, ok := m.groups[id]; ok {
		return g
	}
	return m.create(id)
}

var errNoMemberID = errors.New("member without an id")

// restore makes the group what a record says.
func (g *group) restore(v *kmsg.GroupMetadataValue) error {
	for i := range v.Members {
		if v.Members[i].MemberID == "" {
			return errors.Join(errRecord, errNoMemberID)
		}
	}
	g.empty()
	g.recorded = true
	g.protocolType, g.generation, g.sinceMs = v.ProtocolType, v.Generation, max(v.CurrentStateTimestamp, 0)
	if len(v.Members) == 0 {
		return nil
	}
	g.state, g.protocol = Stable, value(v.Protocol)
	for i := range v.Members {
		r := &v.Members[i]
		if _, twice := g.byID[r.MemberID]; twice {
			continue
		}
		mb := &member{
			id: r.MemberID, instance: value(r.InstanceID), clientID: r.ClientID, clientHost: r.ClientHost,
			rebalanceMs: r.RebalanceTimeoutMillis, sessionMs: r.SessionTimeoutMillis,
			protocols:  []Protocol{{g.protocol, append([]byte(nil), r.Subscription...)}},
			assignment: append([]byte(nil), r.Assignment...), synced: true,
		}
		if mb.rebalanceMs < 0 { // version 0
			mb.rebalanceMs = mb.sessionMs
		}
		g.add(mb)
	}
	if leader := value(v.Leader); g.byID[leader] != nil {
		g.leader = leader
	}
	return nil
}

// empty drops the members, none of whom waits for an answer.
func (g *group) empty() {
	for len(g.members) > 0 {
		g.remove(g.members[len(g.members)-1])
	}
	g.state, g.protocol, g.topics = Empty, "", nil
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// loaded is called when all records were replayed: time begins to run for the
// members, who must be heard of within a session from now on.
func (m *machine) loaded() {
	for _, g := range m.groups {
		g.readTopics()
		for _, mb := range g.members {
			m.keepAlive(mb, int64(max(mb.sessionMs, m.o.Limits.SessionMinMs)))
		}
		if len(g.members) > m.o.Limits.MembersMax {
			m.rebalance(g)
		}
	}
	m.dropStale()
}
