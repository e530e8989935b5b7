package group

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
	if r.Group == "" {
		refuse(ErrInvalidGroupID)
		return
	}
	if r.SessionMs < m.o.Limits.SessionMinMs || r.SessionMs > m.o.Limits.SessionMaxMs {
		refuse(ErrInvalidSessionTimeout)
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
	switch {
	case g.state == Dead:
		refuse(ErrCoordinatorUnavailable)
	case !m.accepts(g, r):
		answer(&JoinResponse{Err: ErrFull})
		m.dropPending(g, r.MemberID)
		if mb, ok := g.byID[r.MemberID]; ok {
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

// accepts tells whether the group has room. While members join, those who have
// are counted: where the limit was lowered, the last ones are left out.
func (m *machine) accepts(g *group, r *JoinRequest) bool {
	mb, known := g.byID[r.MemberID]
	if protocolBytes(r.Protocols) > groupBytesMax-g.bytes && (!known || protocolBytes(r.Protocols) > protocolBytes(mb.protocols)) {
		return false
	}
	switch g.state {
	case PreparingRebalance:
		return known && mb.joining != nil || g.joining < m.o.Limits.MembersMax && (known || !m.full())
	case CompletingRebalance, Stable:
		return known || len(g.members) < m.o.Limits.MembersMax && !m.full()
	}
	return !m.full()
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
		until := m.nowMs + int64(r.SessionMs)
		g.pending[id] = until
		g.take(pendingBytes(id))
		m.timers.add(timer{until, timerPending, g, id})
		answer(&JoinResponse{Err: ErrMemberIDRequired, MemberID: id})
		return
	}
	m.addMember(g, id, r, answer)
}

func pendingBytes(id string) int64 { return int64(memberOverheadBytes/4 + len(id)) }

func (m *machine) dropPending(g *group, id string) {
	if _, ok := g.pending[id]; ok {
		delete(g.pending, id)
		g.take(-pendingBytes(id))
	}
}

// joinKnown is for who has a member id.
func (m *machine) joinKnown(g *group, r *JoinRequest, answer func(*JoinResponse)) {
	if _, ok := g.pending[r.MemberID]; ok {
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
	m.keepAlive(g, mb, newMemberJoinMs)
	m.rebalance(g)
}

// await has a member wait for the generation to begin.
func (g *group) await(mb *member, answer func(*JoinResponse)) {
	if mb.joining != nil {
		// Asked twice: the client has given up on its first question.
		mb.joining(&JoinResponse{Err: ErrRebalanceInProgress, MemberID: mb.id})
	} else {
		g.joining++
	}
	mb.joining = answer
}

// answerJoin answers a member that waits for the generation.
func (g *group) answerJoin(mb *member, r *JoinResponse) {
	if mb.joining == nil {
		return
	}
	answer := mb.joining
	mb.joining = nil
	g.joining--
	answer(r)
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
