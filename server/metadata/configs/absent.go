package configs

import "strings"

// Why a broker config of Apache Kafka's is not in the table.
const (
	noThreads     = "it sizes thread pools, queues or buffers that Moldau does not have"
	noCluster     = "it is about several brokers, and this one is alone"
	noNewGroups   = "there are groups of the classic protocol only"
	noTxns        = "there are no transactions yet"
	noSecurity    = "there is no authentication but by certificates yet"
	atStart       = "it is read at the start only, if it is one that moldau config list tells"
	noQuotas      = "there are no quotas yet"
	noTiers       = "there is no tiered storage"
	noClasses     = "Moldau loads no Java classes"
	noJMX         = "metrics are not kept by Kafka's library"
	noRaft        = "the metadata log has no quorum yet"
	noTelemetry   = "client telemetry is not collected"
	otherMetadata = "the metadata log has a format and limits of its own"
	otherDirs     = "there is one log directory, shown as log.dirs"
	removed       = "Apache Kafka has it no more"
	otherTiming   = "Moldau acts when the time has come, not at intervals"
)

// absent names the broker configs that are not shown: exactly, or with a final
// dot all that begin so. Features that come later move theirs into
// the table.
var absent = []struct{ name, reason string }{
	{"add.partitions.to.txn.", noTxns},
	{"alter.config.policy.class.name", noClasses},
	{"alter.log.dirs.", noQuotas},
	{"auto.leader.rebalance.enable", noCluster},
	{"background.threads", noThreads},
	{"broker.heartbeat.interval.ms", noCluster},
	{"broker.session.timeout.ms", noCluster},
	{"broker.id.generation.enable", removed},
	{"client.quota.callback.class", noClasses},
	{"config.providers", noClasses},
	{"connection.failed.authentication.delay.ms", noSecurity},
	{"connections.max.reauth.ms", noSecurity},
	{"controlled.shutdown.enable", noCluster},
	{"controller.listener.names", noRaft},
	{"controller.quorum.", noRaft},
	{"controller.quota.", noQuotas},
	{"controller.socket.timeout.ms", noCluster},
	{"cordoned.log.dirs", otherDirs},
	{"create.topic.policy.class.name", noClasses},
	{"delegation.token.", noSecurity},
	{"delete.records.purgatory.", noThreads},
	{"early.start.listeners", noSecurity},
	{"fetch.purgatory.", noThreads},
	{"follower.fetch.last.tiered.offset.enable", noTiers},
	{"follower.replication.throttled.rate", noQuotas},
	{"group.consumer.", noNewGroups},
	{"group.coordinator.", noThreads},
	{"group.share.", noNewGroups},
	{"group.streams.", noNewGroups},
	{"initial.broker.registration.timeout.ms", noCluster},
	{"inter.broker.listener.name", noCluster},
	{"inter.broker.protocol.version", removed},
	{"kafka.metrics.", noJMX},
	{"leader.imbalance.check.interval.seconds", noCluster},
	{"leader.replication.throttled.rate", noQuotas},
	{"listener.name.", atStart},
	{"listener.security.protocol.map", atStart},
	{"log.cleaner.io.buffer.load.factor", noThreads},
	{"log.cleaner.io.buffer.size", noThreads},
	{"log.dir", otherDirs},
	{"log.dir.failure.timeout.ms", noCluster},
	{"log.flush.start.offset.checkpoint.interval.ms", otherTiming},
	{"log.message.downconversion.enable", removed},
	{"log.message.format.version", removed},
	{"log.retention.check.interval.ms", otherTiming},
	{"metadata.", otherMetadata},
	{"metric.reporters", noJMX},
	{"metrics.", noJMX},
	{"num.io.threads", noThreads},
	{"num.network.threads", noThreads},
	{"num.recovery.threads.per.data.dir", noThreads},
	{"num.replica.", noThreads},
	{"offsets.load.buffer.size", noThreads},
	{"principal.builder.class", noClasses},
	{"producer.purgatory.", noThreads},
	{"queued.max.requests", noThreads},
	{"quota.window.", noQuotas},
	{"remote.", noTiers},
	{"replica.", noCluster},
	{"replication.quota.", noQuotas},
	{"reserved.broker.max.id", removed},
	{"request.timeout.ms", noCluster},
	{"sasl.", noSecurity},
	{"security.", noSecurity},
	{"share.", noNewGroups},
	{"socket.connection.setup.", noCluster},
	{"socket.listen.backlog.size", noThreads},
	{"socket.receive.buffer.bytes", noThreads},
	{"socket.send.buffer.bytes", noThreads},
	{"ssl.", atStart},
	{"telemetry.", noTelemetry},
	{"transaction.", noTxns},
	{"transactional.id.expiration.ms", noTxns},
	{"zookeeper.", "there is no ZooKeeper"},
}

// Absent says why a broker config of Kafka's is not in the table.
func Absent(name string) (reason string, ok bool) {
	if _, present := Broker(name); present {
		return "", false
	}
	for _, a := range absent {
		if name == a.name || strings.HasSuffix(a.name, ".") && strings.HasPrefix(name, a.name) {
			return a.reason, true
		}
	}
	return "", false
}
