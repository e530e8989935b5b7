package group

import (
	"maps"
	"slices"

	"moldau/server/coordinator"
)

// PartitionOffset is a committed offset of a partition. Offset is -1 where
// nothing is committed, and LeaderEpoch where it is unknown.
type PartitionOffset struct {
	Topic       string
	Partition   int32
	Offset      int64
	LeaderEpoch int32
	Metadata    string
}

// stale tells of an offset whose topic is gone, or was made anew since: a
// consumer would go on in the middle of records that it has never seen.
func (m *machine) stale(p partition, c committed) bool {
	var unknown [16]byte
	id, ok := m.o.TopicID(p.topic)
	return !ok || c.topicID != id && c.topicID != unknown && id != unknown
}

// offset is a partition's committed offset.
func (m *machine) offset(group, topic string, number int32) PartitionOffset {
	o := PartitionOffset{Topic: topic, Partition: number, Offset: -1, LeaderEpoch: -1}
	if g, ok := m.groups[group]; ok {
		p := partition{topic, number}
		if c, ok := g.offsets[p]; ok && !m.stale(p, c) {
			o.Offset, o.LeaderEpoch, o.Metadata = c.offset, c.leaderEpoch, c.metadata
		}
	}
	return o
}

// allOffsets are a group's committed offsets, in no order.
func (m *machine) allOffsets(group string) []PartitionOffset {
	g, ok := m.groups[group]
	if !ok {
		return nil
	}
	all := make([]PartitionOffset, 0, len(g.offsets))
	for p, c := range g.offsets {
		if !m.stale(p, c) {
			all = append(all, PartitionOffset{p.topic, p.number, c.offset, c.leaderEpoch, c.metadata})
		}
	}
	return all
}

func sortOffsets(all []PartitionOffset) {
	slices.SortFunc(all, func(a, b PartitionOffset) int {
		return comparePartitions(partition{a.Topic, a.Partition}, partition{b.Topic, b.Partition})
	})
}

// TopicPartition names a partition whose offset is to be deleted.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// deleteOffsets serves an OffsetDelete. It answers with an error or nil for each
// partition, or with one for all.
func (m *machine) deleteOffsets(id string, of []TopicPartition, answer func([]error, error)) {
	g, ok := m.groups[id]
	switch {
	case id == "":
		answer(nil, ErrInvalidGroupID)
		return
	case !ok || g.state == Dead || !g.visible():
		answer(nil, ErrNotFound)
		return
	case g.state != Empty && g.protocolType != consumerProtocol:
		answer(nil, ErrNotEmpty)
		return
	}
	errs := make([]error, len(of))
	gone := map[partition]bool{}
	for i, tp := range of {
		p := partition{tp.Topic, tp.Partition}
		if g.state != Empty && g.subscribed(tp.Topic) {
			errs[i] = ErrSubscribed
		} else if _, there := g.offsets[p]; there || g.underway[p] > 0 {
			gone[p] = true
		}
	}
	m.dropOffsets(g, slices.SortedFunc(maps.Keys(gone), comparePartitions), func(err error) { answer(errs, err) })
}

// tombstonesBytesMax is what the tombstones of one batch take at most: there may
// be more offsets than fit one.
const tombstonesBytesMax = 4 << 20

// dropOffsets deletes offsets, whatever the group is at. done is called once:
// when all are deleted, or with the first error.
func (m *machine) dropOffsets(g *group, gone []partition, done func(error)) {
	told := false
	tell := func(err error) {
		if !told {
			told = true
			done(err)
		}
	}
	if len(gone) == 0 {
		tell(nil)
	} else if err := m.tombstones(g, gone, tell); err != nil {
		tell(unavailable(err))
	}
}

// tombstones proposes the deletion of offsets, in one batch or several, all now:
// a commit that comes later must not be deleted. landed is called when the last
// is applied, and with the error of each that cannot be.
func (m *machine) tombstones(g *group, gone []partition, landed func(error)) error {
	for len(gone) > 0 {
		var batch []partition
		var records []coordinator.Record
		for bytes := 0; len(gone) > 0 && bytes < tombstonesBytesMax; gone = gone[1:] {
			r := offsetTombstone(g.id, gone[0])
			batch, records = append(batch, gone[0]), append(records, r)
			bytes += len(r.Key)
		}
		last := len(gone) == 0
		err := m.propose(g, records, func(err error) {
			if err != nil {
				landed(unavailable(err))
				return
			}
			for _, p := range batch {
				g.dropOffset(p)
			}
			m.forgetUnused(g)
			if last {
				landed(nil)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// expireOffsets deletes what nobody has needed for longer than it is kept, and
// groups of which nothing is left.
func (m *machine) expireOffsets() {
	for _, g := range m.groups {
		if g.state == Dead {
			continue
		}
		var gone []partition
		for p, c := range g.offsets {
			// One that is being committed anew would be deleted behind the commit.
			if g.underway[p] == 0 && m.expired(g, p, c) {
				gone = append(gone, p)
			}
		}
		slices.SortFunc(gone, comparePartitions)
		if g.state == Empty && len(g.pending) == 0 && len(g.underway) == 0 && len(gone) == len(g.offsets) {
			m.bury(g, func(error) {})
		} else if len(gone) > 0 {
			m.dropOffsets(g, gone, func(error) {})
		}
	}
}

// expired tells whether a committed offset need not be kept. Members need those
// of the topics that they are subscribed to, and an empty group keeps all for a
// while, in case its members come back.
func (m *machine) expired(g *group, p partition, c committed) bool {
	from := c.atMs
	switch {
	case g.protocolType == "":
	case g.state == Empty:
		from = max(from, g.sinceMs)
	case g.state != Stable || g.protocolType != consumerProtocol || g.subscribed(p.topic):
		return false
	}
	if c.expiresMs >= 0 {
		return m.now.wallMs >= c.expiresMs
	}
	return m.now.wallMs-from >= m.o.OffsetRetentionMs
}

// dropStale deletes the offsets of topics that are gone. What cannot be written
// now is tried again with the next look; nobody is told such an offset meanwhile.
func (m *machine) dropStale() {
	for _, g := range m.groups {
		if g.state == Dead {
			continue
		}
		var of []partition
		for p, c := range g.offsets {
			// One that is being committed anew would be deleted behind the commit.
			if g.underway[p] == 0 && m.stale(p, c) {
				of = append(of, p)
			}
		}
		slices.SortFunc(of, comparePartitions)
		m.dropOffsets(g, of, func(error) {})
	}
}
