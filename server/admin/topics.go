package admin

import (
	"net"
	"strconv"

	"moldau/logstore"
	"moldau/server/metadata"
	"moldau/server/replica"
)

// scrape is one walk over topics and groups. The image is the same for all of
// its families; offsets are those of the moment.
type scrape struct {
	sources *Sources
	image   *metadata.Image
	out     *exposition
}

var (
	brokersFamily = family{"kafka_brokers", "Number of brokers in the cluster.", nil}
	brokerFamily  = family{"kafka_broker_info", "A broker and its address, always 1.", []string{"id", "address"}}

	topicPartitionsFamily   = family{"kafka_topic_partitions", "Number of partitions of the topic.", []string{"topic"}}
	topicBytesFamily        = family{"moldau_topic_size_bytes", "Bytes of the topic's records on this broker, as they are on disk.", []string{"topic"}}
	offlinePartitionsFamily = family{"moldau_offline_partitions", "Number of this broker's partitions that have no usable log.", nil}
)

// partitionFamily has a value for each partition, or none for some.
type partitionFamily struct {
	family
	value func(s *Sources, p *metadata.Partition, log *logstore.Log) (v int64, ok bool)
}

var ofPartition = []string{"topic", "partition"}

var partitionFamilies = []partitionFamily{
	{family{"kafka_topic_partition_current_offset", "Offset up to which consumers may read the partition.", ofPartition},
		func(s *Sources, p *metadata.Partition, log *logstore.Log) (int64, bool) { return highWatermark(log) }},
	{family{"kafka_topic_partition_oldest_offset", "First offset of the partition that may be read.", ofPartition},
		func(s *Sources, p *metadata.Partition, log *logstore.Log) (int64, bool) {
			if log == nil {
				return 0, false
			}
			return log.StartOffset(), true
		}},
	{family{"kafka_topic_partition_leader", "Id of the broker that leads the partition.", ofPartition},
		func(s *Sources, p *metadata.Partition, log *logstore.Log) (int64, bool) {
			return int64(p.Leader), p.Leader >= 0
		}},
	{family{"kafka_topic_partition_leader_is_preferred", "Whether the first of the partition's replicas leads it, 1 or 0.", ofPartition},
		func(s *Sources, p *metadata.Partition, log *logstore.Log) (int64, bool) {
			return oneIf(len(p.Replicas) > 0 && p.Leader == p.Replicas[0]), true
		}},
	{family{"kafka_topic_partition_replicas", "Number of replicas of the partition.", ofPartition},
		func(s *Sources, p *metadata.Partition, log *logstore.Log) (int64, bool) {
			return int64(len(p.Replicas)), true
		}},
	{family{"kafka_topic_partition_in_sync_replica", "Number of replicas of the partition that are in sync.", ofPartition},
		func(s *Sources, p *metadata.Partition, log *logstore.Log) (int64, bool) {
			return int64(len(p.ISR)), true
		}},
	{family{"kafka_topic_partition_under_replicated_partition", "Whether replicas of the partition are not in sync, 1 or 0.", ofPartition},
		func(s *Sources, p *metadata.Partition, log *logstore.Log) (int64, bool) {
			return oneIf(len(p.ISR) < len(p.Replicas)), true
		}},
}

func oneIf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func highWatermark(log *logstore.Log) (int64, bool) {
	if log == nil {
		return 0, false
	}
	return log.Offset(logstore.HighWatermark), true
}

// cluster writes what there is of brokers.
func (s *scrape) cluster() {
	s.out.begin(&brokersFamily)
	s.out.sample(&brokersFamily, int64(len(s.image.Brokers())))
	s.out.begin(&brokerFamily)
	for _, b := range s.image.Brokers() {
		if len(b.Listeners) > 0 {
			l := &b.Listeners[0]
			s.out.sample(&brokerFamily, 1, strconv.Itoa(int(b.ID)), net.JoinHostPort(l.Host, strconv.Itoa(int(l.Port))))
		}
	}
}

// topics writes what there is of topics, family by family, as the format wants
// it: a partition is passed once for each, which costs little.
func (s *scrape) topics() {
	s.out.begin(&topicPartitionsFamily)
	s.eachTopic(func(t *metadata.Topic, _ *replica.Topic) {
		s.out.sample(&topicPartitionsFamily, int64(len(t.Partitions)), t.Name)
	})
	for i := range partitionFamilies {
		f := &partitionFamilies[i]
		s.out.begin(&f.family)
		s.eachTopic(func(t *metadata.Topic, local *replica.Topic) {
			for n := range t.Partitions {
				if v, ok := f.value(s.sources, &t.Partitions[n], logOf(local, int32(n))); ok {
					s.out.sample(&f.family, v, t.Name, s.out.number(int32(n)))
				}
			}
		})
	}
	s.out.begin(&topicBytesFamily)
	s.eachTopic(func(t *metadata.Topic, local *replica.Topic) {
		bytes := int64(0)
		for n := range t.Partitions {
			if log := logOf(local, int32(n)); log != nil {
				bytes += log.Bytes()
			}
		}
		s.out.sample(&topicBytesFamily, bytes, t.Name)
	})
}

// offline writes how many partitions have no log.
func (s *scrape) offline() {
	offline := int64(0)
	s.sources.Replicas.Topics(func(t *replica.Topic) bool {
		for p := range t.Partitions {
			offline += oneIf(p.Offline() != nil)
		}
		return true
	})
	s.out.begin(&offlinePartitionsFamily)
	s.out.sample(&offlinePartitionsFamily, offline)
}

// eachTopic calls f with each topic, and what this broker has of it, nil for
// nothing. It stops where nobody reads any more.
func (s *scrape) eachTopic(f func(t *metadata.Topic, local *replica.Topic)) {
	for _, t := range s.image.Topics() {
		if s.out.err != nil {
			return
		}
		local, _ := s.sources.Replicas.TopicByID(logstore.TopicID(t.ID))
		f(t, local)
	}
}

// logOf is the log of a partition, nil where there is none. A scrape does not
// try to bring partitions back that are offline.
func logOf(t *replica.Topic, n int32) *logstore.Log {
	if t == nil {
		return nil
	}
	p, ok := t.Partition(n)
	if !ok || p.Offline() != nil {
		return nil
	}
	log, _ := p.Local()
	return log
}
