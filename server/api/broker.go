package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/server/controller"
	"moldau/server/group"
	"moldau/server/metadata"
	"moldau/server/replica"
	"moldau/server/wire"
)

// Options makes a [Broker]. Controller, Replicas, Groups, Logger and Clock are
// required.
type Options struct {
	// NodeID is this broker.
	NodeID int32
	// Advertised is the address that clients are told to use. The zero Endpoint
	// stands for the one at which the asking client reached the broker, which is
	// right wherever no address translation lies between.
	Advertised Endpoint
	Controller *controller.Controller
	Replicas   *replica.Manager
	// Groups coordinates the consumer groups.
	Groups *group.Coordinator
	Logger *slog.Logger
	Clock  logstore.Clock
	// LogDir is the absolute path of the directory the logs are in.
	LogDir string

	// AutoCreateTopics is Kafka's auto.create.topics.enable.
	AutoCreateTopics bool
	// FetchBytesMax caps what one fetch asks for, default 55 MiB, Kafka's
	// fetch.max.bytes.
	FetchBytesMax int
	// DescribePartitionsMax caps the partitions in one DescribeTopicPartitions
	// answer, default 2000, Kafka's max.request.partition.size.limit.
	DescribePartitionsMax int
	// OffsetsTopic is how the topic of the groups is made. It is required.
	OffsetsTopic OffsetsTopic
	// OffsetsCommitTimeout is how long a client waits at most for what it committed
	// or deleted to be durable, default 5 s, Kafka's offsets.commit.timeout.ms. It
	// is told then that the outcome is unknown.
	OffsetsCommitTimeout time.Duration

	// FetchWaitsBytesMax is what all fetches that wait for records hold together,
	// default 64 MiB, negative for none that wait; one that would hold more is
	// answered with what there is.
	FetchWaitsBytesMax int64
	// FetchSessionsMax is how many fetch sessions are kept, default 1000, negative
	// for none; Kafka's max.incremental.fetch.session.cache.slots.
	FetchSessionsMax int
	// FetchSessionsBytesMax is what they may take together, default 64 MiB. One
	// takes about 600 bytes, a partition in it 256 and its topic's name.
	FetchSessionsBytesMax int64
	// Rand fills b for new ids of sessions and is nil for crypto/rand.
	Rand func(b []byte)
}

// Endpoint is where a client reaches a broker.
type Endpoint struct {
	Host string
	Port int32
}

// Broker serves requests. It implements [wire.RunHandler].
type Broker struct {
	Options

	// advertised is the answer to ApiVersions, made once from the table.
	advertised  []kmsg.ApiVersionsResponseApiKey
	errors      errorCounts // by API key
	producerIDs producerIDs
	productions sync.Pool // of *production
	joints      sync.Pool // of *joint
	fetchings   sync.Pool // of *fetching
	sessions    *fetchSessions

	parkedBytes   atomic.Int64 // held by fetches that wait
	parkedRefused atomic.Int64
}

// New makes a broker.
func New(o Options) *Broker {
	o = o.withDefaults()
	b := &Broker{Options: o, advertised: advertised(), errors: make(errorCounts, len(table))}
	b.sessions = newFetchSessions(o)
	b.producerIDs.allocate = o.Controller.AllocateProducerIDs
	b.productions.New = func() any { return newProduction(b) }
	b.joints.New = func() any { return &joint{known: map[*replica.Partition]int{}} }
	b.fetchings.New = func() any { return newFetching(b) }
	return b
}

func (o Options) withDefaults() Options {
	if o.FetchBytesMax <= 0 {
		o.FetchBytesMax = 55 << 20
	}
	if o.DescribePartitionsMax <= 0 {
		o.DescribePartitionsMax = 2000
	}
	if o.OffsetsCommitTimeout <= 0 {
		o.OffsetsCommitTimeout = 5 * time.Second
	}
	if o.FetchWaitsBytesMax == 0 {
		o.FetchWaitsBytesMax = 64 << 20
	}
	if o.FetchSessionsMax == 0 {
		o.FetchSessionsMax = 1000
	}
	if o.FetchSessionsBytesMax <= 0 {
		o.FetchSessionsBytesMax = 64 << 20
	}
	if o.Rand == nil {
		// It never fails: the runtime ends the process if the system has no
		// randomness.
		o.Rand = func(b []byte) { _, _ = rand.Read(b) }
	}
	return o
}

// Serve serves one request. An error tells that the connection is of no use any
// more; Apache Kafka closes it in the same cases.
func (b *Broker) Serve(ctx context.Context, r *wire.Request) (wire.Reply, error) {
	route, known := lookup(r.Key)
	if !known {
		return wire.Reply{}, fmt.Errorf("unknown API key %d", r.Key)
	}
	if r.Version < route.decodes || r.Version > route.max {
		if r.Key == keyApiVersions {
			return wire.Reply{Response: unsupportedApiVersions()}, nil
		}
		return wire.Reply{}, fmt.Errorf("%s version %d is not in %d to %d", kmsg.NameForKey(r.Key), r.Version, route.decodes, route.max)
	}
	reply, err := route.serve(b, ctx, r)
	if err == nil {
		b.errors.watch(r.Key, &reply)
	}
	return reply, err
}

// endpoint is where the client on conn is told to find the broker node.
func (b *Broker) endpoint(conn *wire.Conn, node *metadata.Broker) Endpoint {
	if node.ID == b.NodeID {
		return b.ownEndpoint(conn)
	}
	if len(node.Listeners) == 0 {
		return Endpoint{}
	}
	return Endpoint{Host: node.Listeners[0].Host, Port: int32(node.Listeners[0].Port)}
}

func (b *Broker) ownEndpoint(conn *wire.Conn) Endpoint {
	if b.Advertised != (Endpoint{}) {
		return b.Advertised
	}
	local, ok := conn.LocalAddr().(*net.TCPAddr)
	if !ok {
		return Endpoint{}
	}
	return Endpoint{Host: local.IP.String(), Port: int32(local.Port)}
}

// withEndpoint adds where a hinted leader is reached, unless that is known.
func (b *Broker) withEndpoint(known []wire.NodeEndpoint, conn *wire.Conn, leader int32) []wire.NodeEndpoint {
	for i := range known {
		if known[i].NodeID == leader {
			return known
		}
	}
	node, ok := b.Controller.Image().Broker(leader)
	if !ok {
		return known
	}
	at := b.endpoint(conn, node)
	return append(known, wire.NodeEndpoint{NodeID: leader, Host: at.Host, Port: at.Port, Rack: rack(node.Rack)})
}
