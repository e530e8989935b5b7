package configs

import (
	"slices"
	"strings"

	"moldau/logstore"
)

// TopicKey is a config of a topic.
type TopicKey struct {
	Key
	// Synonyms are the broker configs a topic without override takes the value
	// from, the first that is set.
	Synonyms []Synonym
	set      func(*logstore.Config, Value)
}

// Synonym is a broker config behind a topic's.
type Synonym struct {
	Name string
	// Factor is what the broker's number is multiplied with, 1 unless the unit is
	// another one.
	Factor int64
}

const (
	minute = 60_000
	hour   = 60 * minute

	maxLong  = "9223372036854775807"
	weekMs   = "604800000"
	tierless = "There is no tiered storage."
)

// same is the broker config that a topic config falls back to, in its unit.
func same(name string) []Synonym {
	return []Synonym{{name, 1}}
}

// topicKeys is sorted by name. Where the default is a broker's it must be the
// same there; a test holds that.
var topicKeys = []TopicKey{
	{Key{Name: "cleanup.policy", Type: List, Default: "delete", check: someOf("compact", "delete"),
		doc: "What happens to old records: deleted by time and size, compacted to the newest per key, both, or with an empty list neither."},
		same("log.cleanup.policy"), func(c *logstore.Config, v Value) {
			c.Delete, c.Compact = slices.Contains(v.Items(), "delete"), slices.Contains(v.Items(), "compact")
		}},
	{Key{Name: "compression.gzip.level", Type: Int, Default: "-1", Effect: Kept, check: gzipLevel,
		doc: "Level at which the broker compresses with gzip."}, same("compression.gzip.level"), nil},
	{Key{Name: "compression.lz4.level", Type: Int, Default: "9", Effect: Kept, check: between(1, 17),
		doc: "Level at which the broker compresses with lz4."}, same("compression.lz4.level"), nil},
	{Key{Name: "compression.type", Type: String, Default: "producer", Effect: Fixed, check: codec,
		doc: "Codec that batches are stored with; producer leaves them as they came."}, same("compression.type"), nil},
	{Key{Name: "compression.zstd.level", Type: Int, Default: "3", Effect: Kept, check: between(-131072, 22),
		doc: "Level at which the broker compresses with zstd."}, same("compression.zstd.level"), nil},
	{Key{Name: "delete.retention.ms", Type: Long, Default: "86400000", check: atLeast(0),
		doc: "How long a tombstone stays after its first compaction, for readers who are behind."},
		same("log.cleaner.delete.retention.ms"), func(c *logstore.Config, v Value) { c.DeleteRetentionMs = v.Int }},
	{Key{Name: "file.delete.delay.ms", Type: Long, Default: "60000", check: atLeast(0),
		doc: "How long the files of a deleted segment stay."},
		same("log.segment.delete.delay.ms"), func(c *logstore.Config, v Value) { c.FileDeleteDelayMs = v.Int }},
	{Key{Name: "flush.messages", Type: Long, Default: maxLong, check: atLeast(1),
		doc: "Records after which the log is synced, with moldau.durability=os."},
		same("log.flush.interval.messages"), func(c *logstore.Config, v Value) { c.FlushMessages = v.Int }},
	{Key{Name: "flush.ms", Type: Long, Default: maxLong, check: atLeast(0),
		doc: "Time after which the log is synced, with moldau.durability=os."},
		[]Synonym{{"log.flush.interval.ms", 1}, {"log.flush.scheduler.interval.ms", 1}},
		func(c *logstore.Config, v Value) { c.FlushMs = v.Int }},
	{Key{Name: "follower.replication.throttled.replicas", Type: List, Effect: Kept, check: replicaList,
		doc: "Replicas that are throttled on the follower's side."}, nil, nil},
	{Key{Name: "index.interval.bytes", Type: Int, Default: "4096", check: atLeast(0),
		doc: "Bytes of log between two index entries."},
		same("log.index.interval.bytes"), func(c *logstore.Config, v Value) { c.IndexIntervalBytes = v.Int }},
	{Key{Name: "internal.segment.bytes", Type: Int, Null: true, hidden: true, check: atLeast(14),
		doc: "As segment.bytes without its lower bound, for tests."},
		nil, func(c *logstore.Config, v Value) { c.SegmentBytes = v.Int }},
	{Key{Name: "leader.replication.throttled.replicas", Type: List, Effect: Kept, check: replicaList,
		doc: "Replicas that are throttled on the leader's side."}, nil, nil},
	{Key{Name: "local.retention.bytes", Type: Long, Default: "-2", Effect: Kept, check: atLeast(-2),
		doc: "Bytes that stay local of a tiered topic. " + tierless}, same("log.local.retention.bytes"), nil},
	{Key{Name: "local.retention.ms", Type: Long, Default: "-2", Effect: Kept, check: atLeast(-2),
		doc: "How long records stay local of a tiered topic. " + tierless}, same("log.local.retention.ms"), nil},
	{Key{Name: "max.compaction.lag.ms", Type: Long, Default: maxLong, check: atLeast(1),
		doc: "Age of a record above which compaction does not wait for min.cleanable.dirty.ratio; a segment is closed no later than that."},
		same("log.cleaner.max.compaction.lag.ms"), func(c *logstore.Config, v Value) { c.MaxCompactionLagMs = v.Int }},
	{Key{Name: "max.message.bytes", Type: Int, Default: "1048588", check: atLeast(0),
		doc: "Largest batch accepted, with its header, as compressed by the producer."},
		same("message.max.bytes"), func(c *logstore.Config, v Value) { c.MaxMessageBytes = v.Int }},
	{Key{Name: "message.timestamp.after.max.ms", Type: Long, Default: "3600000", check: atLeast(0),
		doc: "How far a record's time may lie ahead of the broker's."},
		same("log.message.timestamp.after.max.ms"), func(c *logstore.Config, v Value) { c.TimestampAfterMaxMs = v.Int }},
	{Key{Name: "message.timestamp.before.max.ms", Type: Long, Default: maxLong, check: atLeast(0),
		doc: "How far a record's time may lie behind the broker's."},
		same("log.message.timestamp.before.max.ms"), func(c *logstore.Config, v Value) { c.TimestampBeforeMaxMs = v.Int }},
	{Key{Name: "message.timestamp.type", Type: String, Default: "CreateTime", check: oneOf("CreateTime", "LogAppendTime"),
		doc: "Whose time records carry: the producer's, or the broker's at append."},
		same("log.message.timestamp.type"), func(c *logstore.Config, v Value) {
			c.TimestampType = logstore.CreateTime
			if v.Text == "LogAppendTime" {
				c.TimestampType = logstore.LogAppendTime
			}
		}},
	{Key{Name: "min.cleanable.dirty.ratio", Type: Double, Default: "0.5", check: ratio,
		doc: "Share of a log that must be uncompacted before compaction takes it."},
		same("log.cleaner.min.cleanable.ratio"), func(c *logstore.Config, v Value) { c.MinCleanableDirtyRatio = v.Double }},
	{Key{Name: "min.compaction.lag.ms", Type: Long, Default: "0", check: atLeast(0),
		doc: "Age below which a record is not compacted."},
		same("log.cleaner.min.compaction.lag.ms"), func(c *logstore.Config, v Value) { c.MinCompactionLagMs = v.Int }},
	{Key{Name: "min.insync.replicas", Type: Int, Default: "1", Effect: Kept, check: atLeast(1),
		doc: "In-sync replicas that acks=all needs, at most the replicas there are: on one broker it is always met."},
		same("min.insync.replicas"), nil},
	{Key{Name: "moldau.durability", Type: String, Default: "synced", check: oneOf("synced", "os"),
		doc: "When a record counts as written: synced to stable storage, or with os once the operating system has it, as Apache Kafka does."},
		same("moldau.durability"), func(c *logstore.Config, v Value) {
			c.Durability = logstore.Synced
			if v.Text == "os" {
				c.Durability = logstore.OS
			}
		}},
	{Key{Name: "moldau.validation", Type: String, Default: "header", check: oneOf("header", "records"),
		doc: "What is checked of a compressed batch: its header and checksum, or with records each record in it, as Apache Kafka does."},
		same("moldau.validation"), func(c *logstore.Config, v Value) {
			c.Validation = logstore.ValidateHeader
			if v.Text == "records" {
				c.Validation = logstore.ValidateRecords
			}
		}},
	{Key{Name: "preallocate", Type: Boolean, Default: "false", Effect: Kept,
		doc: "Reserve a segment's space when it is created."}, same("log.preallocate"), nil},
	{Key{Name: "remote.log.copy.disable", Type: Boolean, Default: "false", Effect: Kept,
		doc: "Copy no more segments of a tiered topic. " + tierless}, nil, nil},
	{Key{Name: "remote.log.delete.on.disable", Type: Boolean, Default: "false", Effect: Kept,
		doc: "Delete remote segments when tiering is turned off. " + tierless}, nil, nil},
	{Key{Name: "remote.storage.enable", Type: Boolean, Default: "false", Effect: Fixed,
		doc: "Keep old segments in remote storage. " + tierless}, nil, nil},
	{Key{Name: "retention.bytes", Type: Long, Default: "-1",
		doc: "Size of a partition above which its oldest segments are deleted, negative for unlimited."},
		same("log.retention.bytes"), func(c *logstore.Config, v Value) { c.RetentionBytes = max(v.Int, -1) }},
	{Key{Name: "retention.ms", Type: Long, Default: weekMs, check: atLeast(-1),
		doc: "Age above which segments are deleted, -1 for unlimited."},
		[]Synonym{{"log.retention.ms", 1}, {"log.retention.minutes", minute}, {"log.retention.hours", hour}},
		func(c *logstore.Config, v Value) { c.RetentionMs = max(v.Int, -1) }},
	{Key{Name: "segment.bytes", Type: Int, Default: "1073741824", check: atLeast(1 << 20),
		doc: "Size at which a segment is closed and the next one begins."},
		same("log.segment.bytes"), func(c *logstore.Config, v Value) { c.SegmentBytes = v.Int }},
	{Key{Name: "segment.index.bytes", Type: Int, Default: "10485760", check: atLeast(4),
		doc: "Most bytes a segment's index may have."},
		same("log.index.size.max.bytes"), func(c *logstore.Config, v Value) { c.SegmentIndexBytes = v.Int }},
	{Key{Name: "segment.jitter.ms", Type: Long, Default: "0", check: atLeast(0),
		doc: "Upper bound of what is subtracted at random from segment.ms."},
		[]Synonym{{"log.roll.jitter.ms", 1}, {"log.roll.jitter.hours", hour}},
		func(c *logstore.Config, v Value) { c.SegmentJitterMs = v.Int }},
	{Key{Name: "segment.ms", Type: Long, Default: weekMs, check: atLeast(1),
		doc: "Time a segment spans before the next one begins."},
		[]Synonym{{"log.roll.ms", 1}, {"log.roll.hours", hour}},
		func(c *logstore.Config, v Value) { c.SegmentMs = v.Int }},
	{Key{Name: "unclean.leader.election.enable", Type: Boolean, Default: "false", Effect: Kept,
		doc: "May a replica that is not in sync become leader, at the loss of records. With one replica it never comes to that."},
		same("unclean.leader.election.enable"), nil},
}

// codec spells Kafka's complaint about a word that is no codec at all.
var codec = oneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")

// Topic finds a topic config.
func Topic(name string) (*TopicKey, bool) {
	n, ok := slices.BinarySearchFunc(topicKeys, name, func(k TopicKey, name string) int { return strings.Compare(k.Name, name) })
	if !ok {
		return nil, false
	}
	return &topicKeys[n], true
}
