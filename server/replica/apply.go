package replica

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"moldau/logstore"
	"moldau/server/metadata"
)

// openersMax is how many logs are created or opened at once. Creating one
// waits for syncs of directories, not for a processor, and the file system
// merges syncs that wait together.
const openersMax = 32

// opening is a partition that needs its log, and the place it goes to.
type opening struct {
	topic     *metadata.Topic
	partition int32
	config    logstore.Config
	err       error // of config
	slot      **Partition
}

// Apply brings the partitions from one image of the cluster to the next. What
// fails for a partition takes that partition offline, with the reason logged,
// and stops no other: the cluster has decided, and a broker can only follow.
func (m *Manager) Apply(prev, next *metadata.Image) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	starting := prev.Offset() < 0
	diff := metadata.DiffOf(prev, next)
	m.remove(diff.Removed)
	touched := diff.Changed
	if slices.Contains(diff.BrokerConfigs, m.o.NodeID) || slices.Contains(diff.BrokerConfigs, metadata.DefaultBroker) {
		// Any topic may inherit what was set.
		touched = next.Topics()
	}
	var changed []*Topic
	var openings []opening
	for _, t := range touched {
		topic, missing := m.bring(next, t)
		changed = append(changed, topic)
		openings = append(openings, missing...)
	}
	m.openAll(openings, starting)
	for _, t := range changed {
		m.publish(t)
	}
	if starting {
		m.warnOfStrays(next)
	}
	return nil
}

// remove deletes the logs of topics that are gone. They are unpublished first,
// so that requests find no topic rather than a closed log.
func (m *Manager) remove(removed []*metadata.Topic) {
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
			if p.log == nil {
				continue
			}
			if err := m.o.Store.Delete(p.name); err != nil {
				m.o.Logger.Error("log of a deleted topic stays on disk", "partition", p.name.String(), "err", err)
			}
		}
	}
}

// bring makes the topic as it shall be published: with the partitions there
// are, brought up to date, and empty places for those that need their log.
func (m *Manager) bring(next *metadata.Image, t *metadata.Topic) (*Topic, []opening) {
	config, err := m.o.LogConfig(next, t)
	if err != nil {
		m.o.Logger.Error("topic has an invalid configuration", "topic", t.Name, "err", err)
	}
	topic := &Topic{
		Name: t.Name, ID: logstore.TopicID(t.ID), Internal: t.Internal,
		partitions: make([]*Partition, len(t.Partitions)),
	}
	var missing []opening
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
		missing = append(missing, opening{t, int32(n), config, err, &topic.partitions[n]})
	}
	return topic, missing
}

// configure hands a log its configuration if it is another one. A bad one is
// reported where it is made, and leaves the log with what it had.
func (m *Manager) configure(p *Partition, c logstore.Config, bad error) {
	if bad != nil || p.log == nil || p.log.Config() == c {
		return
	}
	if err := p.log.Configure(c); err != nil {
		m.o.Logger.Error("log keeps its old configuration", "partition", p.name.String(), "err", err)
	}
}

func (m *Manager) openAll(openings []opening, starting bool) {
	var wg sync.WaitGroup
	room := make(chan struct{}, openersMax)
	for _, o := range openings {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			*o.slot = m.open(o, starting)
		})
	}
	wg.Wait()
}

// open finds or creates a partition's log. It always returns a partition: one
// without a usable log is offline, not unknown.
func (m *Manager) open(o opening, starting bool) *Partition {
	state := &o.topic.Partitions[o.partition]
	p := &Partition{
		name: logstore.TopicPartition{Topic: o.topic.Name, Partition: o.partition},
		self: m.o.NodeID,
	}
	p.setRole(state.Leader, state.LeaderEpoch)
	if o.err != nil {
		p.offline = o.err
		return p
	}
	log, err := m.openLog(p.name, logstore.TopicID(o.topic.ID), o.config, starting)
	if err != nil {
		m.o.Logger.Error("partition is offline", "partition", p.name.String(), "err", err)
		p.offline = err
		return p
	}
	p.log = log
	m.configure(p, o.config, nil)
	return p
}

func (m *Manager) openLog(name logstore.TopicPartition, id logstore.TopicID, c logstore.Config, starting bool) (*logstore.Log, error) {
	log, err := m.o.Store.Log(name)
	if errors.Is(err, logstore.ErrNotFound) {
		if starting {
			// A crash between a topic's creation and that of its logs comes here
			// too, and then nothing is lost. Which of the two it was cannot be told.
			m.o.Logger.Error("log is missing and is created empty", "partition", name.String())
		}
		return m.o.Store.Create(name, id, c)
	}
	if err != nil {
		return nil, err
	}
	if found := log.ID(); found != id && found != (logstore.TopicID{}) {
		// Neither served, for it is another topic's, nor deleted, for nobody
		// told us to.
		return nil, fmt.Errorf("directory %s holds a log of another topic, id %s: move it away", name, found)
	}
	return log, nil
}

// warnOfStrays names the logs on disk that no topic of the cluster has. They
// are left alone.
func (m *Manager) warnOfStrays(next *metadata.Image) {
	for _, log := range m.o.Store.Logs() {
		name := log.Name()
		t, ok := next.Topic(name.Topic)
		if ok && int(name.Partition) < len(t.Partitions) {
			continue
		}
		m.o.Logger.Warn("log belongs to no topic and is not served", "partition", name.String(), "topicID", log.ID().String())
	}
}
