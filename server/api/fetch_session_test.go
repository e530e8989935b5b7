package api_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/servertest"
)

// sessionClient goes on with a fetch session as real clients do: it counts the
// epochs, and asks again only for what the test says.
type sessionClient struct {
	*servertest.Client
	t         *testing.T
	version   int16
	id, epoch int32
	ids       map[string][16]byte // of topics, from version 13 on
}

// want is what a request says about a partition.
type want struct {
	topic     string
	partition int32
	offset    int64
}

func newSessionClient(t *testing.T, b *servertest.Broker, version int16) *sessionClient {
	return &sessionClient{Client: b.Dial(), t: t, version: version, ids: map[string][16]byte{}}
}

// topic makes a topic and remembers its id.
func (s *sessionClient) topic(name string, partitions int32) {
	s.t.Helper()
	s.ids[name] = createTopic(s.Client, s.t, name, partitions)
}

// request is the next one of the session, which does not wait.
func (s *sessionClient) request(wants ...want) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MinBytes, req.MaxBytes = s.version, 1, 1<<20
	req.SessionID, req.SessionEpoch = s.id, s.epoch
	for _, w := range wants {
		addFetch(req, w.topic, w.partition, w.offset)
		req.Topics[len(req.Topics)-1].TopicID = s.ids[w.topic]
	}
	return req
}

func (s *sessionClient) forget(req *kmsg.FetchRequest, topic string, partitions ...int32) *kmsg.FetchRequest {
	f := kmsg.NewFetchRequestForgottenTopic()
	f.Topic, f.TopicID, f.Partitions = topic, s.ids[topic], partitions
	req.ForgottenTopics = append(req.ForgottenTopics, f)
	return req
}

// send sends a request that must do, and counts the epoch.
func (s *sessionClient) send(req *kmsg.FetchRequest) *kmsg.FetchResponse {
	s.t.Helper()
	resp := s.Request(req).(*kmsg.FetchResponse)
	if resp.ErrorCode != 0 {
		s.t.Fatalf("session %d, epoch %d: error code %d", req.SessionID, req.SessionEpoch, resp.ErrorCode)
	}
	s.id, s.epoch = resp.SessionID, s.epoch+1
	return resp
}

// told is what an answer says, in its order: topic-partition:records, or an
// error, or the offset where an epoch diverged.
func (s *sessionClient) told(resp *kmsg.FetchResponse) string {
	s.t.Helper()
	var all []string
	for _, topic := range resp.Topics {
		name := topic.Topic
		for n, id := range s.ids {
			if s.version >= 13 && id == topic.TopicID {
				name = n
			}
		}
		for _, p := range topic.Partitions {
			if p.RecordBatches == nil {
				s.t.Errorf("%s-%d has null records", name, p.Partition)
			}
			what := fmt.Sprint(len(checkedBatches(s.t, p.RecordBatches)))
			switch {
			case p.ErrorCode != 0:
				what = fmt.Sprintf("error %d", p.ErrorCode)
			case p.DivergingEpoch.Epoch >= 0:
				what = fmt.Sprintf("diverged at %d", p.DivergingEpoch.EndOffset)
			}
			all = append(all, fmt.Sprintf("%s-%d:%s", name, p.Partition, what))
		}
	}
	return strings.Join(all, " ")
}

func (s *sessionClient) expect(req *kmsg.FetchRequest, want string) *kmsg.FetchResponse {
	s.t.Helper()
	resp := s.send(req)
	if got := s.told(resp); got != want {
		s.t.Errorf("epoch %d: told %q, want %q", req.SessionEpoch, got, want)
	}
	return resp
}

// refused sends a request of the session that must end in an error, with nothing
// else in the answer.
func (s *sessionClient) refused(req *kmsg.FetchRequest, code int16) {
	s.t.Helper()
	resp := s.Request(req).(*kmsg.FetchResponse)
	if resp.ErrorCode != code || resp.SessionID != 0 || len(resp.Topics) != 0 {
		s.t.Errorf("session %d, epoch %d, version %d: error code %d, session %d, %d topics; want error %d",
			req.SessionID, req.SessionEpoch, req.Version, resp.ErrorCode, resp.SessionID, len(resp.Topics), code)
	}
}

func deleteTopic(c *servertest.Client, t *testing.T, name string) {
	t.Helper()
	del := kmsg.NewPtrDeleteTopicsRequest()
	del.Version, del.TimeoutMillis, del.TopicNames = 5, 10_000, []string{name}
	if resp := c.Request(del).(*kmsg.DeleteTopicsResponse); resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("delete: error code %d", resp.Topics[0].ErrorCode)
	}
}

func TestFetchSessionInEveryVersion(t *testing.T) {
	b := start(t)
	for version := int16(4); version <= 18; version++ {
		s := newSessionClient(t, b, version)
		name := "t" + itoa(int32(version))
		s.topic(name, 2)
		mustProduce(s.Client, t, name, 1, plain(t))
		s.expect(s.request(want{name, 0, 0}, want{name, 1, 0}), name+"-0:0 "+name+"-1:1")
		if version < 7 {
			if s.id != 0 {
				t.Errorf("version %d: session %d", version, s.id)
			}
			continue
		}
		if s.id <= 0 {
			t.Fatalf("version %d: session %d", version, s.id)
		}
		id := s.id
		s.expect(s.request(want{name, 1, 1}), "")
		mustProduce(s.Client, t, name, 0, plain(t))
		s.expect(s.request(), name+"-0:1")
		if s.id != id {
			t.Errorf("version %d: session %d became %d", version, id, s.id)
		}
	}
	if n := b.Server().FetchSessions(); n.Sessions != 12 || n.Created != 12 || n.Partitions != 24 || n.Incremental != 24 || n.Refused != 0 || n.Evicted != 0 {
		t.Errorf("counted %+v", n)
	}
}

func TestEmptyIncrementalFetchMeansAllPartitions(t *testing.T) {
	s := newSessionClient(t, start(t), 12)
	s.topic("t", 3)
	s.expect(s.request(want{"t", 0, 0}, want{"t", 1, 0}, want{"t", 2, 0}), "t-0:0 t-1:0 t-2:0")
	for n := range int32(3) {
		mustProduce(s.Client, t, "t", n, plain(t))
	}
	s.expect(s.request(), "t-0:1 t-1:1 t-2:1")
	// Nobody said that the client got on: it is told again.
	s.expect(s.request(), "t-0:1 t-1:1 t-2:1")
}

func TestEmptyIncrementalFetchWaitsForBytes(t *testing.T) {
	b := start(t)
	s := newSessionClient(t, b, 12)
	s.topic("t", 2)
	s.send(s.request(want{"t", 0, 0}, want{"t", 1, 0}))
	req := s.request()
	size := int32(len(plain(t)))
	req.MinBytes, req.MaxWaitMillis = 2*size, 1<<30
	id := s.Send(req)
	served(t, b, s.Client)
	mustProduce(b.Dial(), t, "t", 1, plain(t)) // not enough: its news must not end the wait
	mustProduce(b.Dial(), t, "t", 1, plain(t))
	if got := s.told(s.Receive(req, id).(*kmsg.FetchResponse)); got != "t-1:2" {
		t.Errorf("told %q", got)
	}
}

func TestEmptyIncrementalFetchWaitsItsTime(t *testing.T) {
	s := newSessionClient(t, start(t), 12)
	s.topic("t", 1)
	s.send(s.request(want{"t", 0, 0}))
	req := s.request()
	req.MaxWaitMillis = 5
	s.expect(req, "")
	mustProduce(s.Client, t, "t", 0, plain(t))
	req = s.request()
	req.MaxWaitMillis, req.MinBytes = 5, 1<<20
	s.expect(req, "t-0:1")
}

func TestIncrementalFetchTellsOnlyWhatChanged(t *testing.T) {
	s := newSessionClient(t, start(t), 12)
	s.topic("t", 3)
	for n := range int32(3) {
		mustProduce(s.Client, t, "t", n, plain(t))
	}
	s.expect(s.request(want{"t", 0, 1}, want{"t", 1, 1}, want{"t", 2, 1}), "t-0:0 t-1:0 t-2:0")
	s.expect(s.request(), "")
	// A new high watermark, with no room for the record behind it.
	mustProduce(s.Client, t, "t", 1, plain(t))
	req := s.request(want{"t", 1, 1})
	limited(req, 0)
	mustProduce(s.Client, t, "t", 0, plain(t)) // takes the one batch that no limit holds back
	resp := s.expect(req, "t-0:1 t-1:0")
	if p := resp.Topics[0].Partitions[1]; p.HighWatermark != 2 {
		t.Errorf("high watermark %d", p.HighWatermark)
	}
	s.expect(s.request(want{"t", 0, 2}, want{"t", 1, 2}), "")
	// A new log start.
	if p := deleteRecords(s.Client, 2, "t", 2, 1); p.ErrorCode != 0 {
		t.Fatalf("delete records: error code %d", p.ErrorCode)
	}
	resp = s.expect(s.request(), "t-2:0")
	if p := resp.Topics[0].Partitions[0]; p.LogStartOffset != 1 || p.HighWatermark != 1 {
		t.Errorf("start %d, high watermark %d", p.LogStartOffset, p.HighWatermark)
	}
	s.expect(s.request(), "")
}

func TestPartitionsWithErrorsAreAlwaysTold(t *testing.T) {
	s := newSessionClient(t, start(t), 12)
	s.topic("t", 2)
	s.expect(s.request(want{"t", 0, 0}, want{"t", 1, 9}, want{"nope", 0, 0}), "t-0:0 t-1:error 1 nope-0:error 3")
	s.expect(s.request(), "t-1:error 1 nope-0:error 3")
	s.expect(s.request(), "t-1:error 1 nope-0:error 3")
	// When it is over the client is told, though nothing else changed.
	s.expect(s.forget(s.request(want{"t", 1, 0}), "nope", 0), "t-1:0")
	s.expect(s.request(), "")
}

func TestDivergingEpochIsAlwaysTold(t *testing.T) {
	b := start(t)
	createTopic(b.Dial(), t, "t", 1)
	mustProduce(b.Dial(), t, "t", 0, plain(t))
	b.Close()
	b.Restart()
	s := newSessionClient(t, b, 12)
	mustProduce(s.Client, t, "t", 0, plain(t))
	s.expect(s.request(want{"t", 0, 2}), "t-0:0")
	req := s.request(want{"t", 0, 2})
	req.Topics[0].Partitions[0].LastFetchedEpoch = 0
	req.MaxWaitMillis = 1 << 30 // it does not wait
	s.expect(req, "t-0:diverged at 1")
	s.expect(s.request(), "t-0:diverged at 1")
	s.expect(s.request(want{"t", 0, 2}), "t-0:0")
	s.expect(s.request(), "")
}

func TestForgottenPartitionsAreNotFetched(t *testing.T) {
	b := start(t)
	for _, version := range []int16{12, 13} {
		s := newSessionClient(t, b, version)
		name := "t" + itoa(int32(version))
		s.topic(name, 3)
		s.send(s.request(want{name, 0, 0}, want{name, 1, 0}, want{name, 2, 0}))
		for n := range int32(3) {
			mustProduce(s.Client, t, name, n, plain(t))
		}
		// What is forgotten and was never wanted is no error; what is asked for in
		// the same request is forgotten all the same.
		req := s.request(want{name, 1, 0})
		s.forget(req, name, 1, 7)
		s.forget(req, "other", 0)
		s.expect(req, fmt.Sprintf("%s-0:1 %s-2:1", name, name))
		if n := b.Server().FetchSessions(); n.Partitions != 2 {
			t.Errorf("%d partitions", n.Partitions)
		}
		// One that comes back is told in full.
		s.expect(s.request(want{name, 0, 1}, want{name, 2, 1}, want{name, 1, 1}), name+"-1:0")
		s.expect(s.forget(s.request(), name, 0, 1, 2), "")
		if s.id != 0 {
			t.Errorf("session %d goes on without a partition", s.id)
		}
		if n := b.Server().FetchSessions(); n.Sessions != 0 || n.Partitions != 0 || n.Bytes != 0 {
			t.Errorf("counted %+v", n)
		}
	}
}

func TestFetchSessionErrors(t *testing.T) {
	b := start(t)
	byName, byID := newSessionClient(t, b, 12), newSessionClient(t, b, 13)
	byName.topic("t", 1)
	byID.ids = byName.ids
	for _, s := range []*sessionClient{byName, byID} {
		s.send(s.request(want{"t", 0, 0}))
		s.send(s.request())
	}
	for _, r := range []struct {
		name      string
		s         *sessionClient
		id, epoch int32 // added to those of the session
		version   int16
		code      int16
	}{
		{"no such session", byName, 1, 0, 12, 70},
		{"session 0", byName, -byName.id, 0, 12, 70},
		{"an epoch again", byName, 0, -1, 12, 71},
		{"an epoch too early", byName, 0, 1, 12, 71},
		{"an epoch that never is", byName, 0, -4, 12, 71},
		{"ids in a session of names", byName, 0, 0, 13, 106},
		{"names in a session of ids", byID, 0, 0, 12, 106},
		{"the wrong epoch comes first", byID, 0, 1, 12, 71},
	} {
		t.Run(r.name, func(t *testing.T) {
			req := r.s.request(want{"t", 0, 0})
			req.Version = r.version
			req.SessionID += r.id
			req.SessionEpoch += r.epoch
			req.MaxWaitMillis = 1 << 30
			r.s.refused(req, r.code)
		})
	}
	// None of that ended the sessions, or changed what they want.
	mustProduce(b.Dial(), t, "t", 0, plain(t))
	for _, s := range []*sessionClient{byName, byID} {
		s.expect(s.request(), "t-0:1")
	}
}

func TestFullFetchLeavesItsSession(t *testing.T) {
	b := start(t)
	s := newSessionClient(t, b, 12)
	s.topic("t", 2)
	s.send(s.request(want{"t", 0, 0}, want{"t", 1, 0}))
	old, oldEpoch := s.id, s.epoch
	s.epoch = 0
	s.expect(s.request(want{"t", 1, 0}), "t-1:0")
	if s.id == old || s.id == 0 || b.Server().FetchSessions().Sessions != 1 {
		t.Errorf("session %d after %d, %+v", s.id, old, b.Server().FetchSessions())
	}
	next, nextEpoch := s.id, s.epoch
	s.id, s.epoch = old, oldEpoch
	s.refused(s.request(), 70)
	// Epoch -1 leaves without another; what it says is answered in full.
	s.id, s.epoch = next, -1
	s.expect(s.request(want{"t", 0, 0}, want{"t", 1, 0}), "t-0:0 t-1:0")
	if s.id != 0 || b.Server().FetchSessions().Sessions != 0 {
		t.Errorf("session %d, %+v", s.id, b.Server().FetchSessions())
	}
	s.id, s.epoch = next, nextEpoch
	s.refused(s.request(), 70)
	// Closing what is not there is no error.
	s.id, s.epoch = 7, -1
	s.expect(s.request(want{"t", 0, 0}), "t-0:0")
	s.id, s.epoch = 7, 0
	s.expect(s.request(want{"t", 0, 0}), "t-0:0")
}

func TestPartitionsOfASessionChange(t *testing.T) {
	s := newSessionClient(t, start(t), 12)
	s.topic("t", 2)
	s.topic("u", 1)
	for range 3 {
		mustProduce(s.Client, t, "t", 0, plain(t))
		mustProduce(s.Client, t, "u", 0, plain(t))
	}
	s.expect(s.request(want{"t", 0, 3}), "t-0:0")
	s.expect(s.request(want{"u", 0, 2}, want{"t", 1, 0}), "u-0:1 t-1:0")
	s.expect(s.request(want{"u", 0, 3}, want{"t", 0, 1}), "t-0:2")
	s.expect(s.request(want{"t", 0, 3}), "")
	// Said twice, the last word counts.
	s.expect(s.request(want{"t", 0, 0}, want{"t", 0, 2}), "t-0:1")
	// The limit of a partition is remembered as well.
	req := s.request(want{"t", 0, 0}, want{"u", 0, 0})
	limited(req, 1)
	s.expect(req, "u-0:1")
	s.expect(s.request(), "t-0:1")
}

// Limits that hold for less than all there is must not starve anybody: what
// returned records goes behind what did not.
func TestNoPartitionOfASessionStarves(t *testing.T) {
	s := newSessionClient(t, start(t), 12)
	s.topic("t", 3)
	s.topic("u", 1)
	wants := []want{{"t", 0, 0}, {"t", 1, 0}, {"u", 0, 0}, {"t", 2, 0}}
	for _, w := range wants {
		for range 4 {
			mustProduce(s.Client, t, w.topic, w.partition, plain(t))
		}
	}
	req := s.request(wants...)
	req.MaxBytes = 0
	s.expect(limited(req, 0), "t-0:1 t-1:0 u-0:0 t-2:0")
	// The full answer moved nobody, in Kafka neither.
	for _, turn := range []string{"t-0:1", "t-1:1", "u-0:1", "t-2:1", "t-0:1", "t-1:1", "u-0:1", "t-2:1"} {
		req := s.request()
		req.MaxBytes = 0
		s.expect(req, turn)
	}
	// Whoever has nothing keeps its place.
	req = s.request(want{"t", 1, 4})
	limited(req, 0)
	for _, turn := range []string{"t-0:1", "u-0:1", "t-2:1", "t-0:1"} {
		req.MaxBytes = 0
		s.expect(req, turn)
		req = s.request()
	}
	mustProduce(s.Client, t, "t", 1, plain(t))
	req.MaxBytes = 0
	s.expect(req, "t-1:1")
	// Told together, partitions of a topic that are apart are told apart.
	resp := s.expect(s.request(want{"u", 0, 0}, want{"t", 2, 0}, want{"t", 0, 0}, want{"t", 1, 4}), "u-0:4 t-2:4 t-0:4 t-1:1")
	if len(resp.Topics) != 2 || len(resp.Topics[1].Partitions) != 3 {
		t.Errorf("%d topics", len(resp.Topics))
	}
	resp = s.expect(s.request(want{"u", 0, 4}, want{"t", 0, 4}), "t-2:4 t-1:1")
	if len(resp.Topics) != 1 {
		t.Errorf("%d topics", len(resp.Topics))
	}
	resp = s.expect(s.request(want{"u", 0, 0}, want{"t", 0, 0}), "u-0:4 t-0:4 t-2:4 t-1:1")
	if len(resp.Topics) != 2 {
		t.Errorf("%d topics", len(resp.Topics))
	}
}

func TestTopicOfASessionIsDeletedAndCreatedAgain(t *testing.T) {
	b := start(t)
	byName, byID := newSessionClient(t, b, 12), newSessionClient(t, b, 13)
	byName.topic("t", 1)
	byID.ids = byName.ids
	mustProduce(byName.Client, t, "t", 0, plain(t))
	for _, s := range []*sessionClient{byName, byID} {
		s.expect(s.request(want{"t", 0, 1}), "t-0:0")
	}
	deleteTopic(byName.Client, t, "t")
	for range 2 {
		byName.expect(byName.request(), "t-0:error 3")
		byID.expect(byID.request(), "t-0:error 100")
	}
	old := byID.ids["t"]
	byName.topic("t", 1) // another one of that name
	mustProduce(byName.Client, t, "t", 0, plain(t))
	byName.expect(byName.request(), "t-0:0") // offset 1 is its end as well
	byName.expect(byName.request(), "")
	// An id does not come back; the client asks for the new one and forgets it.
	now := byID.ids["t"]
	byID.ids["t"] = old
	byID.expect(byID.request(), "t-0:error 100")
	req := byID.forget(byID.request(), "t", 0)
	byID.ids["t"] = now
	addFetch(req, "", 0, 0)
	req.Topics[0].TopicID = now
	byID.expect(req, "t-0:1")
}

// What is unknown is looked for again in each request.
func TestUnknownPartitionsOfASessionAppear(t *testing.T) {
	b := start(t)
	byName, byID := newSessionClient(t, b, 12), newSessionClient(t, b, 13)
	byName.expect(byName.request(want{"t", 1, 0}), "t-1:error 3")
	byName.topic("t", 1)
	byID.ids = byName.ids
	byName.expect(byName.request(), "t-1:error 3")
	byID.expect(byID.request(want{"t", 1, 0}), "t-1:error 3")
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.Version, grow.TimeoutMillis = 3, 10_000
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = "t", 2
	grow.Topics = append(grow.Topics, topic)
	if resp := b.Dial().Request(grow).(*kmsg.CreatePartitionsResponse); resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create partitions: error code %d", resp.Topics[0].ErrorCode)
	}
	byName.expect(byName.request(), "t-1:0")
	byID.expect(byID.request(), "t-1:0")
}

// A client that asks for something unknown, and for something that is there,
// would else ask again and again without a pause.
func TestUnknownPartitionsDoNotCutAWaitShort(t *testing.T) {
	b := start(t)
	s := newSessionClient(t, b, 12)
	s.topic("t", 1)
	s.send(s.request(want{"nope", 0, 0}, want{"t", 0, 0}))
	req := s.request()
	req.MaxWaitMillis = 1 << 30
	id := s.Send(req)
	served(t, b, s.Client)
	mustProduce(b.Dial(), t, "t", 0, plain(t))
	if got := s.told(s.Receive(req, id).(*kmsg.FetchResponse)); got != "nope-0:error 3 t-0:1" {
		t.Errorf("told %q", got)
	}
}

func TestFollowersGetNoSession(t *testing.T) {
	b := start(t)
	s := newSessionClient(t, b, 12)
	s.topic("t", 1)
	req := s.request(want{"t", 0, 0})
	req.ReplicaID = 2
	s.expect(req, "t-0:error 29")
	if s.id != 0 || b.Server().FetchSessions().Sessions != 0 {
		t.Errorf("session %d", s.id)
	}
	s.epoch = 0
	s.send(s.request(want{"t", 0, 0}))
	req = s.request()
	req.ReplicaID = 2
	s.refused(req, 70)
}

// A request that waits holds no lock: others see the session, and close it.
func TestSessionOfAParkedFetchCanBeLeft(t *testing.T) {
	b := start(t)
	s := newSessionClient(t, b, 12)
	s.topic("t", 1)
	s.send(s.request(want{"t", 0, 0}))
	parked := s.request()
	parked.MaxWaitMillis = 1 << 30
	id := s.Send(parked)
	served(t, b, s.Client)
	other := newSessionClient(t, b, 12)
	other.id, other.epoch = s.id, -1
	other.expect(other.request(want{"t", 0, 0}), "t-0:0")
	mustProduce(other.Client, t, "t", 0, plain(t))
	// Its answer is as good as ever; the session is not.
	if got := s.told(s.Receive(parked, id).(*kmsg.FetchResponse)); got != "t-0:1" {
		t.Errorf("told %q", got)
	}
	s.epoch++
	s.refused(s.request(), 70)
}

// The later of two requests under way has the session, as in Kafka.
func TestOvertakenFetchOfASessionIsRefused(t *testing.T) {
	b := start(t)
	s := newSessionClient(t, b, 12)
	s.topic("t", 1)
	s.send(s.request(want{"t", 0, 0}))
	parked := s.request()
	parked.MaxWaitMillis = 1 << 30
	id := s.Send(parked)
	served(t, b, s.Client)
	other := newSessionClient(t, b, 12)
	other.id, other.epoch = s.id, s.epoch
	other.refused(other.request(), 71) // that one is under way
	other.epoch++
	other.expect(other.request(), "")
	mustProduce(other.Client, t, "t", 0, plain(t))
	resp := s.Receive(parked, id).(*kmsg.FetchResponse)
	if resp.ErrorCode != 71 || resp.SessionID != s.id || len(resp.Topics) != 0 {
		t.Errorf("the first: %+v", resp)
	}
	other.expect(other.request(), "t-0:1")
}

// Whoever comes first with an epoch has it; the others are refused, and what the
// session holds stays whole.
func TestOneSessionOnManyConnections(t *testing.T) {
	const conns, rounds = 8, 50
	b := start(t)
	s := newSessionClient(t, b, 12)
	s.topic("t", 4)
	s.send(s.request(want{"t", 0, 0}, want{"t", 1, 0}))
	var mu sync.Mutex
	winners := map[int32]int{}
	var all sync.WaitGroup
	for i := range int32(conns) {
		c := &sessionClient{Client: b.Dial(), t: t, version: 12, id: s.id, epoch: 1}
		all.Go(func() {
			for c.epoch <= rounds {
				req := c.request(want{"t", i % 4, 0})
				if c.epoch%3 == 0 {
					c.forget(req, "t", (i+1)%4)
				}
				switch resp := c.Request(req).(*kmsg.FetchResponse); resp.ErrorCode {
				case 0:
					mu.Lock()
					winners[c.epoch]++
					mu.Unlock()
				case 71:
				default:
					t.Errorf("error code %d", resp.ErrorCode)
				}
				c.epoch++
			}
		})
	}
	all.Wait()
	for epoch, n := range winners {
		if n != 1 {
			t.Errorf("epoch %d was answered %d times", epoch, n)
		}
	}
	if n := b.Server().FetchSessions(); n.Sessions != 1 || n.Partitions < 1 || n.Partitions > 4 {
		t.Errorf("counted %+v", n)
	}
}

// A fetch that is parked when another one changes its session is refused, even
// where that other one comes to nothing: what it read is not what the session
// holds now. And what it held is given back.
func TestAParkedFetchOfASessionThatChanges(t *testing.T) {
	for name, change := range map[string]func(*kmsg.FetchRequest){
		"too large": func(req *kmsg.FetchRequest) {
			for p := range int32(200) {
				addFetch(req, "b", p, 0)
			}
		},
		"forgotten": func(req *kmsg.FetchRequest) {
			f := kmsg.NewFetchRequestForgottenTopic()
			f.Topic, f.Partitions = "a", []int32{0}
			req.ForgottenTopics = append(req.ForgottenTopics, f)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, map[string]string{"moldau.fetch.sessions.bytes.max": "20000"})
			c := b.Dial()
			createTopic(c, t, "a", 1)
			s := newSessionClient(t, b, 12)
			s.id, s.epoch = s.Request(s.request(want{"a", 0, int64(0)})).(*kmsg.FetchResponse).SessionID, 1
			parked := s.request()
			parked.MaxWaitMillis = 60_000
			id := s.Send(parked)
			for b.Server().FetchWaits().Bytes == 0 { // until it waits
			}
			other := &sessionClient{Client: b.Dial(), t: t, version: 12, id: s.id, epoch: 2}
			req := other.request()
			change(req)
			other.Request(req)
			mustProduce(c, t, "a", 0, plain(t))
			if resp := s.Receive(parked, id).(*kmsg.FetchResponse); resp.ErrorCode != kerr.InvalidFetchSessionEpoch.Code || len(resp.Topics) != 0 {
				t.Errorf("%+v", resp)
			}
			for b.Server().FetchWaits().Bytes != 0 { // given back behind the answer
			}
		})
	}
}

// Versions before sessions say nothing of one, and end none.
func TestOldFetchesEndNoSession(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "a", 1)
	s := newSessionClient(t, b, 12)
	s.id, s.epoch = s.Request(s.request(want{"a", 0, int64(0)})).(*kmsg.FetchResponse).SessionID, 1
	for range 20 {
		fetch(c, fetchFrom(4, "a", 0, 0))
	}
	if resp := s.Request(s.request()).(*kmsg.FetchResponse); resp.ErrorCode != 0 {
		t.Errorf("error code %d", resp.ErrorCode)
	}
}
