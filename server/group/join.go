package group

import "math"

// JoinRequest asks to become or stay a member.
type JoinRequest struct {
	Group    string
	MemberID string // "" for a new member
	Instance string // "" unless static

	ClientID, ClientHost string
	SessionMs            int32
	RebalanceMs          int32
	ProtocolType         string
	Protocols            []Protocol // kept

	// IDRequired: a dynamic member is told its id first and joins with it, so that
	// one whose answer is lost does not stay behind. From version 4 on.
	IDRequired bool
	// MaySkip: the client understands that a leader which came back need not assign
	// anew. From version 9 on.
	MaySkip bool
}

// JoinResponse is the answer. With an error MemberID may be set, nothing else.
type JoinResponse struct {
	Err                    error
	MemberID, Leader       string
	Generation             int32
	ProtocolType, Protocol string
	// Members are told to the leader.
	Members        []JoinedMember
	SkipAssignment bool
}

// JoinedMember is a member as its leader sees it.
type JoinedMember struct {
	ID, Instance string
	Metadata     []byte
}

// newMemberJoinMs is how long a new member may wait for its first answer. It
// does not know its id until then, so it can neither send heartbeats nor leave,
// and whoever gave up waiting and asked again would stay a member for ever.
const newMemberJoinMs = 5 * 60_000

// join serves a JoinGroup.
func (m *machine) join(r *JoinRequest, answer func(*JoinResponse)) {
	refuse := func(err error) { answer(&JoinResponse{Err: err, MemberID: r.MemberID}) }
	if err := r.check(&m.o.Limits); err != nil {
		refuse(err)
		return
	}
	g, ok := m.groups[r.Group]
	if !ok {
		if r.MemberID != "" {
			refuse(ErrUnknownMember)
			return
		}
		var err error
		if g, err = m.createWithin(r.Group); err != nil {
			refuse(err)
			return
		}
		defer m.forgetUnused(g)
	}
	mb := g.byID[r.MemberID]
	if mb == nil && r.MemberID == "" && r.Instance != "" {
		mb = g.instances[r.Instance]
	}
	switch {
	case g.state == Dead:
		refuse(ErrCoordinatorUnavailable)
	case !m.roomFor(g, mb, r):
		refuse(ErrFull)
	case !m.placeFor(g, mb):
		answer(&JoinResponse{Err: ErrFull})
		m.dropPending(g, r.MemberID)
		if mb != nil {
			m.expel(g, mb)
		}
		m.afterLeaving(g)
	case !g.supports(r.ProtocolType, r.Protocols):
		refuse(ErrInconsistentProtocol)
	case r.MemberID == "":
		m.joinNew(g, r, answer)
	default:
		m.joinKnown(g, r, answer)
	}
}

// textBytesMax is what a string has at most in Kafka's records, and in most
// versions of its requests.
const textBytesMax = math.MaxInt16

// check tells what is wrong with a request by itself.
func (r *JoinRequest) check(l *Limits) error {
	switch {
	case r.Group == "", len(r.Group) > textBytesMax:
		return ErrInvalidGroupID
	case r.SessionMs < l.SessionMinMs, r.SessionMs > l.SessionMaxMs:
		return ErrInvalidSessionTimeout
	case len(r.MemberID) > textBytesMax, len(r.Instance) > textBytesMax:
		return ErrUnknownMember
	case len(r.ProtocolType) > textBytesMax:
		return ErrInconsistentProtocol
	}
	for _, p := range r.Protocols {
		if len(p.Name) > textBytesMax {
			return ErrInconsistentProtocol
		}
	}
	return nil
}

// roomFor tells whether there is memory for what the member says; mb is nil for
// one that the group does not know. One that says no more than before needs
// none.
func (m *machine) roomFor(g *group, mb *member, r *JoinRequest) bool {
	grows := protocolBytes(r.Protocols)
	if mb != nil {
		grows -= protocolBytes(mb.protocols)
	}
	switch {
	case grows <= 0:
		return true
	case grows > m.o.Limits.GroupBytesMax-g.said:
		return false
	case mb == nil:
		return !m.full()
	}
	return !m.brimful()
}

// placeFor tells whether the group may have the member. While members join,
// those who have are counted: where the limit was lowered, the last ones are
// left out.
func (m *machine) placeFor(g *group, mb *member) bool {
	switch g.state {
	case PreparingRebalance:
		return mb != nil && mb.joining != nil || g.joining < m.o.Limits.MembersMax
	case CompletingRebalance, Stable:
		return mb != nil || len(g.members) < m.o.Limits.MembersMax
	}
	return true
}

// joinNew is for who has no member id.
func (m *machine) joinNew(g *group, r *JoinRequest, answer func(*JoinResponse)) {
	if r.Instance == "" && r.IDRequired && len(g.pending) >= m.o.Limits.MembersMax {
		answer(&JoinResponse{Err: ErrFull})
		return
	}
	id := m.newMemberID(r.ClientID, r.Instance)
	if r.Instance != "" {
		if old, ok := g.instances[r.Instance]; ok {
			m.replaceStatic(g, old, id, r, answer)
			return
		}
	} else if r.IDRequired {
		t := &timer{kind: timerPending, group: g, id: id}
		g.pending[id] = t
		g.takeSaid(pendingBytes(id))
		m.timers.set(t, m.now.ms+int64(r.SessionMs))
		answer(&JoinResponse{Err: ErrMemberIDRequired, MemberID: id})
		return
	}
	m.addMember(g, id, r, answer)
}

func pendingBytes(id string) int64 { return int64(memberOverheadBytes/4 + len(id)) }

func (m *machine) dropPending(g *group, id string) {
	if t, ok := g.pending[id]; ok {
		m.timers.stop(t)
		delete(g.pending, id)
		g.takeSaid(-pendingBytes(id))
	}
}

// joinKnown is for who has a member id.
func (m *machine) joinKnown(g *group, r *JoinRequest, answer func(*JoinResponse)) {
	if _, ok := g.pending[r.MemberID]; ok {
		if r.Instance != "" {
			// Static members are not given their ids beforehand.
			answer(&JoinResponse{Err: ErrUnknownMember, MemberID: r.MemberID})
			return
		}
		m.dropPending(g, r.MemberID)
		m.addMember(g, r.MemberID, r, answer)
		return
	}
	mb, err := g.find(r.MemberID, r.Instance)
	if err != nil {
		answer(&JoinResponse{Err: err, MemberID: r.MemberID})
		return
	}
	same := mb.offers(r.Protocols)
	switch {
	case g.state == CompletingRebalance && same:
		// Its answer was lost, or it leads and asks for the members again.
		answer(g.joined(mb))
	case g.state == Stable && same && g.leader != mb.id:
		answer(g.joined(mb))
	case g.state == Empty:
		answer(&JoinResponse{Err: ErrUnknownMember, MemberID: r.MemberID})
	default:
		// A leader that joins anew has something to assign, even if it says the same
		// as before: partitions were added, for instance.
		g.update(mb, r.Protocols, r.RebalanceMs, r.SessionMs)
		g.await(mb, answer)
		m.rebalance(g)
	}
}

func (m *machine) addMember(g *group, id string, r *JoinRequest, answer func(*JoinResponse)) {
	mb := &member{
		id: id, instance: r.Instance, clientID: r.ClientID, clientHost: r.ClientHost,
		rebalanceMs: r.RebalanceMs, sessionMs: r.SessionMs, protocols: r.Protocols, fresh: true,
	}
	if len(g.members) == 0 {
		g.protocolType = r.ProtocolType
	}
	g.add(mb)
	g.grown = g.grown || g.state == PreparingRebalance && g.initial
	g.await(mb, answer)
	m.keepAlive(mb, newMemberJoinMs)
	m.rebalance(g)
}

// joined is what a member is told of the generation.
func (g *group) joined(mb *member) *JoinResponse {
	r := &JoinResponse{
		MemberID: mb.id, Leader: g.leader, Generation: g.generation, ProtocolType: g.protocolType, Protocol: g.protocol,
	}
	if g.leader == mb.id {
		r.Members = g.joinedMembers()
	}
	return r
}

func (g *group) joinedMembers() []JoinedMember {
	all := make([]JoinedMember, len(g.members))
	for i, mb := range g.members {
		all[i] = JoinedMember{mb.id, mb.instance, mb.metadata(g.protocol)}
	}
	return all
}
