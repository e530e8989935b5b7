package group

import (
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

// offset is a partition's committed offset.
func (m *machine) offset(group, topic string, number int32) PartitionOffset {
	p := PartitionOffset{Topic: topic, Partition: number, Offset: -1, LeaderEpoch: -1}
	if g, ok := m.groups[group]; ok {
		if c, ok := g.offsets[partition{topic, number}]; ok {
			p.Offset, p.LeaderEpoch, p.Metadata = c.offset, c.leaderEpoch, c.metadata
		}
	}
	return p
}

// allOffsets are a group's committed offsets, by topic and partition.
func (m *machine) allOffsets(group string) []PartitionOffset {
	g, ok := m.groups[group]
	if !ok {
		return nil
	}
	all := make([]PartitionOffset, 0, len(g.offsets))
	for p, c := range g.offsets {
		all = append(all, PartitionOffset{p.topic, p.number, c.offset, c.leaderEpoch, c.metadata})
	}
	slices.SortFunc(all, func(a, b PartitionOffset) int {
		return comparePartitions(partition{a.Topic, a.Partition}, partition{b.Topic, b.Partition})
	})
	return all
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
	case !ok || g.state == Dead || !g.visible():
		answer(nil, ErrNotFound)
		return
	case g.state != Empty && g.protocolType != consumerProtocol:
		answer(nil, ErrNotEmpty)
		return
	}
	errs := make([]error, len(of))
	var gone []partition
	for i, tp := range of {
		p := partition{tp.Topic, tp.Partition}
		_, there := g.offsets[p]
		switch {
		case g.state != Empty && g.subscribed(tp.Topic):
			errs[i] = ErrSubscribed
		case !there && g.underway[p] == 0:
			errs[i] = ErrNoOffset
		default:
			gone = append(gone, p)
		}
	}
	if len(gone) == 0 {
		answer(errs, nil)
		return
	}
	m.dropOffsets(g, gone, func(err error) { answer(errs, err) })
}

// dropOffsets deletes offsets, whatever the group is at.
func (m *machine) dropOffsets(g *group, gone []partition, done func(error)) {
	records := make([]coordinator.Record, len(gone))
	for i, p := range gone {
		records[i] = offsetTombstone(g.id, p)
	}
	err := m.propose(g, records, func(err error) {
		if err != nil {
			done(unavailable(err))
			return
		}
		for _, p := range gone {
			g.dropOffset(p)
		}
		m.forgetUnused(g)
		done(nil)
	})
	if err != nil {
		done(unavailable(err))
	}
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
	case g.protocolType != consumerProtocol || g.subscribed(p.topic):
		return false
	}
	if c.expiresMs >= 0 {
		return m.nowMs >= c.expiresMs
	}
	return m.nowMs-from >= m.o.OffsetRetentionMs
}

// topicsDeleted deletes the offsets of topics that are gone: one of the same
// name would be read from where the old one was left.
func (m *machine) topicsDeleted(gone func(topic string) bool) {
	for _, g := range m.groups {
		if g.state == Dead {
			continue
		}
		var of []partition
		for _, p := range g.partitions() {
			if gone(p.topic) {
				of = append(of, p)
			}
		}
		if len(of) > 0 {
			m.dropOffsets(g, of, func(error) {})
		}
	}
}
