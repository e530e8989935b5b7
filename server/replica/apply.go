package replica

import (
	"errors"
	"slices"

	"moldau/logstore"
	"moldau/server/metadata"
)

// Apply brings the partitions from one image of the cluster to the next. What
// fails for a partition takes that partition offline, with the reason logged,
// and stops no other: the cluster has decided, and a broker can only follow.
func (m *Manager) Apply(prev, next *metadata.Image) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	starting := prev.Offset() < 0
	if starting {
		m.setStraysAside(next)
	}
	diff := metadata.DiffOf(prev, next)
	m.remove(diff.Removed)
	touched := diff.Changed
	if slices.Contains(diff.BrokerConfigs, m.o.NodeID) || slices.Contains(diff.BrokerConfigs, metadata.DefaultBroker) {
		// Any topic may inherit what was set.
		touched = next.Topics()
	}
	var changed []*Topic
	var missing []*Partition
	for _, t := range touched {
		topic, fresh := m.bring(next, t, starting)
		changed = append(changed, topic)
		missing = append(missing, fresh...)
	}
	// With those that failed before: what they lacked may be there now.
	m.openAll(append(missing, m.due()...))
	for _, t := range changed {
		m.publish(t)
	}
	return nil
}

// remove deletes the logs of topics that are gone. They are unpublished first,
// so that requests find no topic rather than a closed log.
func (m *Manager) remove(removed []*metadata.Topic) {
	var gone []*Partition
	for _, t := range removed {
		topic, ok := m.byID.get(logstore.TopicID(t.ID))
		if !ok {
			continue
		}
		m.unpublish(topic)
		for p := range topic.Partitions {
			// Who holds the partition still, a parked fetch above all, is to learn
			// that it is over, not that there is nothing new.
			_, epoch := p.Leader()
			p.setRole(noLeader, epoch)
			delete(m.offline, p)
			gone = append(gone, p)
		}
	}
	atOnce(gone, func(p *Partition) {
		err := m.o.Store.Delete(p.name)
		if p.log.Load() == nil && errors.Is(err, logstore.ErrNotFound) {
			return
		}
		if err != nil {
			m.o.Logger.Error("log of a deleted topic stays on disk", "partition", p.name.String(), "err", err)
		}
	})
}

// bring makes the topic as it shall be published: with the partitions there
// are, brought up to date, and new ones, which it also returns, to be opened.
func (m *Manager) bring(next *metadata.Image, t *metadata.Topic, starting bool) (*Topic, []*Partition) {
	config, err := m.o.LogConfig(next, t)
	if err != nil {
		m.o.Logger.Error("topic has an invalid configuration", "topic", t.Name, "err", err)
	}
	topic := &Topic{
		Name: t.Name, ID: logstore.TopicID(t.ID), Internal: t.Internal,
		partitions: make([]*Partition, len(t.Partitions)),
	}
	var fresh []*Partition
	old, known := m.byID.get(topic.ID)
	for n := range t.Partitions {
		state := &t.Partitions[n]
		if !slices.Contains(state.Replicas, m.o.NodeID) {
			continue
		}
		if known {
			if p, ok := old.Partition(int32(n)); ok {
				p.setRole(state.Leader, state.LeaderEpoch)
				m.configure(p, config, err)
				topic.partitions[n] = p
				continue
			}
		}
		p := &Partition{
			name: logstore.TopicPartition{Topic: t.Name, Partition: int32(n)}, self: m.o.NodeID, manager: m,
			opening: opening{id: topic.ID, config: config, configErr: err, existed: starting},
		}
		p.setRole(state.Leader, state.LeaderEpoch)
		topic.partitions[n] = p
		fresh = append(fresh, p)
	}
	return topic, fresh
}

// configure hands a log its configuration if it is another one. A bad one is
// reported where it is made, and leaves the log with what it had.
func (m *Manager) configure(p *Partition, c logstore.Config, bad error) {
	log := p.log.Load()
	if log == nil {
		p.opening.config, p.opening.configErr = c, bad
		return
	}
	if bad != nil || log.Config() == c {
		return
	}
	if err := log.Configure(c); err != nil {
		m.o.Logger.Error("log keeps its old configuration", "partition", p.name.String(), "err", err)
	}
}
