package group

import "slices"

// rebalance has all members join anew, or, where they already do, sees whether
// they have.
func (m *machine) rebalance(g *group) {
	switch g.state {
	case PreparingRebalance:
		m.joinProgress(g)
		return
	case CompletingRebalance:
		for _, mb := range g.members {
			answerSync(mb, &SyncResponse{Err: ErrRebalanceInProgress})
		}
	}
	m.timers.stop(&g.syncEnd)
	g.assigning = false
	g.initial = g.state == Empty
	m.become(g, PreparingRebalance)
	if !g.initial {
		g.assign(nil)
		m.endJoinAt(g, g.rebalanceMs())
		m.joinProgress(g)
		return
	}
	// Members of a group that starts come one after the other. To begin with the
	// first would mean to begin again with each.
	g.grown = false
	delay := m.o.InitialDelayMs
	g.moreMs = max(g.rebalanceMs()-delay, 0)
	m.endJoinAt(g, delay)
	if delay == 0 {
		m.joinTimeout(g)
	}
}

// endJoinAt sets when the join phase ends, as of now.
func (m *machine) endJoinAt(g *group, ms int64) {
	m.timers.set(&g.joinEnd, m.now.ms+max(ms, 1))
}

// joinProgress ends the join phase as soon as everyone is there.
func (m *machine) joinProgress(g *group) {
	if g.state == PreparingRebalance && !g.initial && g.allJoined() {
		m.completeJoin(g)
	}
}

// joinTimeout is the end of the join phase, unless a group that starts may wait
// for more members yet.
func (m *machine) joinTimeout(g *group) {
	if g.initial && g.grown && g.moreMs > 0 {
		g.grown = false
		delay := min(m.o.InitialDelayMs, g.moreMs)
		g.moreMs -= delay
		m.endJoinAt(g, delay)
		return
	}
	m.completeJoin(g)
}

// completeJoin begins a generation with those who have joined.
func (m *machine) completeJoin(g *group) {
	m.timers.stop(&g.joinEnd)
	// Static members may be away for as long as their session lasts.
	m.expelAll(g, "did not join in time", func(mb *member) bool { return mb.joining == nil && mb.instance == "" })
	if len(g.members) > 0 && !g.electJoined() {
		// Only static members, and none came: their sessions will end, or they come.
		m.endJoinAt(g, g.rebalanceMs())
		return
	}
	g.generation++
	g.initial = false
	if len(g.members) == 0 {
		m.becomeEmpty(g)
		return
	}
	g.protocol = g.choose()
	g.readTopics()
	m.become(g, CompletingRebalance)
	for _, mb := range g.members {
		mb.synced, mb.fresh = false, false
		if mb.joining != nil {
			g.answerJoin(mb, g.joined(mb))
			m.keepAlive(mb, int64(mb.sessionMs))
		}
	}
	m.timers.set(&g.syncEnd, m.now.ms+max(g.rebalanceMs(), 1))
}

// becomeEmpty is for a group whose last member is gone. The log is told, so
// that after a crash nobody waits for its members; if it cannot be, the members
// of the last generation will be waited for in vain.
func (m *machine) becomeEmpty(g *group) {
	g.protocol, g.topics = "", nil
	m.become(g, Empty)
	_ = m.proposeRecord(g, g.record(nil, g.sinceMs), func(error) {})
}

// syncTimeout gives up who has joined a generation and not asked for its share.
func (m *machine) syncTimeout(g *group) {
	if m.expelAll(g, "did not sync in time", func(mb *member) bool { return !mb.synced }) {
		m.rebalance(g)
	}
}

// expelAll removes the members that are late, and tells whether there are any.
func (m *machine) expelAll(g *group, why string, late func(*member) bool) bool {
	count := 0
	for _, mb := range slices.Clone(g.members) {
		if late(mb) {
			m.log.Debug("member "+why, "group", shown(g.id), "member", shown(mb.id))
			m.expel(g, mb)
			count++
		}
	}
	if count > 0 {
		m.log.Info("members were given up", "group", shown(g.id), "members", count, "why", why)
	}
	return count > 0
}

// expel removes a member, and tells it if it waits.
func (m *machine) expel(g *group, mb *member) {
	g.answerJoin(mb, &JoinResponse{Err: ErrUnknownMember})
	answerSync(mb, &SyncResponse{Err: ErrUnknownMember})
	m.timers.stop(&mb.session)
	g.remove(mb)
}

// afterLeaving has the others share what the members that left had.
func (m *machine) afterLeaving(g *group) {
	if g.state != Empty && g.state != Dead {
		m.rebalance(g)
	}
}
