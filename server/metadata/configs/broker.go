package configs

import (
	"slices"
	"strings"
)

// brokerKeys is sorted by name. Configs behind a topic's own have no doc here:
// they take the topic config's.
var brokerKeys = withTopicDocs([]Key{
	{Name: "advertised.listeners", Type: List, Null: true, ReadOnly: true, doc: "Addresses that clients are told to use."},
	{Name: "authorizer.class.name", Type: String, ReadOnly: true, Effect: Fixed, doc: "Class of Kafka's that decides on access; Moldau loads no classes."},
	{Name: "auto.create.topics.enable", Type: Boolean, Default: "true", ReadOnly: true, doc: "Create topics that a client asks for."},
	{Name: "broker.id", Type: Int, Default: "-1", ReadOnly: true, doc: "The broker's id under its older name."},
	{Name: "broker.rack", Type: String, Null: true, ReadOnly: true, doc: "Rack that the broker stands in."},
	{Name: "compression.gzip.level", Type: Int, Default: "-1", Effect: Kept, check: gzipLevel},
	{Name: "compression.lz4.level", Type: Int, Default: "9", Effect: Kept, check: between(1, 17)},
	{Name: "compression.type", Type: String, Default: "producer", Effect: Fixed, check: codec},
	{Name: "compression.zstd.level", Type: Int, Default: "3", Effect: Kept, check: between(-131072, 22)},
	{Name: "connections.max.idle.ms", Type: Long, Default: "600000", ReadOnly: true, check: unlimitedOr1, doc: "Time after which a connection without requests is closed; -1 is never."},
	{Name: "default.replication.factor", Type: Int, Default: "1", ReadOnly: true, check: atLeast(1), doc: "Replicas of a topic that does not say how many."},
	{Name: "delete.topic.enable", Type: Boolean, Default: "true", ReadOnly: true, doc: "May topics be deleted."},
	{Name: "fetch.max.bytes", Type: Int, Default: "57671680", ReadOnly: true, check: atLeast(1024), doc: "Most bytes of records in one fetch response."},
	{Name: "group.initial.rebalance.delay.ms", Type: Int, Default: "3000", ReadOnly: true, check: atLeast(0), doc: "How long a group that starts waits for more members, each time that one comes."},
	{Name: "group.max.session.timeout.ms", Type: Int, Default: "1800000", ReadOnly: true, check: atLeast(1), doc: "Longest session timeout that a member of a group may ask for."},
	{Name: "group.max.size", Type: Int, Default: "5000", ReadOnly: true, check: atLeast(1), doc: "Most members of one group."},
	{Name: "group.min.session.timeout.ms", Type: Int, Default: "6000", ReadOnly: true, check: atLeast(1), doc: "Shortest session timeout that a member of a group may ask for."},
	{Name: "listeners", Type: List, Default: "PLAINTEXT://127.0.0.1:9092", ReadOnly: true, doc: "Addresses that the broker listens on."},
	{Name: "log.cleaner.backoff.ms", Type: Long, Default: "15000", ReadOnly: true, check: atLeast(1), doc: "Time between two looks for logs to compact."},
	{Name: "log.cleaner.dedupe.buffer.size", Type: Long, Default: "134217728", ReadOnly: true, check: atLeast(1 << 20), doc: "Memory of all compactions for the keys that they tell apart, 32 bytes each, however long a key is. What has more keys is compacted in several rounds."},
	{Name: "log.cleaner.delete.retention.ms", Type: Long, Default: "86400000", check: atLeast(0)},
	{Name: "log.cleaner.enable", Type: Boolean, Default: "true", ReadOnly: true, doc: "Does compaction run. Without it compacted topics keep every record."},
	{Name: "log.cleaner.io.max.bytes.per.second", Type: Double, Default: "1.7976931348623157E308", ReadOnly: true, check: atLeastBytes, doc: "Most that compactions read and write in a second, together."},
	{Name: "log.cleaner.max.compaction.lag.ms", Type: Long, Default: maxLong, check: atLeast(1)},
	{Name: "log.cleaner.min.cleanable.ratio", Type: Double, Default: "0.5", check: ratio},
	{Name: "log.cleaner.min.compaction.lag.ms", Type: Long, Default: "0", check: atLeast(0)},
	{Name: "log.cleaner.threads", Type: Int, Default: "1", ReadOnly: true, check: between(1, 64), doc: "Logs that are compacted at the same time."},
	{Name: "log.cleanup.policy", Type: List, Default: "delete", check: someOf("compact", "delete")},
	{Name: "log.dirs", Type: List, Null: true, ReadOnly: true, doc: "Directory that the logs are in."},
	{Name: "log.flush.interval.messages", Type: Long, Default: maxLong, check: atLeast(1)},
	{Name: "log.flush.interval.ms", Type: Long, Null: true, check: atLeast(0)},
	{Name: "log.flush.offset.checkpoint.interval.ms", Type: Int, Default: "60000", ReadOnly: true, check: atLeast(1), doc: "Time between two writes of the recovery points, which bound what a start after a crash scans."},
	{Name: "log.flush.scheduler.interval.ms", Type: Long, Default: maxLong, ReadOnly: true, check: atLeast(0), doc: "What log.flush.interval.ms is where it is not set."},
	{Name: "log.index.interval.bytes", Type: Int, Default: "4096", check: atLeast(0)},
	{Name: "log.index.size.max.bytes", Type: Int, Default: "10485760", check: atLeast(4)},
	{Name: "log.local.retention.bytes", Type: Long, Default: "-2", Effect: Kept, check: atLeast(-2)},
	{Name: "log.local.retention.ms", Type: Long, Default: "-2", Effect: Kept, check: atLeast(-2)},
	{Name: "log.message.timestamp.after.max.ms", Type: Long, Default: "3600000", check: atLeast(0)},
	{Name: "log.message.timestamp.before.max.ms", Type: Long, Default: maxLong, check: atLeast(0)},
	{Name: "log.message.timestamp.type", Type: String, Default: "CreateTime", check: oneOf("CreateTime", "LogAppendTime")},
	{Name: "log.preallocate", Type: Boolean, Default: "false", Effect: Kept},
	{Name: "log.retention.bytes", Type: Long, Default: "-1"},
	{Name: "log.retention.hours", Type: Int, Default: "168", ReadOnly: true, check: unlimitedOr1},
	{Name: "log.retention.minutes", Type: Int, Null: true, ReadOnly: true, check: unlimitedOr1},
	{Name: "log.retention.ms", Type: Long, Null: true, check: unlimitedOr1},
	{Name: "log.roll.hours", Type: Int, Default: "168", ReadOnly: true, check: atLeast(1)},
	{Name: "log.roll.jitter.hours", Type: Int, Default: "0", ReadOnly: true, check: atLeast(0)},
	{Name: "log.roll.jitter.ms", Type: Long, Null: true, check: atLeast(0)},
	{Name: "log.roll.ms", Type: Long, Null: true, check: atLeast(1)},
	{Name: "log.segment.bytes", Type: Int, Default: "1073741824", check: atLeast(1 << 20)},
	{Name: "log.segment.delete.delay.ms", Type: Long, Default: "60000", check: atLeast(0)},
	{Name: "max.connection.creation.rate", Type: Int, Default: "5000", check: atLeast(1), doc: "Connections accepted a second, and at once after a quiet second; further ones wait."},
	{Name: "max.connections", Type: Int, Default: "10000", ReadOnly: true, check: atLeast(1), doc: "Open connections above which further ones are closed."},
	{Name: "max.connections.per.ip", Type: Int, Default: "10000", check: atLeast(1), doc: "Open connections of one address above which further ones are closed."},
	{Name: "max.connections.per.ip.overrides", Type: String, check: addressLimits, doc: "What max.connections.per.ip is for some addresses, as ADDRESS:COUNT,... Host names are not looked up."},
	{Name: "max.incremental.fetch.session.cache.slots", Type: Int, Default: "1000", ReadOnly: true, check: atLeast(0), doc: "Fetch sessions that are kept; consumers beyond it are answered in full each time."},
	{Name: "max.request.partition.size.limit", Type: Int, Default: "2000", ReadOnly: true, check: atLeast(1), doc: "Most partitions in one DescribeTopicPartitions response."},
	{Name: "message.max.bytes", Type: Int, Default: "1048588", check: atLeast(0)},
	{Name: "min.insync.replicas", Type: Int, Default: "1", Effect: Kept, check: atLeast(1)},
	{Name: "moldau.connections.read.timeout.ms", Type: Long, Default: "30000", ReadOnly: true, check: atLeast(1), doc: "Time for every 64 KiB of a request, and for TLS, after which a connection that does not get on is closed."},
	{Name: "moldau.connections.replies.max", Type: Int, Default: "64", ReadOnly: true, check: atLeast(1), doc: "Outstanding replies of one connection above which its next request is left unread."},
	{Name: "moldau.connections.write.timeout.ms", Type: Long, Default: "120000", ReadOnly: true, check: atLeast(1), doc: "Time for every MiB of a response after which a connection whose peer does not read it is closed."},
	{Name: "moldau.durability", Type: String, Default: "synced", check: oneOf("synced", "os")},
	{Name: "moldau.fetch.read.ahead.bytes", Type: Long, Default: "2097152", ReadOnly: true, check: between(0, 64<<20), doc: "Most bytes of a segment that are asked of the disk ahead of what a consumer is sent of it, where they are not in the page cache: on Linux 6.5 and later, without TLS, where 32 KiB or more of a partition are sent at a time, and four times of that at most. More has others wait longer for the disk; 0 leaves it to the system, which goes by the device's read_ahead_kb."},
	{Name: "moldau.fetch.sessions.bytes.max", Type: Long, Default: "67108864", ReadOnly: true, check: atLeast(1), doc: "Most memory of all fetch sessions; one takes about 600 bytes, a partition in it 256 and its topic's name."},
	{Name: "moldau.fetch.waits.bytes.max", Type: Long, Default: "67108864", ReadOnly: true, check: atLeast(0), doc: "Memory of all fetches that wait for records, above which further ones are answered at once."},
	{Name: "moldau.group.bytes.max", Type: Int, Default: "8388608", ReadOnly: true, check: between(1024, 12<<20), doc: "Most that the members of one group say of themselves, which must fit one record of the topic that groups are kept in, beside their assignments."},
	{Name: "moldau.groups.bytes.max", Type: Long, Default: "268435456", ReadOnly: true, check: atLeast(1), doc: "Memory of all groups, with their members and offsets, above which no member and no group is taken any more; those that are there may grow up to twice as much."},
	{Name: "moldau.groups.max", Type: Int, Default: "100000", ReadOnly: true, check: atLeast(1), doc: "Most groups of this broker."},
	{Name: "moldau.journal.bytes", Type: Long, Default: "536870912", ReadOnly: true, check: atLeast(64 << 20), doc: "Most bytes on disk of the journal, with which appends to several logs share one sync. Half full, those logs are flushed; full, appends wait for that."},
	{Name: "moldau.open.files.max", Type: Int, Null: true, ReadOnly: true, check: atLeast(1), doc: "Segments' files that are open above which those of partitions that were not used for the longest are closed until they are used again. By default three quarters of what the process may have open, at most 20000."},
	{Name: "moldau.replies.bytes.max", Type: Long, Default: "67108864", ReadOnly: true, check: atLeast(1), doc: "Memory of all replies that wait, above which connections that have any are not read from, and those whose clients take nothing are closed; one reply a connection comes on top."},
	{Name: "moldau.reserve.bytes", Type: Long, Null: true, ReadOnly: true, check: atLeast(0), doc: "Bytes of the file system that are kept free: with less no partition takes records, while reads, retention and deletions go on. 0 is none; by default 256 MiB, or a hundredth of the file system if that is less."},
	{Name: "moldau.validation", Type: String, Default: "header", check: oneOf("header", "records")},
	{Name: "node.id", Type: Int, Null: true, ReadOnly: true, check: atLeast(0), doc: "The broker's id."},
	{Name: "num.partitions", Type: Int, Default: "1", ReadOnly: true, check: atLeast(1), doc: "Partitions of a topic that does not say how many."},
	{Name: "offset.metadata.max.bytes", Type: Int, Default: "4096", ReadOnly: true, check: between(0, 32767), doc: "Most bytes of metadata beside a committed offset."},
	{Name: "offsets.commit.timeout.ms", Type: Int, Default: "5000", ReadOnly: true, check: atLeast(1), doc: "How long a commit of offsets waits to be durable before its client is told that the outcome is unknown."},
	{Name: "offsets.retention.check.interval.ms", Type: Long, Default: "600000", ReadOnly: true, check: atLeast(1), doc: "Time between two looks for committed offsets that need not be kept any more."},
	{Name: "offsets.retention.minutes", Type: Int, Default: "10080", ReadOnly: true, check: atLeast(1), doc: "How long committed offsets are kept after their group became empty."},
	{Name: "offsets.topic.compression.codec", Type: Int, Default: "0", ReadOnly: true, Effect: Fixed, doc: "Codec of the records of groups: none."},
	{Name: "offsets.topic.num.partitions", Type: Int, Default: "50", ReadOnly: true, check: atLeast(1), doc: "Partitions of the topic that groups are kept in, when it is created."},
	{Name: "offsets.topic.replication.factor", Type: Short, Default: "3", ReadOnly: true, check: atLeast(1), doc: "Replicas of the topic that groups are kept in, when it is created; with fewer brokers, their number."},
	{Name: "offsets.topic.segment.bytes", Type: Int, Default: "104857600", ReadOnly: true, check: atLeast(1 << 20), doc: "segment.bytes of the topic that groups are kept in, when it is created."},
	{Name: "process.roles", Type: List, Default: "broker,controller", ReadOnly: true, Effect: Fixed, doc: "What this process does for the cluster."},
	{Name: "producer.id.expiration.ms", Type: Int, Default: "86400000", ReadOnly: true, check: atLeast(1), doc: "Time after which a partition forgets an idle producer."},
	{Name: "queued.max.request.bytes", Type: Long, Default: "268435456", ReadOnly: true, check: unlimitedOr1, doc: "Memory of all requests being received and served, above which others wait; one may exceed it. -1 is no limit."},
	{Name: "remote.log.storage.system.enable", Type: Boolean, Default: "false", ReadOnly: true, Effect: Fixed, doc: "Is there remote storage for old segments."},
	{Name: "socket.request.max.bytes", Type: Int, Default: "104857600", ReadOnly: true, check: atLeast(1), doc: "Largest request accepted."},
	{Name: "unclean.leader.election.enable", Type: Boolean, Default: "false", Effect: Kept},
})

// withTopicDocs gives each broker config that stands behind a topic's the doc
// of that one.
func withTopicDocs(keys []Key) []Key {
	docs := map[string]string{}
	for i := range topicKeys {
		for _, s := range topicKeys[i].Synonyms {
			docs[s.Name] = topicKeys[i].Name + " of topics without their own. " + topicKeys[i].doc
		}
	}
	for i := range keys {
		if keys[i].doc == "" {
			keys[i].doc = docs[keys[i].Name]
		}
	}
	return keys
}

// Broker finds a broker config.
func Broker(name string) (*Key, bool) {
	n, ok := slices.BinarySearchFunc(brokerKeys, name, func(k Key, name string) int { return strings.Compare(k.Name, name) })
	if !ok {
		return nil, false
	}
	return &brokerKeys[n], true
}
