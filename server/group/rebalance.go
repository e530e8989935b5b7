package group

import (
	"slices"

	"moldau/server/coordinator"
)

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
	g.syncMs = 0
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
	g.joinMs = m.nowMs + max(ms, 1)
	m.timers.add(timer{g.joinMs, timerJoin, g, ""})
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
	if g.state != PreparingRebalance {
		return
	}
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
	g.joinMs = 0
	for _, mb := range slices.Clone(g.members) {
		// Static members may be away for as long as their session lasts.
		if mb.joining == nil && mb.instance == "" {
			m.log.Info("member did not join in time", "group", shown(g.id), "member", shown(mb.id))
			m.expel(g, mb)
		}
	}
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
			m.keepAlive(g, mb, int64(mb.sessionMs))
		}
	}
	g.syncMs = m.nowMs + max(g.rebalanceMs(), 1)
	m.timers.add(timer{g.syncMs, timerSync, g, ""})
}

// electJoined sees to it that the leader is one who has joined.
func (g *group) electJoined() bool {
	if leader, ok := g.byID[g.leader]; ok && leader.joining != nil {
		return true
	}
	for _, mb := range g.members {
		if mb.joining != nil {
			g.leader = mb.id
			return true
		}
	}
	return false
}

// becomeEmpty is for a group whose last member is gone. The log is told, so
// that after a crash nobody waits for its members; if it cannot be, the members
// of the last generation will be waited for in vain.
func (m *machine) becomeEmpty(g *group) {
	g.protocol, g.topics = "", nil
	m.become(g, Empty)
	_ = m.propose(g, []coordinator.Record{g.record(nil, g.sinceMs)}, func(err error) {
		g.recorded = g.recorded || err == nil
	})
}

// syncTimeout gives up who has joined a generation and not asked for its share.
func (m *machine) syncTimeout(g *group) {
	if g.state != CompletingRebalance && g.state != Stable {
		return
	}
	late := false
	for _, mb := range slices.Clone(g.members) {
		if !mb.synced {
			m.log.Info("member did not sync in time", "group", shown(g.id), "member", shown(mb.id))
			m.expel(g, mb)
			late = true
		}
	}
	if late {
		m.rebalance(g)
	}
}

// expel removes a member, and tells it if it waits.
func (m *machine) expel(g *group, mb *member) {
	g.answerJoin(mb, &JoinResponse{Err: ErrUnknownMember})
	answerSync(mb, &SyncResponse{Err: ErrUnknownMember})
	g.remove(mb)
}

// afterLeaving has the others share what the members that left had.
func (m *machine) afterLeaving(g *group) {
	if g.state != Empty && g.state != Dead {
		m.rebalance(g)
	}
}
