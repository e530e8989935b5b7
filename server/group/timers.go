package group

import "container/heap"

// timers are a machine's deadlines, the next one first.
//
// Entries are never moved or taken out. What a deadline belongs to knows when
// its entry is due, and an entry that says another time has been replaced: it is
// dropped when it comes up. A heartbeat so costs one store: the entry of the
// member comes up, finds that the member lives, and is put in anew.
type timers []timer

type timer struct {
	ms     int64
	kind   timerKind
	group  *group
	member string // id, of timerSession and timerPending
}

type timerKind uint8

const (
	timerJoin    timerKind = iota // end of the join phase
	timerSync                     // end of the sync phase
	timerSession                  // a member's session
	timerPending                  // an id that was given
)

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].ms < t[j].ms }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)        { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = timer{}
	*t = (*t)[:last]
	return x
}

func (t *timers) add(x timer) { heap.Push(t, x) }

// due takes off the next deadline if it has come.
func (t *timers) due(nowMs int64) (timer, bool) {
	if len(*t) == 0 || (*t)[0].ms > nowMs {
		return timer{}, false
	}
	return heap.Pop(t).(timer), true
}

// keepAlive gives a member the given time from now on.
func (m *machine) keepAlive(g *group, mb *member, ms int64) {
	mb.expiresMs = m.nowMs + ms
	if mb.timerMs == 0 || mb.expiresMs < mb.timerMs {
		m.watch(g, mb)
	}
}

func (m *machine) watch(g *group, mb *member) {
	mb.timerMs = mb.expiresMs
	m.timers.add(timer{mb.timerMs, timerSession, g, mb.id})
}

// deadline is when [machine.tick] has something to do next.
func (m *machine) deadline() int64 {
	if len(m.timers) > 0 {
		return min(m.timers[0].ms, m.expiryMs)
	}
	return m.expiryMs
}

// tick does what is due.
func (m *machine) tick() {
	for {
		t, ok := m.timers.due(m.nowMs)
		if !ok {
			break
		}
		m.fire(t)
	}
	if m.nowMs >= m.expiryMs {
		m.expiryMs = m.nowMs + m.o.ExpiryIntervalMs
		m.expireOffsets()
	}
}

func (m *machine) fire(t timer) {
	g := t.group
	if m.groups[g.id] != g {
		return // forgotten meanwhile
	}
	switch t.kind {
	case timerJoin:
		if t.ms == g.joinMs {
			g.joinMs = 0
			m.joinTimeout(g)
		}
	case timerSync:
		if t.ms == g.syncMs {
			g.syncMs = 0
			m.syncTimeout(g)
		}
	case timerSession:
		if mb, ok := g.byID[t.member]; ok && t.ms == mb.timerMs {
			m.sessionTimeout(g, mb)
		}
	case timerPending:
		if g.pending[t.member] == t.ms {
			m.log.Debug("pending member gave up", "group", shown(g.id), "member", shown(t.member))
			m.dropPending(g, t.member)
			m.joinProgress(g)
			m.forgetUnused(g)
		}
	}
}

// sessionTimeout gives a member up, unless it has been heard of or is waiting
// for an answer of ours.
func (m *machine) sessionTimeout(g *group, mb *member) {
	mb.timerMs = 0
	switch {
	case mb.expiresMs > m.nowMs:
		m.watch(g, mb)
		return
	case !mb.fresh && (mb.joining != nil || mb.syncing != nil):
		m.keepAlive(g, mb, int64(mb.sessionMs))
		return
	}
	m.log.Info("member was not heard of within its session", "group", shown(g.id), "member", shown(mb.id), "sessionMs", mb.sessionMs)
	m.expel(g, mb)
	m.afterLeaving(g)
}
