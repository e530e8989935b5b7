package api

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/fuzz/mutate"
	"moldau/fuzz/target"
	"moldau/logstore"
	"moldau/server/replica"
	"moldau/server/wire"
)

func TestMain(m *testing.M) {
	code := m.Run()
	target.Flush()
	os.Exit(code)
}

func TestSoak(t *testing.T) { target.Soak(t, []*target.Target{sessions}) }

// FuzzFetchSession has clients open fetch sessions, go on with them, leave them, make
// mistakes, and ask before they are answered, while partitions change, time passes and
// there is room for few. What reads logs is left out: the target says what was read. It
// holds the rest to a naive model of clients and of the cache:
//
//   - A session reads what its client asked for last, of each partition that was named
//     and not forgotten since, those that had records behind the others.
//   - An answer tells of a partition if it has records or an error, or if what the
//     client was told last is not what is: so the client knows of all that a fetch
//     without session would tell. It tells nothing else.
//   - A wrong epoch is error 71, a session that is not there 70, one that names topics
//     in the other way 106; and so is 71 an answer that another request has overtaken.
//   - Sessions are as many, of as many partitions and bytes, as the limits allow; who
//     makes room for whom is as a list of all sessions says, looked through each time.
func FuzzFetchSession(f *testing.F) { sessions.Fuzz(f) }

var sessions = target.New("FuzzFetchSession", func() ([]target.Seed, error) {
	return []target.Seed{
		{Program: []byte{2, 3, 0, 3, 0, 9, 5, 17, 5, 33, 2, 6, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 1, 1, 2, 3, 6, 0, 0, 0, 0}},
		{Program: []byte{0, 0, 0, 1, 9, 3, 0, 1, 17, 5, 4, 7, 0, 2, 18, 3, 4, 9, 0, 0, 0, 2, 9, 0, 0, 12, 0, 0, 0, 13, 1, 0, 13, 0}},
		{Program: []byte{1, 1, 3, 1, 2, 1, 9, 3, 0, 2, 1, 9, 4, 9, 2, 9, 3, 0, 5, 7, 8, 9, 10, 11, 12, 3, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}},
	}, nil
}, func(t testing.TB, _, program []byte) target.Class {
	p := mutate.NewProgram(program[:min(len(program), 300)])
	m := newSessionsModel(t, p)
	for range p.Below(4) {
		m.ask(0, newSession, p.One(2), m.named(9), nil)
		m.answer(0)
	}
	for steps := 0; p.More() && steps < 60; steps++ {
		m.step()
		m.checkStats()
	}
	for len(m.asked) > 0 {
		m.answer(0)
	}
	m.checkStats()
	switch {
	case m.wentOn > 0:
		return target.Accepted
	case m.created > 0:
		return target.Deep
	}
	return target.Early
})

// sessionsModel is a broker of which only the sessions are real, and what they are held
// to.
type sessionsModel struct {
	t      testing.TB
	p      *mutate.Program
	b      *Broker
	now    time.Time
	nextID uint32

	read  map[partitionKey]*readState // what a read finds, by name and by id
	open  []*sessionModel             // the least recently used first
	gone  []*sessionModel
	asked []*askedModel // and not answered yet

	created, refused, evicted, incremental int64
	wentOn                                 int
}

// readState is what reading a partition comes to.
type readState struct {
	highWatermark, lastStable, start int64
	code                             int16
}

// sessionModel is a session as its client and a naive cache know it.
type sessionModel struct {
	id        int32
	byID      bool
	epoch     int32
	order     []*partitionModel
	peak      int
	createdAt time.Time
	usedAt    time.Time
	aged      bool // it was used when it was two minutes old
	size      sessionSize
}

type partitionModel struct {
	key   partitionKey
	asked asking
	told  *readState // nil for nothing yet
}

// askedModel is a request that was begun.
type askedModel struct {
	f       *fetching
	session *sessionModel // that it goes on with
	epoch   int32         // of the request
	full    []*partitionModel
	opens   bool
	byID    bool
}

const (
	fuzzTopics     = 3
	fuzzPartitions = 3
)

func newSessionsModel(t testing.TB, p *mutate.Program) *sessionsModel {
	m := &sessionsModel{t: t, p: p, now: time.UnixMilli(1_700_000_000_000), read: map[partitionKey]*readState{}}
	o := Options{Replicas: replica.New(replica.Options{}), Clock: m, FetchSessionsMax: 4 - p.Below(20)%5, FetchSessionsBytesMax: []int64{1 << 20, 4000, 2000}[p.Below(3)]}
	o.Rand = func(b []byte) { // comes to ids that are taken, and to none
		m.nextID++
		binary.BigEndian.PutUint32(b, m.nextID*5%11)
	}
	m.b = &Broker{Options: o, sessions: newFetchSessions(o)}
	for topic := range byte(fuzzTopics) {
		for n := range int32(fuzzPartitions) {
			s := new(readState)
			m.read[partitionKey{topicKey{name: fmt.Sprint("topic", topic)}, n}] = s
			m.read[partitionKey{topicKey{id: [16]byte{1, topic}}, n}] = s
		}
	}
	return m
}

// Now is the time that the cache goes by.
func (m *sessionsModel) Now() time.Time { return m.now }

func (m *sessionsModel) step() {
	p := m.p
	switch p.Byte() % 16 {
	case 0, 1:
		m.move(m.read[m.key(p.One(2))])
	case 2:
		m.now = m.now.Add(time.Duration(p.Byte()%16) * 20 * time.Second)
	case 3, 4:
		id := int32(0)
		if p.One(4) {
			id = m.anyID()
		}
		m.ask(id, newSession, p.One(2), m.named(9), nil)
		m.answerSoon()
	case 5:
		m.ask(m.anyID(), noSession, p.One(2), m.named(4), nil)
		m.answerSoon()
	case 14, 15:
		if len(m.asked) > 0 {
			m.answer(p.Below(len(m.asked)))
		}
	default:
		m.goOn()
		m.answerSoon()
	}
}

// answerSoon answers the newest request, mostly, and else leaves it for later.
func (m *sessionsModel) answerSoon() {
	if !m.p.One(8) || len(m.asked) > 3 {
		m.answer(len(m.asked) - 1)
	}
}

func (m *sessionsModel) move(s *readState) {
	switch kind := m.p.Byte(); kind % 8 {
	case 0, 1, 2:
		s.highWatermark += int64(kind / 8 % 4)
	case 3:
		s.lastStable = s.highWatermark
	case 4:
		s.start = min(s.start+1, s.highWatermark)
	case 5:
		s.code = int16(kind / 8 % 3)
	default:
		s.highWatermark++
		s.lastStable = s.highWatermark
	}
}

func (m *sessionsModel) key(byID bool) partitionKey {
	b := m.p.Byte()
	key := partitionKey{topicKey{id: [16]byte{1, b % fuzzTopics}}, int32(b / 16 % fuzzPartitions)}
	if !byID {
		key.topic = topicKey{name: fmt.Sprint("topic", b%fuzzTopics)}
	}
	return key
}

// named draws what a request names; of topics by name, for the caller to change.
func (m *sessionsModel) named(most int) (all []*partitionModel) {
	n, b := m.p.Below(most), m.p.Byte()
	for range n {
		key := partitionKey{topicKey{name: fmt.Sprint("topic", b%fuzzTopics)}, int32(b / 16 % fuzzPartitions)}
		all = append(all, &partitionModel{key: key, asked: asking{int64(b % 8), int32(b / 8 % 4), -1, -1}})
		b = b*5 + 37
	}
	return all
}

func (m *sessionsModel) anyID() int32 {
	all := slices.Concat(m.open, m.gone)
	if len(all) == 0 {
		return int32(m.p.Byte())
	}
	return all[m.p.Below(len(all))].id
}

func (m *sessionsModel) goOn() {
	if len(m.open) == 0 {
		return
	}
	s := m.open[m.p.Below(len(m.open))]
	id, epoch, byID := s.id, s.epoch, s.byID
	switch m.p.Byte() % 24 {
	case 0:
		epoch += int32(m.p.Below(5)) - 2
	case 1:
		byID = !byID
	case 2:
		id = m.anyID()
	}
	if epoch == newSession || epoch == noSession {
		epoch = 99
	}
	named := m.named(4)
	var forgotten []partitionKey
	for range max(m.p.Below(8)-4, 0) {
		forgotten = append(forgotten, m.key(byID))
	}
	m.ask(id, epoch, byID, named, forgotten)
}

// ask begins a request.
func (m *sessionsModel) ask(id, epoch int32, byID bool, named []*partitionModel, forgotten []partitionKey) {
	f := newFetching(m.b)
	f.req.Version, f.resp.Version = 12, 12
	if byID {
		f.req.Version, f.resp.Version = 13, 13
	}
	f.req.SessionID, f.req.SessionEpoch = id, epoch
	for _, n := range named {
		if byID {
			n.key.topic = topicKey{id: [16]byte{1, n.key.topic.name[5] - '0'}}
		}
		topic := kmsg.NewFetchRequestTopic()
		topic.Topic, topic.TopicID = n.key.topic.name, n.key.topic.id
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = n.key.partition, n.asked.offset, n.asked.bytesMax
		p.CurrentLeaderEpoch, p.LastFetchedEpoch = n.asked.leaderEpoch, n.asked.lastEpoch
		if last := len(f.req.Topics) - 1; last >= 0 && f.req.Topics[last].Topic == topic.Topic && f.req.Topics[last].TopicID == topic.TopicID {
			f.req.Topics[last].Partitions = append(f.req.Topics[last].Partitions, p)
			continue
		}
		topic.Partitions = append(topic.Partitions, p)
		f.req.Topics = append(f.req.Topics, topic)
	}
	for _, key := range forgotten {
		topic := kmsg.NewFetchRequestForgottenTopic()
		topic.Topic, topic.TopicID, topic.Partitions = key.topic.name, key.topic.id, []int32{key.partition}
		f.req.ForgottenTopics = append(f.req.ForgottenTopics, topic)
	}
	a, code := m.expect(id, epoch, byID, named, forgotten)
	a.f = f
	if err := f.begin(new(wire.Request)); err != nil {
		m.t.Fatal(err)
	}
	if f.resp.ErrorCode != code {
		m.t.Fatalf("session %d, epoch %d: error %d, want %d", id, epoch, f.resp.ErrorCode, code)
	}
	if code != 0 {
		a.full, a.session, a.opens = nil, nil, false
	}
	m.asked = append(m.asked, a)
}

// expect is what becomes of a request's beginning.
func (m *sessionsModel) expect(id, epoch int32, byID bool, named []*partitionModel, forgotten []partitionKey) (a *askedModel, code int16) {
	a = &askedModel{epoch: epoch, byID: byID}
	i := slices.IndexFunc(m.open, func(s *sessionModel) bool { return s.id == id })
	if epoch == newSession || epoch == noSession {
		if i >= 0 {
			m.drop(i)
		}
		a.opens, a.full = epoch == newSession, addNamed(nil, named)
		return a, 0
	}
	if i < 0 {
		return a, 70
	}
	s := m.open[i]
	switch {
	case s.epoch != epoch:
		return a, 71
	case s.byID != byID:
		return a, 106
	}
	s.order = addNamed(s.order, named)
	s.peak = max(s.peak, len(s.order))
	s.order = slices.DeleteFunc(s.order, func(p *partitionModel) bool { return slices.Contains(forgotten, p.key) })
	if len(s.order) < s.peak/4 {
		s.peak = len(s.order)
	}
	s.epoch++
	if len(s.order) == 0 {
		m.drop(i)
		a.full = addNamed(nil, named)
		return a, 0
	}
	m.open = append(slices.Delete(m.open, i, i+1), s)
	s.usedAt = m.now
	size := s.sizeNow()
	if more := size.bytes - s.size.bytes; more > 0 && !m.makeMemory(more) {
		m.drop(len(m.open) - 1)
		m.evicted++
		return a, 70
	}
	s.size, s.aged = size, s.aged || m.now.Sub(s.createdAt) > sessionSafeTime
	m.incremental++
	m.wentOn++
	a.session = s
	return a, 0
}

// addNamed adds what is named to an order: the last mention counts, where the first is.
func addNamed(order, named []*partitionModel) []*partitionModel {
	for _, n := range named {
		if i := slices.IndexFunc(order, func(p *partitionModel) bool { return p.key == n.key }); i >= 0 {
			order[i].asked = n.asked
			continue
		}
		order = append(order, &partitionModel{key: n.key, asked: n.asked})
	}
	return order
}

func (s *sessionModel) sizeNow() sessionSize {
	names := 0
	for _, p := range s.order {
		names += len(p.key.topic.name)
	}
	return sessionSize{len(s.order), int64(sessionBytes + sessionPartitionBytes*len(s.order) + names + sessionPlaceBytes*s.peak)}
}

func (m *sessionsModel) drop(i int) {
	m.gone = append(m.gone, m.open[i])
	m.open = slices.Delete(m.open, i, i+1)
}

func (m *sessionsModel) bytes() (all int64) {
	for _, s := range m.open {
		all += s.size.bytes
	}
	return all
}

func (m *sessionsModel) evictIdle() bool {
	if len(m.open) == 0 || m.now.Sub(m.open[0].usedAt) <= sessionSafeTime {
		return false
	}
	m.drop(0)
	m.evicted++
	return true
}

func (m *sessionsModel) makeMemory(bytes int64) bool {
	for m.bytes()+bytes > m.b.FetchSessionsBytesMax {
		if bytes > m.b.FetchSessionsBytesMax || !m.evictIdle() {
			return false
		}
	}
	return true
}

// makeRoom is Kafka's rule, by a look at all sessions.
func (m *sessionsModel) makeRoom(size sessionSize) bool {
	if m.b.FetchSessionsMax == 0 || !m.makeMemory(size.bytes) {
		return false
	}
	if len(m.open) < m.b.FetchSessionsMax || m.evictIdle() {
		return true
	}
	smallest := -1
	for i, s := range m.open {
		if !s.aged {
			continue
		}
		if o := smallest; o < 0 || s.size.partitions < m.open[o].size.partitions || s.size.partitions == m.open[o].size.partitions && s.id < m.open[o].id {
			smallest = i
		}
	}
	if smallest < 0 || m.open[smallest].size.partitions >= size.partitions {
		return false
	}
	m.drop(smallest)
	m.evicted++
	return true
}

// answer answers a request that was begun, with what a read finds now.
func (m *sessionsModel) answer(i int) {
	if i < 0 {
		return
	}
	a := m.asked[i]
	m.asked = slices.Delete(m.asked, i, i+1)
	f := a.f
	if f.resp.ErrorCode != 0 {
		f.recycle()
		return
	}
	order := a.full
	if a.session != nil {
		order = a.session.order
	}
	overtaken := a.session != nil && a.session.epoch != a.epoch+1
	if !overtaken {
		m.sameReads(f, order)
	}
	m.fill(f)
	resp := f.answer()
	switch {
	case overtaken:
		if resp.ErrorCode != 71 || len(resp.Topics) > 0 {
			m.t.Fatalf("a request of epoch %d, overtaken, is answered %d with %d topics", a.epoch, resp.ErrorCode, len(resp.Topics))
		}
	case a.session != nil:
		m.sameAnswer(resp, a.session.tell(m.read), a.session.id)
	default:
		for _, p := range order {
			p.told = m.read[p.key].copy()
		}
		m.sameAnswer(resp, order, m.opened(a, order))
	}
	f.recycle()
}

// opened is the id of the session that an answer opens, 0 for none.
func (m *sessionsModel) opened(a *askedModel, order []*partitionModel) int32 {
	if !a.opens {
		return 0
	}
	s := &sessionModel{byID: a.byID, epoch: 1, order: order, peak: len(order), createdAt: m.now, usedAt: m.now}
	s.size = s.sizeNow()
	if !m.makeRoom(s.size) {
		m.refused++
		return 0
	}
	s.id = a.f.resp.SessionID
	if s.id <= 0 || slices.ContainsFunc(m.open, func(o *sessionModel) bool { return o.id == s.id }) {
		m.t.Fatalf("session %d, beside %d others", s.id, len(m.open))
	}
	m.created++
	m.gone = slices.DeleteFunc(m.gone, func(o *sessionModel) bool { return o.id == s.id })
	m.open = append(m.open, s)
	return s.id
}

func (r *readState) copy() *readState {
	if r.code != 0 {
		return &readState{-1, -1, -1, r.code}
	}
	c := *r
	return &c
}

// records tells whether a read of a partition finds any.
func (r *readState) records(a asking) bool {
	return r.code == 0 && a.offset < r.highWatermark && a.bytesMax > 0
}

// tell is who is told, and has those that had records go behind the others.
func (s *sessionModel) tell(read map[partitionKey]*readState) (told []*partitionModel) {
	var stay, moved []*partitionModel
	for _, p := range s.order {
		is := read[p.key].copy()
		records := read[p.key].records(p.asked)
		if p.told == nil || *p.told != *is || is.code != 0 || records {
			told = append(told, p)
		}
		if p.told = is; records {
			moved = append(moved, p)
		} else {
			stay = append(stay, p)
		}
	}
	s.order = append(stay, moved...)
	return told
}

// fill says what was read.
func (m *sessionsModel) fill(f *fetching) {
	for i := range f.reads {
		r := &f.reads[i]
		is := m.read[r.key].copy()
		f.answers[i] = wire.FetchPartition{
			Partition: r.key.partition, ErrorCode: is.code, HighWatermark: is.highWatermark, LastStable: is.lastStable, LogStart: is.start, PreferredReadReplica: -1,
		}
		r.fetch = logstore.Fetch{}
		if is.code == 0 {
			f.answers[i].Records = &r.fetch
		}
		if m.read[r.key].records(r.asked) {
			r.fetch.Bytes = 70
		}
	}
}

func (m *sessionsModel) sameReads(f *fetching, order []*partitionModel) {
	if len(f.reads) != len(order) {
		m.t.Fatalf("%d partitions are read, want %d", len(f.reads), len(order))
	}
	for i, p := range order {
		if f.reads[i].key != p.key || f.reads[i].asked != p.asked {
			m.t.Fatalf("read %d is %v %+v, want %v %+v", i, f.reads[i].key, f.reads[i].asked, p.key, p.asked)
		}
	}
}

func (m *sessionsModel) sameAnswer(resp *wire.FetchResponse, told []*partitionModel, id int32) {
	i := 0
	for _, topic := range resp.Topics {
		for _, got := range topic.Partitions {
			if i == len(told) {
				m.t.Fatalf("%v, partition %d is told of, and need not be", topic, got.Partition)
			}
			want := told[i]
			i++
			if want.key != (partitionKey{topicKey{topic.Name, topic.ID}, got.Partition}) || *want.told != (readState{got.HighWatermark, got.LastStable, got.LogStart, got.ErrorCode}) ||
				hasRecords(&got) != m.read[want.key].records(want.asked) {
				m.t.Fatalf("answer %d is %v %+v, want %v %+v", i, topic, got, want.key, *want.told)
			}
		}
	}
	if i != len(told) || resp.ErrorCode != 0 || resp.SessionID != id {
		m.t.Fatalf("%d partitions are told of, session %d, error %d, want %d, session %d", i, resp.SessionID, resp.ErrorCode, len(told), id)
	}
}

func (m *sessionsModel) checkStats() {
	want := FetchSessionStats{Sessions: int64(len(m.open)), Bytes: m.bytes(), Created: m.created, Refused: m.refused, Evicted: m.evicted, Incremental: m.incremental}
	for _, s := range m.open {
		want.Partitions += int64(s.size.partitions)
	}
	if got := m.b.FetchSessions(); got != want {
		m.t.Fatalf("sessions are %+v, want %+v", got, want)
	}
	if want.Bytes > m.b.FetchSessionsBytesMax || len(m.open) > m.b.FetchSessionsMax {
		m.t.Fatalf("%+v, allowed are %d, %d bytes", want, m.b.FetchSessionsMax, m.b.FetchSessionsBytesMax)
	}
}
