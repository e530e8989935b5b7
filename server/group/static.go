package group

// replaceStatic gives the place of a static member to another process that has
// its instance id: the same one, started again. The one before is fenced.
func (m *machine) replaceStatic(g *group, mb *member, id string, r *JoinRequest, answer func(*JoinResponse)) {
	wasLeader, was := g.leader, *mb
	g.answerJoin(mb, &JoinResponse{Err: ErrFencedInstance, MemberID: was.id})
	answerSync(mb, &SyncResponse{Err: ErrFencedInstance})
	g.rename(mb, id)
	mb.fresh = false // it has an id of its own, and does not time out while it waits
	g.update(mb, r.Protocols, r.RebalanceMs, r.SessionMs)
	g.moveTo(mb, r.ClientID, r.ClientHost)
	g.await(mb, answer)
	m.keepAlive(mb, int64(mb.sessionMs))

	if g.state != Stable || g.choose() != g.protocol {
		// The leader may have been told the old id, and would assign to that.
		m.rebalance(g)
		return
	}
	// What the others do does not change; only the new id must survive a crash,
	// before its owner can commit with it.
	g.readTopics()
	generation := g.generation
	err := m.proposeRecord(g, g.record(g.assignments(), g.sinceMs), func(err error) {
		if g.state != Stable || g.generation != generation || g.byID[id] != mb {
			return // it waits for the next generation, or was answered
		}
		if err != nil {
			g.answerJoin(mb, &JoinResponse{Err: unavailable(err)})
			return
		}
		g.answerJoin(mb, g.rejoined(mb, wasLeader, r.MaySkip))
	})
	if err != nil {
		g.rename(mb, was.id)
		mb.fresh = was.fresh
		g.update(mb, was.protocols, was.rebalanceMs, was.sessionMs)
		g.moveTo(mb, was.clientID, was.clientHost)
		g.readTopics()
		m.keepAlive(mb, int64(mb.sessionMs))
		g.answerJoin(mb, &JoinResponse{Err: unavailable(err)})
	}
}

// rejoined is what a static member is told that came back to a stable group. As
// a leader it must not assign, which older clients do unless they believe that
// another one leads.
func (g *group) rejoined(mb *member, wasLeader string, maySkip bool) *JoinResponse {
	r := &JoinResponse{MemberID: mb.id, Leader: wasLeader, Generation: g.generation, ProtocolType: g.protocolType, Protocol: g.protocol}
	if !maySkip {
		return r
	}
	r.Leader = g.leader
	if g.leader == mb.id {
		r.Members, r.SkipAssignment = g.joinedMembers(), true
	}
	return r
}
