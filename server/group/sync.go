package group

import (
	"errors"

	"moldau/logstore"
	"moldau/server/coordinator"
)

// SyncRequest asks for a member's share of a generation. The leader's brings
// the shares of all.
type SyncRequest struct {
	Group, MemberID, Instance string
	Generation                int32
	// Both are "" where the client did not say, up to version 4.
	ProtocolType, Protocol string
	Assignments            map[string][]byte // by member id; kept
}

// SyncResponse is the answer.
type SyncResponse struct {
	Err                    error
	ProtocolType, Protocol string
	Assignment             []byte
}

func answerSync(mb *member, r *SyncResponse) {
	if mb.syncing == nil {
		return
	}
	answer := mb.syncing
	mb.syncing = nil
	answer(r)
}

// shared is what a member is told of its share.
func (g *group) shared(mb *member) *SyncResponse {
	return &SyncResponse{ProtocolType: g.protocolType, Protocol: g.protocol, Assignment: mb.assignment}
}

// sync serves a SyncGroup.
func (m *machine) sync(r *SyncRequest, answer func(*SyncResponse)) {
	g, mb, err := m.memberOf(r.Group, r.MemberID, r.Instance, r.Generation)
	switch {
	case err != nil:
	case r.ProtocolType != "" && r.ProtocolType != g.protocolType, r.Protocol != "" && r.Protocol != g.protocol:
		err = ErrInconsistentProtocol
	case g.state == PreparingRebalance:
		err = ErrRebalanceInProgress
	}
	if err != nil {
		answer(&SyncResponse{Err: err})
		return
	}
	mb.synced = true
	m.keepAlive(mb, int64(mb.sessionMs))
	if g.state == Stable {
		answer(g.shared(mb))
		return
	}
	// One that asks twice has given up on its first question.
	answerSync(mb, &SyncResponse{Err: ErrRebalanceInProgress})
	mb.syncing = answer
	// Only its first decision counts: what is on its way into the log cannot be
	// taken back, and would be found there after a crash.
	if mb.id == g.leader && !g.assigning {
		m.assign(g, r.Assignments)
	}
}

// assign makes the leader's decision durable, and the group works by it then.
func (m *machine) assign(g *group, assignments map[string][]byte) {
	var said int64
	for _, share := range assignments {
		said += int64(len(share))
	}
	if said > 0 && m.brimful() {
		m.assignFailed(g, ErrCoordinatorUnavailable) // by which clients try again; of being full they know in a join only
		return
	}
	generation := g.generation
	g.assigning = true
	err := m.proposeRecord(g, g.record(assignments, m.now.wallMs), func(err error) {
		if g.state != CompletingRebalance || g.generation != generation {
			return // somebody came or went meanwhile
		}
		g.assigning = false
		if err != nil {
			m.assignFailed(g, unavailable(err))
			return
		}
		g.assign(assignments)
		m.become(g, Stable)
		for _, mb := range g.members {
			if mb.syncing != nil {
				answerSync(mb, g.shared(mb))
				m.keepAlive(mb, int64(mb.sessionMs))
			}
		}
	})
	if err != nil {
		m.assignFailed(g, unavailable(err))
	}
}

// assignFailed tells everyone who waits for a share, and has them join anew.
func (m *machine) assignFailed(g *group, err error) {
	for _, mb := range g.members {
		answerSync(mb, &SyncResponse{Err: err})
	}
	m.rebalance(g)
}

// unavailable is what a client is told when the log does not take a record. It
// tries again, unless that can never help.
func unavailable(err error) error {
	switch {
	case errors.Is(err, logstore.ErrTooLarge), errors.Is(err, logstore.ErrTooLargeForSegment):
		return ErrUnknownServer
	case errors.Is(err, coordinator.ErrFailed):
		return ErrNotCoordinator
	}
	return ErrCoordinatorUnavailable
}
