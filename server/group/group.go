package group

import (
	"maps"
	"slices"
	"sync/atomic"
)

// State is where a group is.
type State uint8

const (
	Empty               State = iota // no members, perhaps offsets
	PreparingRebalance               // members join
	CompletingRebalance              // members wait for the leader's assignment
	Stable                           // members work
	Dead                             // deleted, and about to be forgotten
)

// String is the state as Kafka names it.
func (s State) String() string {
	return [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}[s]
}

// consumerProtocol is the protocol type of consumers.
const consumerProtocol = "consumer"

// group is one group. Its fields belong to the machine that holds it.
type group struct {
	id      string
	state   State
	sinceMs int64 // of state

	protocolType string // "" until a member joins
	protocol     string // chosen for the generation, "" where there are no members
	generation   int32
	leader       string // id of a member, "" for none

	members   []*member // in the order in which they came
	byID      map[string]*member
	instances map[string]*member
	pending   map[string]*timer // ids given and not joined with
	offered   map[string]int    // protocols, and how many members offer each
	joining   int               // members whose joining is set

	// Of the join phase.
	initial bool  // the group was empty before: it waits for more members
	grown   bool  // a member came since the wait was last prolonged
	moreMs  int64 // by how much the wait may be prolonged yet
	joinEnd timer
	// syncEnd is when members that have not synced are given up.
	syncEnd timer
	// assigning: the leader's decision for this generation is on its way into the
	// log. Another one would be behind it there.
	assigning bool

	// topics are those of the members' subscriptions, nil where they cannot be
	// told: then a consumer group counts as subscribed to every topic.
	topics map[string]struct{}

	offsets  map[partition]committed
	underway map[partition]int // commits that are not applied yet

	recorded  bool // the log has a record of the group itself
	recording int  // such records that are not applied yet

	usage *usage
	bytes int64 // of usage, for this group
	said  int64 // those of bytes that are its members'
}

// usage is what all groups of a broker take.
type usage struct{ groups, bytes atomic.Int64 }

func newGroup(id string, nowMs int64, u *usage) *group {
	g := &group{
		id: id, sinceMs: nowMs, usage: u,
		byID: map[string]*member{}, instances: map[string]*member{}, pending: map[string]*timer{}, offered: map[string]int{},
		offsets: map[partition]committed{}, underway: map[partition]int{},
	}
	g.joinEnd = timer{kind: timerJoin, group: g}
	g.syncEnd = timer{kind: timerSync, group: g}
	return g
}

// take counts memory, or with a negative number gives it back.
func (g *group) take(bytes int64) {
	g.bytes += bytes
	g.usage.bytes.Add(bytes)
}

// takeSaid is take for what members say of themselves.
func (g *group) takeSaid(bytes int64) {
	g.said += bytes
	g.take(bytes)
}

// visible tells whether anybody but a client whose request is under way knows
// of the group.
func (g *group) visible() bool {
	return g.recorded || g.recording > 0 || len(g.members) > 0 || len(g.pending) > 0 || len(g.offsets) > 0
}

func (g *group) add(m *member) {
	m.session = timer{kind: timerSession, group: g, member: m}
	if len(g.members) == 0 {
		g.leader = m.id
	}
	g.members = append(g.members, m)
	g.byID[m.id] = m
	if m.instance != "" {
		g.instances[m.instance] = m
	}
	g.count(m, 1)
	g.takeSaid(m.bytes())
}

// remove forgets a member, whose answers must have been given.
func (g *group) remove(m *member) {
	g.members = slices.DeleteFunc(g.members, func(o *member) bool { return o == m })
	delete(g.byID, m.id)
	if g.instances[m.instance] == m {
		delete(g.instances, m.instance)
	}
	g.count(m, -1)
	g.takeSaid(-m.bytes())
	if g.leader == m.id {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
}

// count adds a member to, or takes it off, the protocols' counts.
func (g *group) count(m *member, by int) {
	seen := map[string]bool{}
	for _, p := range m.protocols {
		if seen[p.Name] {
			continue
		}
		seen[p.Name] = true
		if g.offered[p.Name] += by; g.offered[p.Name] == 0 {
			delete(g.offered, p.Name)
		}
	}
}

// rename gives a member another id.
func (g *group) rename(m *member, id string) {
	delete(g.byID, m.id)
	if g.leader == m.id {
		g.leader = id
	}
	g.takeSaid(int64(len(id) - len(m.id)))
	m.id = id
	g.byID[id] = m
}

// update replaces what a member said of itself.
func (g *group) update(m *member, protocols []Protocol, rebalanceMs, sessionMs int32) {
	g.count(m, -1)
	g.takeSaid(-m.bytes())
	m.protocols, m.rebalanceMs, m.sessionMs = protocols, rebalanceMs, sessionMs
	g.count(m, 1)
	g.takeSaid(m.bytes())
}

// assign sets each member's share.
func (g *group) assign(assignments map[string][]byte) {
	for _, m := range g.members {
		g.takeSaid(int64(len(assignments[m.id]) - len(m.assignment)))
		m.assignment = assignments[m.id]
	}
}

// supports tells whether a member with these protocols can join.
func (g *group) supports(protocolType string, protocols []Protocol) bool {
	if g.state == Empty || len(g.members) == 0 {
		return protocolType != "" && len(protocols) > 0
	}
	return g.protocolType == protocolType && slices.ContainsFunc(protocols, func(p Protocol) bool {
		return g.offered[p.Name] == len(g.members)
	})
}

// choose is the protocol that most members prefer of those that all offer, and
// of several the one that the oldest member prefers.
func (g *group) choose() string {
	votes := map[string]int{}
	var order []string
	for _, m := range g.members {
		for _, p := range m.protocols {
			if g.offered[p.Name] != len(g.members) {
				continue
			}
			if votes[p.Name]++; votes[p.Name] == 1 {
				order = append(order, p.Name)
			}
			break
		}
	}
	best := ""
	for _, name := range order {
		if votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// rebalanceMs is the patience of the most patient member.
func (g *group) rebalanceMs() int64 {
	var most int32
	for _, m := range g.members {
		most = max(most, m.rebalanceMs)
	}
	return int64(most)
}

// allJoined tells whether there is nobody to wait for.
func (g *group) allJoined() bool { return g.joining == len(g.members) && len(g.pending) == 0 }

// find finds the member that a request is from.
func (g *group) find(id, instance string) (*member, error) {
	if instance != "" {
		m, ok := g.instances[instance]
		switch {
		case !ok:
			return nil, ErrUnknownMember
		case m.id != id:
			return nil, ErrFencedInstance
		}
		return m, nil
	}
	m, ok := g.byID[id]
	if !ok {
		return nil, ErrUnknownMember
	}
	return m, nil
}

// readTopics works out what the group is subscribed to.
func (g *group) readTopics() {
	g.topics = nil
	if g.protocolType != consumerProtocol || len(g.members) == 0 {
		return
	}
	topics := map[string]struct{}{}
	for _, m := range g.members {
		if !readSubscription(m.metadata(g.protocol), topics) {
			return
		}
	}
	g.topics = topics
}

// subscribed tells whether the group has, or may have, a topic's records.
func (g *group) subscribed(topic string) bool {
	if g.topics == nil {
		return g.protocolType == consumerProtocol && len(g.members) > 0
	}
	_, ok := g.topics[topic]
	return ok
}

// partitions are those with an offset, or one under way, in order.
func (g *group) partitions() []partition {
	all := map[partition]struct{}{}
	for p := range g.offsets {
		all[p] = struct{}{}
	}
	for p := range g.underway {
		all[p] = struct{}{}
	}
	return slices.SortedFunc(maps.Keys(all), comparePartitions)
}
