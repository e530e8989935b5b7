package api

import (
	"unsafe"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/replica"
	"moldau/server/wire"
)

// follower tells whether a broker asks, to copy the partition. None is served
// yet, and none shall be without being authorized to (CVE-2018-1288): it reads
// what consumers may not see. Ids below -1 are Kafka's debugging tools.
func (f *fetching) follower() bool {
	if f.req.Version >= 15 {
		return f.req.ReplicaState.ID >= 0
	}
	return f.req.ReplicaID >= 0
}

// resolve lays the answer out as the request is and finds the partitions. One
// that is asked for twice is read once, as the last mention says: so does Kafka,
// and so memory is bounded by the partitions there are.
func (f *fetching) resolve() {
	n := 0
	for i := range f.req.Topics {
		n += len(f.req.Topics[i].Partitions)
	}
	f.answers = grown(f.answers, n)
	f.reads = grown(f.reads, n)
	f.resp.Topics = grown(f.resp.Topics, len(f.req.Topics))[:0]
	f.seen.reset(n)
	follower := f.follower()
	n = 0
	for i := range f.req.Topics {
		asked := &f.req.Topics[i]
		topic, unknown := f.b.fetchedTopic(f.req.Version, asked)
		if follower {
			topic, unknown = nil, kerr.TopicAuthorizationFailed.Code
		}
		from := n
		for j := range asked.Partitions {
			partition := &asked.Partitions[j]
			if at, again := f.seen.find(asked, partition.Partition, f.reads[:n]); again {
				f.reads[at].asked = partition
				continue
			}
			read := &f.reads[n]
			read.topic, read.asked, read.partition, read.unknown = asked, partition, nil, unknown
			if topic != nil {
				read.partition, _ = topic.Partition(partition.Partition)
			}
			n++
		}
		if n > from || len(asked.Partitions) == 0 {
			f.resp.Topics = append(f.resp.Topics, wire.FetchTopic{Name: asked.Topic, ID: asked.TopicID, Partitions: f.answers[from:n:n]})
		}
	}
	f.reads, f.answers = f.reads[:n], f.answers[:n]
}

// fetchedTopic finds a topic, or the code to answer with where it, or one of
// its partitions, is unknown.
func (b *Broker) fetchedTopic(version int16, asked *kmsg.FetchRequestTopic) (*replica.Topic, int16) {
	if version >= 13 {
		topic, ok := b.Replicas.TopicByID(asked.TopicID)
		if !ok {
			return nil, kerr.UnknownTopicID.Code
		}
		return topic, kerr.UnknownTopicOrPartition.Code
	}
	topic, _ := b.Replicas.Topic(asked.Topic)
	return topic, kerr.UnknownTopicOrPartition.Code
}

// comparedMax is how many partitions are compared with one another: below it,
// that costs less than a map.
const comparedMax = 16

// seenPartitions finds partitions that a request has named before.
type seenPartitions struct {
	places map[seenPartition]int // nil for few
}

type seenPartition struct {
	topic     string // up to 12
	id        [16]byte
	partition int32
}

func (s *seenPartitions) reset(partitions int) {
	if partitions <= comparedMax {
		s.places = nil
		return
	}
	s.places = map[seenPartition]int{}
}

// find is asked for each partition of a request in turn; reads are those that it
// did not find.
func (s *seenPartitions) find(topic *kmsg.FetchRequestTopic, partition int32, reads []reading) (at int, again bool) {
	if s.places == nil {
		for at := range reads {
			r := &reads[at]
			if r.asked.Partition == partition && (r.topic == topic || r.topic.Topic == topic.Topic && r.topic.TopicID == topic.TopicID) {
				return at, true
			}
		}
		return 0, false
	}
	key := seenPartition{topic.Topic, topic.TopicID, partition}
	if at, again = s.places[key]; !again {
		s.places[key] = len(reads)
	}
	return at, again
}

// answerBytes is what it takes to answer the request, beside the request itself.
func (f *fetching) answerBytes() int64 {
	n := len(f.req.Topics) * int(unsafe.Sizeof(wire.FetchTopic{}))
	for i := range f.req.Topics {
		n += len(f.req.Topics[i].Partitions) * int(unsafe.Sizeof(reading{})+unsafe.Sizeof(wire.FetchPartition{}))
	}
	return int64(n)
}

// parkedBytesMax bounds what all fetches that wait hold together.
const parkedBytesMax = 64 << 20

// reserveWait tells whether there is room for another fetch that waits. Where
// there is none it is answered with what there is, and its client asks again:
// none of them can keep the others from waiting for ever, nor any other request
// from being served.
func (b *Broker) reserveWait(bytes int64) bool {
	if b.parkedBytes.Add(bytes) <= parkedBytesMax {
		return true
	}
	b.parkedBytes.Add(-bytes)
	return false
}
