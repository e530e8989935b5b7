package group

// Snapshot is a group as metrics see it.
type Snapshot struct {
	ID, ProtocolType string
	State            State
	Members          int
	Offsets          []PartitionOffset // by topic and partition
}

// Each calls yield with every group that is loaded, in no order, until it
// returns false. Each group is seen at one moment, and not all at the same; no
// lock is held while yield runs.
func (c *Coordinator) Each(yield func(Snapshot) bool) {
	for _, s := range *c.shards.Load() {
		for _, id := range s.ids() {
			if g, ok := s.snapshot(id); ok && !yield(g) {
				return
			}
		}
	}
}

func (s *shard) ids() (ids []string) {
	s.Lock()
	defer s.Unlock()
	if s.machine != nil {
		s.machine.list(func(l Listing) { ids = append(ids, l.ID) })
	}
	return ids
}

// snapshot is one group: commits wait for no more than that.
func (s *shard) snapshot(id string) (Snapshot, bool) {
	x := Snapshot{ID: id}
	s.Lock()
	var g *group
	if s.machine != nil {
		g = s.machine.groups[id]
	}
	if g == nil {
		s.Unlock()
		return x, false
	}
	x.ProtocolType, x.State, x.Members, x.Offsets = g.protocolType, g.state, len(g.members), s.machine.allOffsets(id)
	s.Unlock()
	sortOffsets(x.Offsets)
	return x, true
}
