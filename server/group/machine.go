package group

import (
	"cmp"
	"log/slog"
	"math"

	"moldau/server/coordinator"
)

// machine is the groups of one partition. It is not safe for concurrent use:
// its shard holds a lock, and sets now, around every call.
//
// A function that answers a request is called exactly once, then or later. It
// must not block, nor call the machine.
type machine struct {
	o       *Options
	log     *slog.Logger
	usage   *usage
	journal journal

	now      moment
	groups   map[string]*group
	timers   timers
	expiryMs int64 // when expired offsets are looked for next
	refused  bool  // by the journal, when it was last asked
}

// moment is a point in time. Deadlines go by ms, which never goes back, whatever
// is done to the system's clock; what is written down goes by wallMs.
type moment struct{ ms, wallMs int64 }

func newMachine(o *Options, u *usage, now moment) *machine {
	return &machine{
		o: o, log: o.Logger, usage: u, now: now,
		groups: map[string]*group{}, expiryMs: now.ms + o.ExpiryIntervalMs,
	}
}

// groupOverheadBytes is about what a group takes beside its members and offsets.
const groupOverheadBytes = 1024

// create makes a group that is not there.
func (m *machine) create(id string) *group {
	g := newGroup(id, m.now.wallMs, m.usage)
	g.take(int64(groupOverheadBytes + len(id)))
	m.groups[id] = g
	m.usage.groups.Add(1)
	return g
}

// createWithin is create for a client.
func (m *machine) createWithin(id string) (*group, error) {
	if m.usage.groups.Load() >= int64(m.o.Limits.GroupsMax) || m.full() {
		return nil, ErrFull
	}
	return m.create(id), nil
}

// full tells that no group and no member is taken any more.
func (m *machine) full() bool { return m.usage.bytes.Load() >= m.o.Limits.BytesMax }

// brimful tells that what is there may not grow either.
func (m *machine) brimful() bool { return m.usage.bytes.Load() >= 2*m.o.Limits.BytesMax }

// forget drops a group.
func (m *machine) forget(g *group) {
	m.timers.stop(&g.joinEnd)
	m.timers.stop(&g.syncEnd)
	for _, mb := range g.members {
		m.timers.stop(&mb.session)
	}
	for _, t := range g.pending {
		m.timers.stop(t)
	}
	g.take(-g.bytes)
	m.usage.groups.Add(-1)
	delete(m.groups, g.id)
}

// forgetUnused drops a group that holds nothing and that nobody knows of: what
// a request that came to nothing created.
func (m *machine) forgetUnused(g *group) {
	if m.groups[g.id] == g && g.state != Dead && !g.visible() && len(g.underway) == 0 {
		m.forget(g)
	}
}

// close answers everyone who waits, and forgets all groups.
func (m *machine) close(why error) {
	for _, g := range m.groups {
		for _, mb := range g.members {
			g.answerJoin(mb, &JoinResponse{Err: why})
			answerSync(mb, &SyncResponse{Err: why})
		}
		m.forget(g)
	}
	m.timers = nil
	m.expiryMs = math.MaxInt64
}

// propose has the journal persist what was decided about a group, see
// [coordinator.Journal.Propose]. That nothing can be written is said once.
func (m *machine) propose(g *group, records []coordinator.Record, apply func(error)) error {
	err := m.journal.Propose(records, apply)
	if refused := err != nil; refused != m.refused {
		m.refused = refused
		if refused {
			m.log.Warn("groups cannot be written", "group", shown(g.id), "err", err)
		} else {
			m.log.Info("groups can be written again", "group", shown(g.id))
		}
	}
	return err
}

// proposeRecord is propose for a record of the group itself.
func (m *machine) proposeRecord(g *group, r coordinator.Record, apply func(error)) error {
	g.recording++
	err := m.propose(g, []coordinator.Record{r}, func(err error) {
		g.recording--
		g.recorded = g.recorded || err == nil
		apply(err)
	})
	if err != nil {
		g.recording--
	}
	return err
}

// shownMax is how much of what a client chose is logged; it may have 32 KiB.
const shownMax = 64

func shown(s string) string { return s[:min(len(s), shownMax)] }

func (m *machine) become(g *group, s State) {
	m.log.Debug("group changes its state", "group", shown(g.id), "from", g.state, "to", s, "generation", g.generation, "members", len(g.members))
	g.state, g.sinceMs = s, m.now.wallMs
}

func comparePartitions(a, b partition) int {
	return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.number, b.number))
}
