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

// group is one group. It belongs to the machine that holds it.
type group struct {
	id      string
	state   State
	sinceMs int64 // of state

	protocolType string // "" until a member joins
	protocol     string // chosen for the generation, "" where there are no members
	generation   int32
	roster
	gathering
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
}

// gathering is the join phase.
type gathering struct {
	initial bool  // the group was empty before: it waits for more members
	grown   bool  // a member came since the wait was last prolonged
	moreMs  int64 // by how much the wait may be prolonged yet
	joinEnd timer // of the phase, where an end is set
}

func newGroup(id string, nowMs int64, u *usage) *group {
	g := &group{
		id: id, sinceMs: nowMs, roster: newRoster(u),
		offsets: map[partition]committed{}, underway: map[partition]int{},
	}
	g.joinEnd = timer{kind: timerJoin, group: g}
	g.syncEnd = timer{kind: timerSync, group: g}
	return g
}

// usage is what all groups of a broker take.
type usage struct{ groups, bytes atomic.Int64 }

// account is what one group takes of it.
type account struct {
	usage *usage
	bytes int64
	said  int64 // those of bytes that are what members say of themselves
}

// take counts memory, or with a negative number gives it back.
func (a *account) take(bytes int64) {
	a.bytes += bytes
	a.usage.bytes.Add(bytes)
}

// takeSaid is take for what members say of themselves.
func (a *account) takeSaid(bytes int64) {
	a.said += bytes
	a.take(bytes)
}

// visible tells whether anybody but a client whose request is under way knows
// of the group.
func (g *group) visible() bool {
	return g.recorded || g.recording > 0 || len(g.members) > 0 || len(g.pending) > 0 || len(g.offsets) > 0
}

func (g *group) add(m *member) {
	m.session = timer{kind: timerSession, group: g, member: m}
	g.roster.add(m)
}

// supports tells whether a member with these protocols can join.
func (g *group) supports(protocolType string, protocols []Protocol) bool {
	if g.state == Empty || len(g.members) == 0 {
		return protocolType != "" && len(protocols) > 0
	}
	return g.protocolType == protocolType && slices.ContainsFunc(protocols, g.allOffer)
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
