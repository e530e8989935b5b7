package api_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"moldau/logstore/record"
	"moldau/server/servertest"
)

// model is what a broker with fetch sessions must answer, in the plainest way.
// Every record is a batch of size bytes; limits are whole batches.
type model struct {
	t     *testing.T
	c     *servertest.Client
	run   int
	batch record.Batch

	logs     map[modelKey]*modelLog // by name and by id
	ids      map[string][16]byte    // of the topics there are
	gone     [][16]byte
	sessions map[int32]*modelSession
	opened   []int32 // keys of sessions, in the order of their making: they are drawn from it
	closed   []int32
}

type modelKey struct {
	name      string
	id        [16]byte
	partition int32
}

type modelLog struct{ start, end int64 }

type modelSession struct {
	version int16
	epoch   int32
	order   []*modelPartition
}

type modelPartition struct {
	key               modelKey
	offset            int64
	batches           int64 // that it may return
	toldHW, toldStart int64
}

// answer is what is said of one partition.
type modelAnswer struct {
	key       modelKey
	code      int16
	hw, start int64
	batches   int64
}

const modelPartitions = 2

func (m *model) topic(n int) string { return fmt.Sprintf("m%d-%d", m.run, n) }

func (m *model) create(name string) {
	id := createTopic(m.c, m.t, name, modelPartitions)
	m.ids[name] = id
	for n := range int32(modelPartitions) {
		log := new(modelLog)
		m.logs[modelKey{name: name, partition: n}] = log
		m.logs[modelKey{id: id, partition: n}] = log
	}
}

// read is one pass over partitions.
func (m *model) read(version int16, order []*modelPartition, limit int64) (all []modelAnswer) {
	for _, p := range order {
		a := modelAnswer{key: p.key, hw: -1, start: -1}
		log := m.logs[p.key]
		topic := p.key
		topic.partition = 0
		switch {
		case log == nil && version >= 13 && m.logs[topic] == nil:
			a.code = 100
		case log == nil:
			a.code = 3
		case p.offset < log.start || p.offset > log.end:
			a.code = 1
		default:
			a.hw, a.start = log.end, log.start
			available := log.end - p.offset
			a.batches = min(available, max(0, min(p.batches, limit)))
			if first := !slices.ContainsFunc(all, func(a modelAnswer) bool { return a.batches > 0 }); first && available > 0 {
				a.batches = max(a.batches, 1)
			}
			limit -= a.batches
		}
		all = append(all, a)
	}
	return all
}

// tell is the session's part of an answer: who is told, and the new order.
func (s *modelSession) tell(all []modelAnswer) (told []modelAnswer) {
	var stay, moved []*modelPartition
	for i, p := range s.order {
		a := all[i]
		if a.code != 0 || a.batches > 0 || a.hw != p.toldHW || a.start != p.toldStart {
			told = append(told, a)
		}
		p.toldHW, p.toldStart = a.hw, a.start
		if a.batches > 0 {
			moved = append(moved, p)
		} else {
			stay = append(stay, p)
		}
	}
	s.order = append(stay, moved...)
	return told
}

// merge adds what a request names to an order: the last mention counts.
func merge(order, named []*modelPartition) []*modelPartition {
	for _, n := range named {
		if i := slices.IndexFunc(order, func(p *modelPartition) bool { return p.key == n.key }); i >= 0 {
			order[i].offset, order[i].batches = n.offset, n.batches
			continue
		}
		added := *n
		added.toldHW, added.toldStart = -1, -1
		order = append(order, &added)
	}
	return order
}

// fetch sends a request and compares the answer with the model's.
func (m *model) fetch(t *rapid.T, version int16, id, epoch int32, named []*modelPartition, forgotten []modelKey) {
	limit := rapid.SampledFrom([]int64{0, 1, 3, 100}).Draw(t, "limit")
	code, session, want := m.expect(version, id, epoch, named, forgotten, limit)
	resp := m.c.Request(m.request(version, id, epoch, named, forgotten, limit)).(*kmsg.FetchResponse)
	if session < 0 && resp.SessionID > 0 && m.sessions[resp.SessionID] == nil { // a new one
		s := &modelSession{version: version, epoch: 1, order: merge(nil, named)}
		for i, p := range s.order { // the answer that opens a session moves nobody
			p.toldHW, p.toldStart = want[i].hw, want[i].start
		}
		session = resp.SessionID
		m.sessions[session], m.opened = s, append(m.opened, session)
	}
	got := m.flat(t, version, resp)
	if resp.ErrorCode != code || resp.SessionID != session || !slices.Equal(got, want) {
		t.Fatalf("version %d, session %d, epoch %d: error code %d, session %d, told\n%+v\nwant error code %d, session %d\n%+v",
			version, id, epoch, resp.ErrorCode, resp.SessionID, got, code, session, want)
	}
}

// expect is what must be answered; session -1 stands for a new one.
func (m *model) expect(version int16, id, epoch int32, named []*modelPartition, forgotten []modelKey, limit int64) (code int16, session int32, want []modelAnswer) {
	if epoch == 0 || epoch == -1 {
		m.close(id)
		return 0, -1 - epoch, m.read(version, merge(nil, named), limit)
	}
	s := m.sessions[id]
	switch {
	case s == nil:
		return 70, 0, nil
	case s.epoch != epoch:
		return 71, 0, nil
	case (s.version >= 13) != (version >= 13):
		return 106, 0, nil
	}
	s.order = slices.DeleteFunc(merge(s.order, named), func(p *modelPartition) bool { return slices.Contains(forgotten, p.key) })
	if len(s.order) == 0 {
		m.close(id)
		return 0, 0, m.read(version, merge(nil, named), limit)
	}
	s.epoch++
	return 0, id, s.tell(m.read(version, s.order, limit))
}

func (m *model) close(id int32) {
	if m.sessions[id] != nil {
		delete(m.sessions, id)
		m.opened = slices.DeleteFunc(m.opened, func(open int32) bool { return open == id })
		m.closed = append(m.closed, id)
	}
}

func (m *model) request(version int16, id, epoch int32, named []*modelPartition, forgotten []modelKey, limit int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.SessionID, req.SessionEpoch = version, id, epoch
	req.MaxBytes = int32(limit) * int32(len(m.batch))
	for _, n := range named {
		p := addFetch(req, n.key.name, n.key.partition, n.offset)
		p.PartitionMaxBytes = int32(n.batches) * int32(len(m.batch))
		req.Topics[len(req.Topics)-1].TopicID = n.key.id
	}
	for _, key := range forgotten {
		f := kmsg.NewFetchRequestForgottenTopic()
		f.Topic, f.TopicID, f.Partitions = key.name, key.id, []int32{key.partition}
		req.ForgottenTopics = append(req.ForgottenTopics, f)
	}
	return req
}

func (m *model) flat(t *rapid.T, version int16, resp *kmsg.FetchResponse) (all []modelAnswer) {
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			if p.RecordBatches == nil || len(p.RecordBatches)%len(m.batch) != 0 {
				t.Fatalf("%d bytes of records, null %t", len(p.RecordBatches), p.RecordBatches == nil)
			}
			all = append(all, modelAnswer{
				key: modelKey{topic.Topic, topic.TopicID, p.Partition}, code: p.ErrorCode,
				hw: p.HighWatermark, start: p.LogStartOffset, batches: int64(len(p.RecordBatches) / len(m.batch)),
			})
		}
	}
	return all
}

func (m *model) drawKey(t *rapid.T, version int16) modelKey {
	key := modelKey{partition: rapid.Int32Range(0, modelPartitions).Draw(t, "partition")}
	key.name = m.topic(rapid.IntRange(0, 2).Draw(t, "topic"))
	if version < 13 {
		return key
	}
	id, there := m.ids[key.name]
	if !there || len(m.gone) > 0 && rapid.IntRange(0, 5).Draw(t, "gone") == 0 {
		id = [16]byte{1}
		if len(m.gone) > 0 {
			id = m.gone[rapid.IntRange(0, len(m.gone)-1).Draw(t, "which")]
		}
	}
	return modelKey{id: id, partition: key.partition}
}

func (m *model) drawNamed(t *rapid.T, version int16, most int) (named []*modelPartition) {
	for range rapid.IntRange(0, most).Draw(t, "named") {
		named = append(named, &modelPartition{
			key:     m.drawKey(t, version),
			offset:  rapid.Int64Range(0, 6).Draw(t, "offset"),
			batches: rapid.SampledFrom([]int64{0, 1, 2, 100}).Draw(t, "batches"),
		})
	}
	return named
}

func drawVersion(t *rapid.T) int16 {
	return rapid.SampledFrom([]int16{7, 12, 13, 18}).Draw(t, "version")
}

func (m *model) open(t *rapid.T) {
	version := drawVersion(t)
	named := m.drawNamed(t, version, 20)
	id := int32(0)
	if len(m.opened) >= 3 {
		id = m.opened[0]
	}
	m.fetch(t, version, id, rapid.SampledFrom([]int32{0, 0, 0, -1}).Draw(t, "epoch"), named, nil)
}

func (m *model) goOn(t *rapid.T) {
	if len(m.opened) == 0 {
		t.Skip("no session")
	}
	id := m.opened[rapid.IntRange(0, len(m.opened)-1).Draw(t, "session")]
	s := m.sessions[id]
	version, epoch := s.version, s.epoch
	switch rapid.IntRange(0, 12).Draw(t, "mistake") {
	case 0:
		epoch += rapid.SampledFrom([]int32{-5, 1, 7}).Draw(t, "epochs")
	case 1:
		version = drawVersion(t)
	case 2:
		if len(m.closed) > 0 {
			id = m.closed[rapid.IntRange(0, len(m.closed)-1).Draw(t, "closed")]
		}
	}
	var forgotten []modelKey
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 2, 9}).Draw(t, "forgotten") {
		forgotten = append(forgotten, m.drawKey(t, version))
	}
	m.fetch(t, version, id, epoch, m.drawNamed(t, version, 3), forgotten)
}

func (m *model) drawLog(t *rapid.T) (string, int32, *modelLog) {
	name := m.topic(rapid.IntRange(0, 2).Draw(t, "topic"))
	n := rapid.Int32Range(0, modelPartitions-1).Draw(t, "partition")
	log := m.logs[modelKey{name: name, partition: n}]
	if log == nil {
		t.Skip("no topic")
	}
	return name, n, log
}

func (m *model) produce(t *rapid.T) {
	name, n, log := m.drawLog(t)
	mustProduce(m.c, m.t, name, n, slices.Clone(m.batch))
	log.end++
}

func (m *model) trim(t *rapid.T) {
	name, n, log := m.drawLog(t)
	log.start = rapid.Int64Range(log.start, log.end).Draw(t, "start")
	if p := deleteRecords(m.c, 2, name, n, log.start); p.ErrorCode != 0 {
		t.Fatalf("delete records: error code %d", p.ErrorCode)
	}
}

func (m *model) toggle(t *rapid.T) {
	name := m.topic(rapid.IntRange(0, 2).Draw(t, "topic"))
	id, there := m.ids[name]
	if !there {
		m.create(name)
		return
	}
	if rapid.IntRange(0, 3).Draw(t, "delete") > 0 {
		t.Skip("topics live for a while")
	}
	deleteTopic(m.c, m.t, name)
	for n := range int32(modelPartitions) {
		delete(m.logs, modelKey{name: name, partition: n})
		delete(m.logs, modelKey{id: id, partition: n})
	}
	delete(m.ids, name)
	m.gone = append(m.gone, id)
}

func TestFetchSessionsAreAsInTheModel(t *testing.T) {
	c := start(t).Dial()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := &model{t: t, c: c, run: run, batch: plain(t), logs: map[modelKey]*modelLog{}, ids: map[string][16]byte{}, sessions: map[int32]*modelSession{}}
		m.create(m.topic(0))
		m.create(m.topic(1))
		rt.Repeat(map[string]func(*rapid.T){
			"open": m.open, "go on": m.goOn, "go on again": m.goOn, "and again": m.goOn,
			"produce": m.produce, "produce again": m.produce, "trim": m.trim, "toggle": m.toggle,
		})
		for name := range m.ids {
			deleteTopic(c, t, name)
		}
		for id := range m.sessions {
			c.Request(m.request(12, id, -1, nil, nil, 0))
		}
	})
}
