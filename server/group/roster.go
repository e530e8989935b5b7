package group

import "slices"

// roster is who is in a group, and who may come.
type roster struct {
	account

	members   []*member // in the order in which they came
	byID      map[string]*member
	instances map[string]*member
	pending   map[string]*timer // ids given and not joined with
	leader    string            // id of a member, "" for none
	offered   map[string]int    // protocols, and how many members offer each
	joining   int               // members whose joining is set
}

func newRoster(u *usage) roster {
	return roster{
		account: account{usage: u},
		byID:    map[string]*member{}, instances: map[string]*member{}, pending: map[string]*timer{}, offered: map[string]int{},
	}
}

func (r *roster) add(m *member) {
	if len(r.members) == 0 {
		r.leader = m.id
	}
	r.members = append(r.members, m)
	r.byID[m.id] = m
	if m.instance != "" {
		r.instances[m.instance] = m
	}
	r.count(m, 1)
	r.takeSaid(m.bytes())
}

// remove forgets a member, whose answers must have been given.
func (r *roster) remove(m *member) {
	r.members = slices.DeleteFunc(r.members, func(o *member) bool { return o == m })
	delete(r.byID, m.id)
	if r.instances[m.instance] == m {
		delete(r.instances, m.instance)
	}
	r.count(m, -1)
	r.takeSaid(-m.bytes())
	if r.leader == m.id {
		r.leader = ""
		if len(r.members) > 0 {
			r.leader = r.members[0].id
		}
	}
}

// count adds a member to, or takes it off, the protocols' counts.
func (r *roster) count(m *member, by int) {
	seen := map[string]bool{}
	for _, p := range m.protocols {
		if seen[p.Name] {
			continue
		}
		seen[p.Name] = true
		if r.offered[p.Name] += by; r.offered[p.Name] == 0 {
			delete(r.offered, p.Name)
		}
	}
}

// rename gives a member another id.
func (r *roster) rename(m *member, id string) {
	delete(r.byID, m.id)
	if r.leader == m.id {
		r.leader = id
	}
	r.takeSaid(int64(len(id) - len(m.id)))
	m.id = id
	r.byID[id] = m
}

// update replaces what a member said of itself.
func (r *roster) update(m *member, protocols []Protocol, rebalanceMs, sessionMs int32) {
	r.count(m, -1)
	r.takeSaid(-m.bytes())
	m.protocols, m.rebalanceMs, m.sessionMs = protocols, rebalanceMs, sessionMs
	r.count(m, 1)
	r.takeSaid(m.bytes())
}

// assign sets each member's share.
func (r *roster) assign(assignments map[string][]byte) {
	for _, m := range r.members {
		r.takeSaid(int64(len(assignments[m.id]) - len(m.assignment)))
		m.assignment = assignments[m.id]
	}
}

// allOffer tells whether a protocol is one that every member offers.
func (r *roster) allOffer(p Protocol) bool { return r.offered[p.Name] == len(r.members) }

// choose is the protocol that most members prefer of those that all offer, and
// of several the one that the oldest member prefers.
func (r *roster) choose() string {
	votes := map[string]int{}
	var order []string
	for _, m := range r.members {
		for _, p := range m.protocols {
			if !r.allOffer(p) {
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
func (r *roster) rebalanceMs() int64 {
	var most int32
	for _, m := range r.members {
		most = max(most, m.rebalanceMs)
	}
	return int64(most)
}

// allJoined tells whether there is nobody to wait for.
func (r *roster) allJoined() bool { return r.joining == len(r.members) && len(r.pending) == 0 }

// find finds the member that a request is from.
func (r *roster) find(id, instance string) (*member, error) {
	if instance != "" {
		m, ok := r.instances[instance]
		switch {
		case !ok:
			return nil, ErrUnknownMember
		case m.id != id:
			return nil, ErrFencedInstance
		}
		return m, nil
	}
	m, ok := r.byID[id]
	if !ok {
		return nil, ErrUnknownMember
	}
	return m, nil
}

// electJoined sees to it that the leader is one who has joined.
func (r *roster) electJoined() bool {
	if leader, ok := r.byID[r.leader]; ok && leader.joining != nil {
		return true
	}
	for _, mb := range r.members {
		if mb.joining != nil {
			r.leader = mb.id
			return true
		}
	}
	return false
}

// await has a member wait for the generation to begin.
func (r *roster) await(mb *member, answer func(*JoinResponse)) {
	if mb.joining != nil {
		// Asked twice: the client has given up on its first question.
		mb.joining(&JoinResponse{Err: ErrRebalanceInProgress, MemberID: mb.id})
	} else {
		r.joining++
	}
	mb.joining = answer
}

// answerJoin answers a member that waits for the generation.
func (r *roster) answerJoin(mb *member, j *JoinResponse) {
	if mb.joining == nil {
		return
	}
	answer := mb.joining
	mb.joining = nil
	r.joining--
	answer(j)
}

// assignments are the members' shares by their ids.
func (r *roster) assignments() map[string][]byte {
	all := make(map[string][]byte, len(r.members))
	for _, mb := range r.members {
		all[mb.id] = mb.assignment
	}
	return all
}

// moveTo says which process a member is now.
func (r *roster) moveTo(mb *member, clientID, clientHost string) {
	r.takeSaid(int64(len(clientID) - len(mb.clientID) + len(clientHost) - len(mb.clientHost)))
	mb.clientID, mb.clientHost = clientID, clientHost
}
