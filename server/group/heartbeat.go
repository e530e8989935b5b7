package group

// memberOf finds the member of a generation that a request is from.
func (m *machine) memberOf(id, member, instance string, generation int32) (*group, *member, error) {
	if id == "" {
		return nil, nil, ErrInvalidGroupID
	}
	g, ok := m.groups[id]
	if !ok {
		return nil, nil, ErrUnknownMember
	}
	if g.state == Dead {
		return nil, nil, ErrCoordinatorUnavailable
	}
	mb, err := g.find(member, instance)
	if err != nil {
		return nil, nil, err
	}
	if generation != g.generation {
		return nil, nil, ErrIllegalGeneration
	}
	return g, mb, nil
}

// heartbeat serves a Heartbeat.
func (m *machine) heartbeat(group, member, instance string, generation int32) error {
	g, mb, err := m.memberOf(group, member, instance, generation)
	if err != nil {
		return err
	}
	m.keepAlive(mb, int64(mb.sessionMs))
	if g.state == PreparingRebalance {
		return ErrRebalanceInProgress
	}
	return nil
}

// Leaving is a member that leaves, by its id or, without one, by its instance.
type Leaving struct{ MemberID, Instance string }

// leave serves a LeaveGroup, and returns an error or nil for each member.
func (m *machine) leave(id string, members []Leaving) ([]error, error) {
	if id == "" {
		return nil, ErrInvalidGroupID
	}
	errs := make([]error, len(members))
	g, ok := m.groups[id]
	if ok && g.state == Dead {
		return nil, ErrCoordinatorUnavailable
	}
	left := false
	for i, l := range members {
		if !ok {
			errs[i] = ErrUnknownMember
			continue
		}
		errs[i] = m.leaveOne(g, l)
		left = left || errs[i] == nil
	}
	if left {
		m.afterLeaving(g)
		m.forgetUnused(g)
	}
	return errs, nil
}

func (m *machine) leaveOne(g *group, l Leaving) error {
	if l.MemberID == "" {
		mb, ok := g.instances[l.Instance]
		if !ok || l.Instance == "" {
			return ErrUnknownMember
		}
		m.expel(g, mb)
		return nil
	}
	if _, ok := g.pending[l.MemberID]; ok {
		m.dropPending(g, l.MemberID)
		return nil
	}
	mb, err := g.find(l.MemberID, l.Instance)
	if err != nil {
		return err
	}
	m.expel(g, mb)
	return nil
}
