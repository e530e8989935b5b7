package admin

import (
	"moldau/logstore"
	"moldau/logstore/latency"
	"moldau/server/metadata"
	"moldau/server/replica"
	"moldau/server/wire"
)

// Sources are what metrics are made of. They are asked whenever somebody
// scrapes, several times at once, until the listener is shut down: also while
// the broker closes.
type Sources struct {
	// NodeID is this broker.
	NodeID int32
	// Image is the cluster as of now.
	Image func() *metadata.Image
	// Replicas are this broker's partitions.
	Replicas *replica.Manager
	// Stores are the engine's, by the name that they have in the label store.
	Stores []NamedStore
	// Clients is the clients' listener.
	Clients Clients
	// FetchSessions are what consumers go on with from fetch to fetch.
	FetchSessions func() FetchSessions
	// Errors calls yield with each error code that was answered, by API key, and
	// how often.
	Errors func(yield func(key, code int16, count int64))
	// Groups are the consumer groups that this broker coordinates.
	Groups Groups
}

// NamedStore is a store of the engine.
type NamedStore struct {
	Name  string
	Store *logstore.Store
}

// Clients is the clients' listener: [wire.Server].
type Clients interface {
	Counters() wire.Counters
	// Requests calls yield with the key of each API that was served, and how long
	// its requests took.
	Requests(yield func(key int16, took latency.Snapshot))
}

// FetchSessions are those of a broker: the first three as of now, the others
// since it was started.
type FetchSessions struct {
	Sessions, Partitions, Bytes            int64
	Created, Refused, Evicted, Incremental int64
}

// Groups are consumer groups.
type Groups interface {
	// Each calls yield with each group, in no order, until it returns false. The
	// group is valid until yield returns. It is called several times a scrape, so
	// that the scrape need not hold all groups at once.
	Each(yield func(Group) bool)
}

// Group is a consumer group at one moment.
type Group struct {
	ID      string
	State   string // Kafka's name: Stable, Empty, ...
	Members int
	Offsets []GroupOffset // that were committed
}

// GroupOffset is what a group has committed for a partition.
type GroupOffset struct {
	Topic     string
	Partition int32
	Offset    int64
}
