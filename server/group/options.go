package group

import (
	"crypto/rand"
	"log/slog"
	"time"

	"moldau/logstore"
	"moldau/server/coordinator"
)

// Topic is the internal topic that groups are kept in.
const Topic = "__consumer_offsets"

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Partitions is [Topic] as the broker has it.
type Partitions interface {
	// Count is how many partitions the topic has, 0 while there is no topic.
	Count() int32
	// Lead is the log of a partition that this broker leads, and the leader
	// epoch; logstore's or the replica's error where it does not.
	Lead(partition int32) (*logstore.Log, int32, error)
}

// Limits bound what groups may take. A zero field is its default.
type Limits struct {
	// SessionMinMs and SessionMaxMs bound a member's session timeout: default 6 s
	// and 30 min, Kafka's group.min.session.timeout.ms and
	// group.max.session.timeout.ms.
	SessionMinMs, SessionMaxMs int32
	// MembersMax bounds the members of one group, and apart from them those that
	// are pending: default 5,000, Kafka's group.max.size.
	MembersMax int
	// GroupsMax bounds the groups of this broker, default 100,000.
	GroupsMax int
	// BytesMax bounds what members said of themselves and the offsets of all
	// groups, default 256 MiB. Above it no group and no member is taken; those that
	// are there go on, and may grow up to twice as much.
	BytesMax int64
	// GroupBytesMax bounds what the members of one group say of themselves, which
	// must fit one record beside their assignments: default 8 MiB.
	GroupBytesMax int64
	// MetadataBytesMax bounds the metadata of one committed offset, Kafka's
	// offset.metadata.max.bytes. 0 allows none.
	MetadataBytesMax int
}

// Options makes a [Coordinator]. Partitions is required.
type Options struct {
	Partitions Partitions
	Limits     Limits
	// InitialDelayMs is how long a new group waits for more members:
	// group.initial.rebalance.delay.ms.
	InitialDelayMs int64
	// OffsetRetentionMs is how long offsets outlive their group:
	// offsets.retention.minutes. Expired ones are looked for every
	// ExpiryIntervalMs: offsets.retention.check.interval.ms. Default 7 days and 10
	// minutes.
	OffsetRetentionMs, ExpiryIntervalMs int64
	// TopicID is the id of the topic that has a name now; false for none. Offsets
	// of another one, or of none, are stale. It is called under a lock. Nil knows
	// every topic, by the zero id, which says nothing.
	TopicID func(name string) (id [16]byte, ok bool)
	// Clock is nil for real time.
	Clock Clock
	// Rand fills b for member ids and is nil for crypto/rand.
	Rand func(b []byte)
	// Logger is nil for slog.Default.
	Logger *slog.Logger
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// intervalMsMax is for ever, and can be added to a time.
const intervalMsMax = 100 * 365 * 24 * 3_600_000

func (o Options) withDefaults() Options {
	setDefault(&o.Limits.SessionMinMs, 6_000)
	setDefault(&o.Limits.SessionMaxMs, 1_800_000)
	setDefault(&o.Limits.MembersMax, 5_000)
	setDefault(&o.Limits.GroupsMax, 100_000)
	setDefault(&o.Limits.BytesMax, 256<<20)
	setDefault(&o.Limits.GroupBytesMax, 8<<20)
	setDefault(&o.OffsetRetentionMs, 7*24*3_600_000)
	setDefault(&o.ExpiryIntervalMs, 600_000)
	o.ExpiryIntervalMs = min(o.ExpiryIntervalMs, intervalMsMax)
	if o.TopicID == nil {
		o.TopicID = func(string) ([16]byte, bool) { return [16]byte{}, true }
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.Rand == nil {
		o.Rand = func(b []byte) { rand.Read(b) } // does not fail
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func setDefault[T int | int32 | int64](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// journal persists what a machine decided; see [coordinator.Journal].
type journal interface {
	Propose(records []coordinator.Record, apply func(error)) error
}

var _ journal = (*coordinator.Journal)(nil)
