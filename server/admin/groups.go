package admin

import (
	"maps"
	"slices"

	"moldau/logstore"
)

var (
	membersFamily   = family{"kafka_consumergroup_members", "Number of members of the group.", []string{"consumergroup"}}
	committedFamily = family{"kafka_consumergroup_current_offset", "Offset that the group has committed for the partition.", ofGroupPartition}
	lagFamily       = family{"kafka_consumergroup_lag", "Number of offsets between what the group has committed and what it may read.", ofGroupPartition}
	committedSum    = family{"kafka_consumergroup_current_offset_sum", "Sum of the offsets that the group has committed for the topic's partitions.", ofGroupTopic}
	lagSum          = family{"kafka_consumergroup_lag_sum", "Sum of the group's lag over the topic's partitions.", ofGroupTopic}
	statesFamily    = family{"moldau_consumergroups", "Number of groups in a state.", []string{"state"}}

	ofGroupPartition = []string{"consumergroup", "topic", "partition"}
	ofGroupTopic     = []string{"consumergroup", "topic"}
)

// groups writes what there is of groups, family by family: all of them are
// walked for each, and no more than one is held.
func (s *scrape) groups() {
	states := map[string]int64{}
	s.out.begin(&membersFamily)
	s.eachGroup(func(g *Group) {
		states[g.State]++
		s.out.sample(&membersFamily, int64(g.Members), g.ID)
	})
	s.out.begin(&statesFamily)
	for _, state := range slices.Sorted(maps.Keys(states)) {
		s.out.sample(&statesFamily, states[state], state)
	}
	s.perPartition(&committedFamily, func(o *GroupOffset, _ *logstore.Log) (int64, bool) { return o.Offset, true })
	s.perPartition(&lagFamily, lag)
	s.perTopic(&committedSum, func(o *GroupOffset, _ *logstore.Log) (int64, bool) { return o.Offset, true })
	s.perTopic(&lagSum, lag)
}

// lag is what a group has to read yet. It is negative where the group has
// committed an offset that the log does not have: somebody should know.
func lag(o *GroupOffset, log *logstore.Log) (int64, bool) {
	end, ok := highWatermark(log)
	return end - o.Offset, ok
}

// perPartition writes a value for each partition that a group has committed.
func (s *scrape) perPartition(f *family, value func(*GroupOffset, *logstore.Log) (int64, bool)) {
	s.out.begin(f)
	s.eachGroup(func(g *Group) {
		s.eachOffset(g, func(o *GroupOffset, log *logstore.Log) {
			if v, ok := value(o, log); ok {
				s.out.sample(f, v, g.ID, o.Topic, s.out.number(o.Partition))
			}
		})
	})
}

// perTopic writes the sum of the values of a topic's partitions.
func (s *scrape) perTopic(f *family, value func(*GroupOffset, *logstore.Log) (int64, bool)) {
	s.out.begin(f)
	sums := map[string]int64{}
	s.eachGroup(func(g *Group) {
		clear(sums)
		s.eachOffset(g, func(o *GroupOffset, log *logstore.Log) {
			if v, ok := value(o, log); ok {
				sums[o.Topic] += v
			}
		})
		for _, topic := range slices.Sorted(maps.Keys(sums)) {
			s.out.sample(f, sums[topic], g.ID, topic)
		}
	})
}

func (s *scrape) eachGroup(f func(*Group)) {
	s.sources.Groups.Each(func(g Group) bool {
		f(&g)
		return s.out.err == nil
	})
}

// eachOffset calls f with what a group has committed, and the partition's log,
// nil where this broker has none. What was committed for a partition that is not
// there any more, or never was, is left out.
func (s *scrape) eachOffset(g *Group, f func(*GroupOffset, *logstore.Log)) {
	for i := range g.Offsets {
		o := &g.Offsets[i]
		t, ok := s.image.Topic(o.Topic)
		if !ok || o.Partition < 0 || int(o.Partition) >= len(t.Partitions) {
			continue
		}
		local, _ := s.sources.Replicas.TopicByID(logstore.TopicID(t.ID))
		f(o, logOf(local, o.Partition))
	}
}
