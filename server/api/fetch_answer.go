package api

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"moldau/server/wire"
)

// answer is the response to what the last pass read.
func (f *fetching) answer() *wire.FetchResponse {
	switch {
	case f.session != nil:
		f.answerSession()
	case f.opens:
		f.openSession()
	}
	return &f.resp
}

// answerSession leaves out what the client knows. What returned records goes to
// the session's end, so that where a limit is met others have their turn.
func (f *fetching) answerSession() {
	s := f.session
	s.mu.Lock()
	defer s.mu.Unlock()
	f.resp.SessionID = s.id
	if s.epoch != nextSessionEpoch(f.req.SessionEpoch) {
		f.unpin()
		f.resp.ErrorCode = kerr.InvalidFetchSessionEpoch.Code
		return
	}
	stay := s.order[:0]
	told := 0
	for i, p := range s.order {
		answer := &f.answers[i]
		if hasRecords(answer) {
			f.rotated = append(f.rotated, p)
		} else {
			stay = append(stay, p)
		}
		if !p.tell(answer) {
			f.reads[i].fetch.Release()
			continue
		}
		// Never ahead of what is still to be looked at.
		f.answers[told] = *answer
		f.add(&p.key.topic, told)
		told++
	}
	s.order = append(stay, f.rotated...)
	clear(f.rotated)
	f.rotated = f.rotated[:0]
}

// add puts the answer at an index into the response, behind all before it: with
// the topic of the one before or, as Kafka does, with a topic of its own.
func (f *fetching) add(topic *topicKey, at int) {
	topics := f.resp.Topics
	if n := len(topics); n > 0 && topics[n-1].Name == topic.name && topics[n-1].ID == topic.id {
		last := topics[n-1].Partitions
		topics[n-1].Partitions = last[:len(last)+1]
		return
	}
	f.resp.Topics = append(topics, wire.FetchTopic{Name: topic.name, ID: topic.id, Partitions: f.answers[at : at+1]})
}

// openSession opens a session of all that was answered, if there is room.
func (f *fetching) openSession() {
	s := newFetchSession(f.req.Version >= 13)
	s.mu.Lock() // until it is whole, should anybody guess its id
	defer s.mu.Unlock()
	names := 0
	for i := range f.reads {
		names += len(f.reads[i].key.topic.name)
	}
	if !f.b.sessions.open(s, sizeOfSession(len(f.reads), len(f.reads), names)) {
		return
	}
	for i := range f.reads {
		s.want(f.reads[i].key, f.reads[i].asked).tell(&f.answers[i])
	}
	f.resp.SessionID = s.id
}
