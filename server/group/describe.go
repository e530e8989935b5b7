package group

import "moldau/server/coordinator"

// Listing is a group in a list.
type Listing struct {
	ID, ProtocolType string
	State            State
}

func (m *machine) list(yield func(Listing)) {
	for _, g := range m.groups {
		if g.visible() && g.state != Dead {
			yield(Listing{g.id, g.protocolType, g.state})
		}
	}
}

// Description is a group with its members.
type Description struct {
	ID, ProtocolType, Protocol string // Protocol is "" unless the group is stable
	State                      State
	Members                    []MemberDescription
}

// MemberDescription is a member. Metadata and Assignment are there in a stable
// group only.
type MemberDescription struct {
	ID, Instance, ClientID, ClientHost string
	Metadata, Assignment               []byte
}

// describe serves a DescribeGroups of one group.
func (m *machine) describe(id string) (Description, error) {
	g, ok := m.groups[id]
	if !ok || g.state == Dead || !g.visible() {
		return Description{ID: id, State: Dead}, ErrNotFound
	}
	d := Description{ID: id, ProtocolType: g.protocolType, State: g.state}
	stable := g.state == Stable
	if stable {
		d.Protocol = g.protocol
	}
	for _, mb := range g.members {
		x := MemberDescription{ID: mb.id, Instance: mb.instance, ClientID: mb.clientID, ClientHost: mb.clientHost}
		if stable {
			x.Metadata, x.Assignment = mb.metadata(g.protocol), mb.assignment
		}
		d.Members = append(d.Members, x)
	}
	return d, nil
}

// remove serves a DeleteGroups of one group.
func (m *machine) remove(id string, answer func(error)) {
	g, ok := m.groups[id]
	switch {
	case !ok || g.state == Dead || !g.visible():
		answer(ErrNotFound)
	case g.state != Empty:
		answer(ErrNotEmpty)
	default:
		m.bury(g, answer)
	}
}

// bury deletes an empty group with all its offsets, those under way as well:
// they stand before the tombstones in the log. Until it is done nobody can join
// or commit, or what they do would be lost with it.
func (m *machine) bury(g *group, done func(error)) {
	sinceMs := g.sinceMs
	m.become(g, Dead)
	alive := func(err error) {
		g.state, g.sinceMs = Empty, sinceMs
		done(unavailable(err))
	}
	// The group's own tombstone is the last record about it.
	err := m.tombstones(g, g.partitions(), func(error) {})
	if err == nil {
		err = m.propose(g, []coordinator.Record{groupTombstone(g.id)}, func(err error) {
			if err != nil {
				alive(err)
				return
			}
			m.forget(g)
			done(nil)
		})
	}
	if err != nil {
		alive(err)
	}
}
