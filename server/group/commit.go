package group

import (
	"errors"

	"moldau/server/coordinator"
)

// CommitRequest commits offsets. A client that is no member of the group has
// neither a member id nor a generation (-1).
type CommitRequest struct {
	Group, MemberID, Instance string
	Generation                int32
	Offsets                   []CommitOffset
}

// CommitOffset is one partition of a CommitRequest.
type CommitOffset struct {
	Topic       string
	Partition   int32
	Offset      int64
	LeaderEpoch int32 // -1 unknown
	Metadata    string
	// RetentionMs is how long the offset shall be kept from now on, -1 for as long
	// as the broker does.
	RetentionMs int64
}

// commit serves an OffsetCommit, whose offsets are all acceptable by
// themselves. It is answered when they are visible.
func (m *machine) commit(r *CommitRequest, answer func(error)) {
	g, err := m.committer(r)
	if err != nil {
		answer(err)
		return
	}
	records := make([]coordinator.Record, len(r.Offsets))
	values := make([]committed, len(r.Offsets))
	for i, o := range r.Offsets {
		c := committed{o.Offset, o.LeaderEpoch, o.Metadata, m.nowMs, -1}
		if o.RetentionMs >= 0 {
			c.expiresMs = m.nowMs + o.RetentionMs
		}
		values[i] = c
		records[i] = offsetRecord(g.id, partition{o.Topic, o.Partition}, c)
		g.underway[partition{o.Topic, o.Partition}]++
	}
	landed := func() {
		for _, o := range r.Offsets {
			p := partition{o.Topic, o.Partition}
			if g.underway[p]--; g.underway[p] == 0 {
				delete(g.underway, p)
			}
		}
	}
	err = m.propose(g, records, func(err error) {
		landed()
		if err != nil {
			answer(unavailable(err))
			return
		}
		for i, o := range r.Offsets {
			g.setOffset(partition{o.Topic, o.Partition}, values[i])
		}
		answer(nil)
	})
	if err != nil {
		landed()
		m.forgetUnused(g)
		if err = unavailable(err); errors.Is(err, ErrUnknownServer) {
			err = ErrCommitTooLarge
		}
		answer(err)
	}
}

// committer finds the group that a commit is for, and refuses one that its
// sender may not make: who was given up may not overwrite what its successor
// commits.
func (m *machine) committer(r *CommitRequest) (*group, error) {
	g, ok := m.groups[r.Group]
	if !ok {
		if r.Generation >= 0 {
			return nil, ErrIllegalGeneration
		}
		// Nobody joins this group: its clients share out the work by themselves.
		return m.createWithin(r.Group)
	}
	if g.state == Dead {
		return nil, ErrCoordinatorUnavailable
	}
	if r.Generation < 0 && r.MemberID == "" && r.Instance == "" {
		if g.state != Empty {
			return nil, ErrUnknownMember
		}
		return g, nil
	}
	if r.Generation < 0 && g.state == Empty {
		return g, nil
	}
	mb, err := g.find(r.MemberID, r.Instance)
	switch {
	case err != nil:
		return nil, err
	case r.Generation != g.generation:
		return nil, ErrIllegalGeneration
	case g.state == CompletingRebalance:
		return nil, ErrRebalanceInProgress
	}
	m.keepAlive(g, mb, int64(mb.sessionMs))
	return g, nil
}

// offsetOverheadBytes is about what a committed offset takes beside its strings.
const offsetOverheadBytes = 128

func offsetBytes(p partition, c committed) int64 {
	return int64(offsetOverheadBytes + len(p.topic) + len(c.metadata))
}

func (g *group) setOffset(p partition, c committed) {
	g.dropOffset(p)
	g.offsets[p] = c
	g.take(offsetBytes(p, c))
}

func (g *group) dropOffset(p partition) {
	if c, ok := g.offsets[p]; ok {
		delete(g.offsets, p)
		g.take(-offsetBytes(p, c))
	}
}
