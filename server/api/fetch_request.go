package api

import (
	"unsafe"

	"github.com/twmb/franz-go/pkg/kerr"

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

// begin finds out what is to be read: what the request names, or what its session
// holds. The answer has an error code already where that fails.
func (f *fetching) begin(r *wire.Request) error {
	if f.req.SessionEpoch == newSession || f.req.SessionEpoch == noSession {
		// Whatever session it names, it leaves it.
		f.b.sessions.close(f.req.SessionID)
		f.opens = f.req.SessionEpoch == newSession && !f.follower()
		return f.beginFull(r)
	}
	s, ok := f.b.sessions.find(f.req.SessionID)
	if !ok || f.follower() {
		f.resp.ErrorCode = kerr.FetchSessionIDNotFound.Code
		return nil
	}
	named, _ := f.named()
	room := s.partitions() + named
	if err := f.reserve(r, room, room); err != nil {
		return err
	}
	f.resp.ErrorCode, ok = f.goOn(s, room-named)
	if !ok {
		return f.beginFull(r)
	}
	f.locate()
	return nil
}

// goOn begins a request of a session that had so many partitions when memory was
// asked for. A session that is left without any is closed, and ok is false: the
// request is then one without a session.
func (f *fetching) goOn(s *fetchSession, partitions int) (code int16, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.epoch != f.req.SessionEpoch, len(s.order) > partitions:
		// The second is another connection's doing, in the meantime.
		return kerr.InvalidFetchSessionEpoch.Code, true
	case s.byID != (f.req.Version >= 13):
		return kerr.FetchSessionTopicIDError.Code, true
	}
	s.update(&f.req)
	// Whatever comes of it: what is parked was read for the session as it was.
	s.epoch = nextSessionEpoch(s.epoch)
	switch {
	case len(s.order) == 0:
		f.b.sessions.close(s.id)
		return 0, false
	case !f.b.sessions.use(s, s.size()):
		return kerr.FetchSessionIDNotFound.Code, true
	}
	f.session = s
	f.answers = grown(f.answers, len(s.order))
	f.reads = grown(f.reads, len(s.order))
	for i, p := range s.order {
		f.reads[i].key, f.reads[i].asked = p.key, p.asked
	}
	return 0, true
}

func (f *fetching) beginFull(r *wire.Request) error {
	partitions, topics := f.named()
	if err := f.reserve(r, partitions, topics); err != nil {
		return err
	}
	f.layOut(partitions)
	f.locate()
	return nil
}

// named is how much the request names.
func (f *fetching) named() (partitions, topics int) {
	for i := range f.req.Topics {
		partitions += len(f.req.Topics[i].Partitions)
	}
	return partitions, len(f.req.Topics)
}

// reserve counts what it takes to answer, beside the request itself.
func (f *fetching) reserve(r *wire.Request, partitions, topics int) error {
	bytes := int64(topics)*int64(unsafe.Sizeof(wire.FetchTopic{})) +
		int64(partitions)*int64(unsafe.Sizeof(reading{})+unsafe.Sizeof(wire.FetchPartition{}))
	f.held += bytes
	return r.Reserve(bytes)
}

// layOut lays the answer out as the request is. A partition that is asked for
// twice is read once, as the last mention says: so does Kafka, and so memory is
// bounded by the partitions there are.
func (f *fetching) layOut(n int) {
	f.answers = grown(f.answers, n)
	f.reads = grown(f.reads, n)
	f.resp.Topics = grown(f.resp.Topics, len(f.req.Topics))[:0]
	f.seen.reset(n)
	n = 0
	for i := range f.req.Topics {
		topic := &f.req.Topics[i]
		from := n
		for j := range topic.Partitions {
			partition := &topic.Partitions[j]
			key := partitionKey{topicKey{topic.Topic, topic.TopicID}, partition.Partition}
			if at, again := f.seen.find(&key, f.reads[:n]); again {
				f.reads[at].asked = askingOf(partition)
				continue
			}
			f.reads[n].key, f.reads[n].asked = key, askingOf(partition)
			n++
		}
		if n > from || len(topic.Partitions) == 0 {
			f.resp.Topics = append(f.resp.Topics, wire.FetchTopic{Name: topic.Topic, ID: topic.TopicID, Partitions: f.answers[from:n:n]})
		}
	}
	f.reads, f.answers = f.reads[:n], f.answers[:n]
}

// locate finds the partitions to read.
func (f *fetching) locate() {
	var topic *replica.Topic
	var unknown int16
	f.found = 0
	for i := range f.reads {
		r := &f.reads[i]
		if i == 0 || r.key.topic != f.reads[i-1].key.topic {
			topic, unknown = f.b.fetchedTopic(f.req.Version, &r.key.topic)
			if f.follower() {
				topic, unknown = nil, kerr.TopicAuthorizationFailed.Code
			}
		}
		r.partition, r.unknown = nil, unknown
		if topic != nil {
			r.partition, _ = topic.Partition(r.key.partition)
		}
		if r.partition != nil {
			f.found++
		}
	}
}

// fetchedTopic finds a topic, or the code to answer with where it, or one of
// its partitions, is unknown. Kafka also knows an id that is not, or no longer,
// that of the log which has the topic's name, INCONSISTENT_TOPIC_ID: here an id
// leads to its own log or to none.
func (b *Broker) fetchedTopic(version int16, asked *topicKey) (*replica.Topic, int16) {
	if version >= 13 {
		topic, ok := b.Replicas.TopicByID(asked.id)
		if !ok {
			return nil, kerr.UnknownTopicID.Code
		}
		return topic, kerr.UnknownTopicOrPartition.Code
	}
	topic, _ := b.Replicas.Topic(asked.name)
	return topic, kerr.UnknownTopicOrPartition.Code
}

// comparedMax is how many partitions are compared with one another: below it,
// that costs less than a map.
const comparedMax = 16

// seenPartitions finds partitions that a request has named before.
type seenPartitions struct {
	places map[partitionKey]int // nil for few
}

func (s *seenPartitions) reset(partitions int) {
	if partitions <= comparedMax {
		s.places = nil
		return
	}
	s.places = map[partitionKey]int{}
}

// find is asked for each partition of a request in turn; reads are those that it
// did not find.
func (s *seenPartitions) find(key *partitionKey, reads []reading) (at int, again bool) {
	if s.places == nil {
		for at := range reads {
			if r := &reads[at]; r.key.partition == key.partition && r.key.topic == key.topic {
				return at, true
			}
		}
		return 0, false
	}
	if at, again = s.places[*key]; !again {
		s.places[*key] = len(reads)
	}
	return at, again
}

// reserveWait tells whether there is room for another fetch that waits. Where
// there is none it is answered with what there is, and its client asks again:
// none of them can keep the others from waiting for ever, nor any other request
// from being served.
func (f *fetching) reserveWait() bool {
	if f.b.parkedBytes.Add(f.held) <= f.b.FetchWaitsBytesMax {
		f.parked = f.held
		return true
	}
	f.b.parkedBytes.Add(-f.held)
	f.b.parkedRefused.Add(1)
	return false
}

// FetchWaitStats are about the fetches that wait for records.
type FetchWaitStats struct {
	Bytes   int64 // that they hold now
	Refused int64 // were answered at once, since the broker was made, for want of room
}

// FetchWaits tells about the fetches that wait.
func (b *Broker) FetchWaits() FetchWaitStats {
	return FetchWaitStats{Bytes: b.parkedBytes.Load(), Refused: b.parkedRefused.Load()}
}
