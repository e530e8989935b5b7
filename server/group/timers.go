package group

import "container/heap"

// timers are a machine's deadlines, the next one first. What has a deadline
// holds its timer, moves it, and takes it out when it is no longer of use: there
// are never more than there are groups, members and pending ids.
type timers []*timer

// timer is a deadline. Its zero value is none.
type timer struct {
	ms    int64
	place int // in timers, from 1; 0 for none

	kind   timerKind
	group  *group
	member *member // of timerSession
	id     string  // of timerPending
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
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].place, t[j].place = i+1, j+1
}

func (t *timers) Push(x any) {
	*t = append(*t, x.(*timer))
	x.(*timer).place = len(*t)
}

func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	x.place = 0
	return x
}

// set moves a timer to a time.
func (t *timers) set(x *timer, ms int64) {
	x.ms = ms
	if x.place == 0 {
		heap.Push(t, x)
		return
	}
	heap.Fix(t, x.place-1)
}

func (t *timers) stop(x *timer) {
	if x.place != 0 {
		heap.Remove(t, x.place-1)
	}
}

// due takes out the next timer if its time has come.
func (t *timers) due(nowMs int64) (*timer, bool) {
	if len(*t) == 0 || (*t)[0].ms > nowMs {
		return nil, false
	}
	return heap.Pop(t).(*timer), true
}

// keepAlive gives a member the given time from now on.
func (m *machine) keepAlive(mb *member, ms int64) {
	m.timers.set(&mb.session, m.now.ms+max(ms, 1))
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
		t, ok := m.timers.due(m.now.ms)
		if !ok {
			break
		}
		m.fire(t)
	}
	if m.now.ms >= m.expiryMs {
		m.expiryMs = m.now.ms + m.o.ExpiryIntervalMs
		m.dropStale()
		m.expireOffsets()
	}
}

func (m *machine) fire(t *timer) {
	switch g := t.group; t.kind {
	case timerJoin:
		m.joinTimeout(g)
	case timerSync:
		m.syncTimeout(g)
	case timerSession:
		m.sessionTimeout(g, t.member)
	case timerPending:
		m.log.Debug("pending member gave up", "group", shown(g.id), "member", shown(t.id))
		m.dropPending(g, t.id)
		m.joinProgress(g)
		m.forgetUnused(g)
	}
}

// sessionTimeout gives a member up, unless it waits for an answer of ours.
func (m *machine) sessionTimeout(g *group, mb *member) {
	if !mb.fresh && (mb.joining != nil || mb.syncing != nil) {
		m.keepAlive(mb, int64(mb.sessionMs))
		return
	}
	m.log.Debug("member was not heard of within its session", "group", shown(g.id), "member", shown(mb.id), "sessionMs", mb.sessionMs)
	m.expel(g, mb)
	m.afterLeaving(g)
}
