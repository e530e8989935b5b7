package controller

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"moldau/logstore"
	"moldau/server/metadata"
)

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Options opens a [Controller].
type Options struct {
	// Store holds the metadata log. The controller does not close it.
	Store *logstore.Store
	// NodeID is this broker; Listeners and Rack are registered with it.
	NodeID    int32
	Listeners []metadata.Listener
	Rack      string
	// ClusterID names a cluster that has no records yet, "" draws one. A cluster
	// that has another id is refused.
	ClusterID string
	// Static is the broker's configuration from its file or command line, by
	// Kafka's names.
	Static map[string]string
	// Clock is nil for real time.
	Clock Clock
	// Rand fills b for new ids and is nil for crypto/rand.
	Rand func(b []byte)
	// Logger is nil for slog.Default.
	Logger *slog.Logger
}

// Controller runs commands. Its methods are safe for concurrent use.
type Controller struct {
	image atomic.Pointer[metadata.Image]
}

// NewTopic asks for a topic.
type NewTopic struct {
	Name string
	// Partitions is -1 for num.partitions, Replication for default.replication.factor.
	// Both are -1 with an Assignment.
	Partitions  int32
	Replication int16
	Assignment  []ReplicaAssignment
	Configs     map[string]string
}

// ReplicaAssignment places one partition by hand.
type ReplicaAssignment struct {
	Partition int32
	Replicas  []int32
}

// TopicResult answers for one topic of a command.
type TopicResult struct {
	Name string
	ID   metadata.TopicID
	// Topic is the topic as it is now, as it would be with validateOnly, or as it
	// was before its deletion; nil with an error.
	Topic *metadata.Topic
	Err   error
}

// TopicRef names a topic by name, or by id if the name is empty.
type TopicRef struct {
	Name string
	ID   metadata.TopicID
}

// NewPartitions asks for more partitions of a topic.
type NewPartitions struct {
	Topic string
	Total int32
	// Assignment places the added partitions, nil leaves that to the controller.
	Assignment [][]int32
}

// Image is the cluster as of the last applied command. It is lock-free.
func (c *Controller) Image() *metadata.Image { return c.image.Load() }

// Signatures only, until the machine behind them lands.

const todo = "controller: not built yet"

// Open replays the metadata log and registers the broker's start: every
// partition that it leads gets a new leader epoch.
func Open(o Options) (*Controller, error) { panic(todo) }

// Subscribe calls f with every image in apply order: at once with the present
// one (prev is an empty image), then before each command is answered.
func (c *Controller) Subscribe(f func(prev, next *metadata.Image) error) error { panic(todo) }

// CreateTopics creates each topic or says why not.
func (c *Controller) CreateTopics(ctx context.Context, topics []NewTopic, validateOnly bool) []TopicResult {
	panic(todo)
}

// DeleteTopics deletes topics by name or id.
func (c *Controller) DeleteTopics(ctx context.Context, topics []TopicRef) []TopicResult { panic(todo) }

// CreatePartitions adds partitions to topics.
func (c *Controller) CreatePartitions(ctx context.Context, topics []NewPartitions, validateOnly bool) []TopicResult {
	panic(todo)
}

// AllocateProducerIDs hands out the ids first to first+n-1, once and for all.
func (c *Controller) AllocateProducerIDs(ctx context.Context) (first int64, n int, err error) {
	panic(todo)
}

// Close waits for the running command and refuses all further ones.
func (c *Controller) Close() error { panic(todo) }
