package api

import (
	"math"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

// Epochs of requests that do not go on with a session.
const (
	newSession int32 = 0
	noSession  int32 = -1
)

// sessionEpochFirst is the epoch of the first request that goes on with a
// session; each further one has the next.
const sessionEpochFirst int32 = 1

func nextSessionEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return sessionEpochFirst
	}
	return epoch + 1
}

// topicKey names a topic as requests do: by name up to version 12, by id from 13
// on. The other one is zero.
type topicKey struct {
	name string
	id   [16]byte
}

type partitionKey struct {
	topic     topicKey
	partition int32
}

// asking is what a client wants of one partition.
type asking struct {
	offset      int64
	bytesMax    int32
	leaderEpoch int32 // that the client knows
	lastEpoch   int32 // of what it fetched last
}

func askingOf(p *kmsg.FetchRequestTopicPartition) asking {
	return asking{p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LastFetchedEpoch}
}

// fetchSession is what a client and this broker agreed on, so that neither has
// to say again what did not change (KIP-227): the client sends what it wants
// otherwise, the broker what is new to the client.
//
// A request holds mu when it begins and when it is answered, never while it
// reads or waits. A second request in between, from whatever connection, moves
// the epoch; the first then finds that it is not the session's latest and is
// refused, as by Kafka. That is also why order is at the answer what it was at
// the beginning.
type fetchSession struct {
	id   int32 // 0 until the cache gives one, before anybody else knows of it
	byID bool  // topics are named by id

	mu     sync.Mutex
	epoch  int32 // of the next request
	places map[partitionKey]*sessionPartition
	order  []*sessionPartition // all of places, as they are read
	names  int                 // bytes of topics' names
	peak   int                 // partitions since places was made; a map never shrinks

	cached cachedSession // the cache's, under its lock
}

// sessionPartition is one partition of a session.
type sessionPartition struct {
	key       partitionKey
	asked     asking
	forgotten bool

	// As the client was told; -1 for what it must be told in any case.
	highWatermark, lastStable, logStart int64
}

func newFetchSession(byID bool) *fetchSession {
	return &fetchSession{byID: byID, epoch: sessionEpochFirst, places: map[partitionKey]*sessionPartition{}}
}

// What a session takes; and a partition in it: itself, and its places in map and
// order, which stay when it is forgotten.
const (
	sessionBytes          = 600
	sessionPartitionBytes = 160
	sessionPlaceBytes     = 96
)

func (s *fetchSession) size() sessionSize { return sizeOfSession(len(s.order), s.peak, s.names) }

func sizeOfSession(partitions, peak, nameBytes int) sessionSize {
	return sessionSize{partitions, int64(sessionBytes + partitions*sessionPartitionBytes + nameBytes + peak*sessionPlaceBytes)}
}

// partitions is how many a session has.
func (s *fetchSession) partitions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.order)
}

// update takes over what a request says: partitions that it names are added or
// changed, and then those that it no longer wants forgotten.
func (s *fetchSession) update(req *kmsg.FetchRequest) {
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			s.want(partitionKey{topicKey{t.Topic, t.TopicID}, p.Partition}, askingOf(p))
		}
	}
	forgot := false
	for i := range req.ForgottenTopics {
		t := &req.ForgottenTopics[i]
		for _, partition := range t.Partitions {
			forgot = s.forget(partitionKey{topicKey{t.Topic, t.TopicID}, partition}) || forgot
		}
	}
	if !forgot {
		return
	}
	s.order = slices.DeleteFunc(s.order, func(p *sessionPartition) bool { return p.forgotten })
	if len(s.order) < s.peak/4 {
		s.shrink()
	}
}

func (s *fetchSession) want(key partitionKey, asked asking) *sessionPartition {
	p := s.places[key]
	if p == nil {
		p = &sessionPartition{key: key, highWatermark: -1, lastStable: -1, logStart: -1}
		s.places[key] = p
		s.order = append(s.order, p)
		s.names += len(key.topic.name)
		s.peak = max(s.peak, len(s.places))
	}
	p.asked = asked
	return p
}

func (s *fetchSession) forget(key partitionKey) bool {
	p := s.places[key]
	if p == nil {
		return false
	}
	delete(s.places, key)
	s.names -= len(key.topic.name)
	p.forgotten = true
	return true
}

// shrink gives back the places of what was forgotten.
func (s *fetchSession) shrink() {
	s.peak = len(s.order)
	s.places = make(map[partitionKey]*sessionPartition, s.peak)
	for _, p := range s.order {
		s.places[p.key] = p
	}
	s.order = slices.Clone(s.order)
}

// tell reports whether an answer has anything that the client does not know, and
// that it is told now.
func (p *sessionPartition) tell(answer *wire.FetchPartition) bool {
	news := answer.HighWatermark != p.highWatermark || answer.LastStable != p.lastStable || answer.LogStart != p.logStart || answer.PreferredReadReplica >= 0 || hasRecords(answer)
	p.highWatermark, p.lastStable, p.logStart = answer.HighWatermark, answer.LastStable, answer.LogStart
	if answer.ErrorCode != 0 || answer.DivergingEpoch != nil {
		// Always told, and when it is over, that it is.
		p.highWatermark, news = -1, true
	}
	return news
}

func hasRecords(answer *wire.FetchPartition) bool {
	return answer.Records != nil && answer.Records.Bytes > 0
}
