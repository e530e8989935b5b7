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
		for _, g := range s.snapshots() {
			if !yield(g) {
				return
			}
		}
	}
}

func (s *shard) snapshots() []Snapshot {
	s.Lock()
	defer s.Unlock()
	if s.machine == nil {
		return nil
	}
	var all []Snapshot
	for _, g := range s.machine.groups {
		if g.visible() && g.state != Dead {
			all = append(all, Snapshot{g.id, g.protocolType, g.state, len(g.members), s.machine.allOffsets(g.id)})
		}
	}
	return all
}
