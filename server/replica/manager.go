package replica

import (
	"log/slog"
	"sync"

	"moldau/logstore"
	"moldau/server/metadata"
)

// Options makes a [Manager]. All fields are required.
type Options struct {
	// Store holds the logs. The manager does not close it.
	Store *logstore.Store
	// NodeID is this broker.
	NodeID int32
	// LogConfig is the configuration that a topic's logs shall have.
	LogConfig func(*metadata.Image, *metadata.Topic) (logstore.Config, error)
	Logger    *slog.Logger
	// Clock says when a partition that is offline may be tried again.
	Clock logstore.Clock
}

// Manager is this broker's partitions.
type Manager struct {
	o Options

	// Both hold the same topics. mu guards their writers.
	byName *shards[string, *Topic]
	byID   *shards[logstore.TopicID, *Topic]

	mu      sync.Mutex              // one change at a time
	offline map[*Partition]struct{} // under mu; those without a log
}

// New makes a manager without partitions; the first [Manager.Apply] brings them.
func New(o Options) *Manager {
	return &Manager{
		o:      o,
		byName: newShards[string, *Topic](),
		byID:   newShards[logstore.TopicID, *Topic](),

		offline: map[*Partition]struct{}{},
	}
}

// Topic finds a topic by name.
func (m *Manager) Topic(name string) (*Topic, bool) { return m.byName.get(name) }

// TopicByID finds a topic by id.
func (m *Manager) TopicByID(id logstore.TopicID) (*Topic, bool) { return m.byID.get(id) }

// Topics calls yield with each topic, in no order, until it returns false.
func (m *Manager) Topics(yield func(*Topic) bool) { m.byName.all(yield) }

func (m *Manager) publish(t *Topic) {
	m.byName.set(t.Name, t)
	m.byID.set(t.ID, t)
}

func (m *Manager) unpublish(t *Topic) {
	m.byName.remove(t.Name)
	m.byID.remove(t.ID)
}
