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

// RecordsBytesMax is what one group, or one commit, may take in the log: what
// max.message.bytes of [Topic] has to be. Thousands of members fit, where the
// default of topics would end at some hundreds.
const RecordsBytesMax = 16 << 20

// commit serves an OffsetCommit, whose offsets are all acceptable by
// themselves. It is answered when they are visible. Of a partition that is
// named twice the last offset counts.
func (m *machine) commit(r *CommitRequest, answer func(error)) {
	g, err := m.committer(r)
	if err != nil {
		answer(err)
		return
	}
	offsets, err := m.toCommit(g, r)
	if err != nil {
		m.forgetUnused(g)
		answer(err)
		return
	}
	records := make([]coordinator.Record, 0, len(offsets))
	for p, c := range offsets {
		records = append(records, offsetRecord(g.id, p, c))
		g.underway[p]++
	}
	landed := func() {
		for p := range offsets {
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
		for p, c := range offsets {
			g.setOffset(p, c)
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

// toCommit are the offsets of a request, or why they cannot be committed.
func (m *machine) toCommit(g *group, r *CommitRequest) (map[partition]committed, error) {
	offsets := make(map[partition]committed, len(r.Offsets))
	bytes, grows := 0, false
	for _, o := range r.Offsets {
		p := partition{o.Topic, o.Partition}
		id, ok := m.o.TopicID(o.Topic)
		if !ok {
			return nil, ErrNoTopic // deleted since the request was looked at
		}
		c := committed{o.Offset, o.LeaderEpoch, o.Metadata, m.now.wallMs, -1, id}
		if o.RetentionMs >= 0 {
			c.expiresMs = m.now.wallMs + o.RetentionMs
		}
		before, again := offsets[p]
		offsets[p] = c
		_, known := g.offsets[p]
		grows = grows || !known
		// Before anything is made of it: the group's id stands in every record.
		if !again {
			bytes += offsetOverheadBytes + len(g.id) + len(o.Topic)
		}
		if bytes += len(o.Metadata) - len(before.metadata); bytes > RecordsBytesMax {
			return nil, ErrCommitTooLarge
		}
	}
	if grows && m.brimful() {
		return nil, ErrFull
	}
	return offsets, nil
}

// committer finds the group that a commit is for, and refuses one that its
// sender may not make: who was given up may not overwrite what its successor
// commits.
func (m *machine) committer(r *CommitRequest) (*group, error) {
	if len(r.Group) > textBytesMax {
		return nil, ErrInvalidGroupID
	}
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
	m.keepAlive(mb, int64(mb.sessionMs))
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
