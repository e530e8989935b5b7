package api

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/server/replica"
	"moldau/server/wire"
)

// When a producer wants its answer.
const (
	acksNone   int16 = 0  // never
	acksLeader int16 = 1  // once it is written
	acksAll    int16 = -1 // once consumers can see it
)

// syncPatience is how long a producer of acks=all waits at least for the sync
// that makes its batch durable, however short its own timeout. In Kafka that
// timeout is about other replicas: alone in sync it has nothing to wait for, and
// clients send 0. To tell them before the sync that the batch is safe would be a
// lie, and to tell them that it timed out makes them send it again.
const syncPatience = 30 * time.Second

// adminClientID is the client id that may write to internal topics.
const adminClientID = "__admin_client"

// production is one Produce request under way. Its memory serves many requests.
type production struct {
	b        *Broker
	joint    *joint // that it is appended with; nil: it is by itself
	req      wire.ProduceRequest
	resp     *produceResponse
	conn     *wire.Conn
	waiting  []appended
	timeout  time.Duration
	late     *time.Timer // after timeout, while parked
	failed   error       // the first partition's error, for acks=0
	unfolded int64       // what the request takes beside its frame

	// The two functions of a parked reply, made once for all requests that this
	// memory will serve.
	parkFunc  func(context.Context) (wire.Response, error)
	readyFunc func() bool
}

// appended is a batch in a log whose producer waits for it to become visible.
type appended struct {
	log    *logstore.Log
	last   int64
	answer *produced
}

func newProduction(b *Broker) *production {
	p := &production{b: b, late: time.NewTimer(0)}
	p.late.Stop()
	p.parkFunc, p.readyFunc = p.park, p.ready
	return p
}

// produce appends batches.
func (b *Broker) produce(_ context.Context, r *wire.Request) (wire.Reply, error) {
	p, err := b.begin(r)
	if err != nil {
		return wire.Reply{}, err
	}
	p.appendAll(r)
	return p.reply()
}

// begin makes a production of a request.
func (b *Broker) begin(r *wire.Request) (*production, error) {
	p := b.productions.Get().(*production)
	err := p.req.Parse(r.Version, r.Body)
	if p.unfolded = p.unfolds(); err == nil && p.unfolded > unfoldedFree {
		err = r.Reserve(p.unfolded)
	}
	if err != nil {
		p.req.LetGo()
		p.recycle()
		return nil, err
	}
	p.timeout = max(time.Duration(p.req.TimeoutMs)*time.Millisecond, syncPatience)
	return p, nil
}

// unfoldedFree is what a request may take beside its frame, and is not counted.
const unfoldedFree = 64 << 10

// unfolds is about what the request takes beside its frame: for each of its topics and
// partitions more than these may have on the wire, and copies of names.
func (p *production) unfolds() (bytes int64) {
	if id := p.req.TransactionalID; id != nil {
		bytes = int64(len(*id))
	}
	for i := range p.req.Topics {
		t := &p.req.Topics[i]
		bytes += int64(len(t.Name)) + int64(unsafe.Sizeof(wire.ProduceTopic{})+unsafe.Sizeof(producedTopic{})) +
			int64(len(t.Partitions))*int64(unsafe.Sizeof(wire.ProducePartition{})+unsafe.Sizeof(produced{}))
	}
	return bytes
}

// reply is what is answered once all was appended. An error, of acks=0 only, ends the
// connection.
func (p *production) reply() (wire.Reply, error) {
	acks, resp, failed := p.req.Acks, p.resp, p.failed
	p.req.LetGo() // the frame is not counted any more when the handler has returned
	switch {
	case acks == acksNone:
		p.recycle()
		if failed != nil {
			// The producer gets no answer that could tell it, so it is told by the
			// connection, as Kafka does.
			return wire.Reply{}, fmt.Errorf("produce with acks=0: %w", failed)
		}
		return wire.Reply{}, nil
	case acks != acksAll || p.ready():
		p.recycle()
		return wire.Reply{Response: resp, HeldBytes: resp.heldBytes()}, nil
	}
	held := resp.heldBytes() + int64(cap(p.waiting))*int64(unsafe.Sizeof(appended{}))
	return wire.Reply{Park: p.parkFunc, Ready: p.readyFunc, HeldBytes: held}, nil
}

func (p *production) appendAll(r *wire.Request) {
	p.conn = r.Conn
	p.resp = &produceResponse{version: r.Version, topics: make([]producedTopic, len(p.req.Topics))}
	n := 0
	for i := range p.req.Topics {
		n += len(p.req.Topics[i].Partitions)
	}
	answers := make([]produced, n)
	for i := range p.req.Topics {
		asked := &p.req.Topics[i]
		n := len(asked.Partitions)
		p.resp.topics[i] = producedTopic{name: asked.Name, id: asked.ID, partitions: answers[:n:n]}
		topic, code := p.b.producedTopic(r, asked)
		for j := range asked.Partitions {
			answers[j] = produced{partition: asked.Partitions[j].Partition, baseOffset: -1, appendTimeMs: -1, startOffset: -1}
			if code != 0 {
				p.refuseWith(code, &answers[j])
				continue
			}
			p.append(topic, asked.Partitions[j].Records, &answers[j])
		}
		answers = answers[n:]
	}
}

func (b *Broker) producedTopic(r *wire.Request, asked *wire.ProduceTopic) (*replica.Topic, int16) {
	var topic *replica.Topic
	var ok bool
	unknown := kerr.UnknownTopicOrPartition.Code
	if r.Version >= 13 {
		topic, ok = b.Replicas.TopicByID(asked.ID)
		unknown = kerr.UnknownTopicID.Code
	} else {
		topic, ok = b.Replicas.Topic(asked.Name)
	}
	switch {
	case !ok:
		return nil, unknown
	case topic.Internal && r.ClientID != adminClientID:
		return nil, kerr.InvalidTopicException.Code
	}
	return topic, 0
}

func (p *production) append(t *replica.Topic, records []byte, answer *produced) {
	partition, ok := t.Partition(answer.partition)
	code := kerr.UnknownTopicOrPartition.Code
	if ok {
		code = checkBatch(p.resp.version, &p.req, records)
	}
	if code != 0 {
		p.refuseWith(code, answer)
		return
	}
	if p.joint != nil {
		p.joint.add(partition, jointBatch{p, answer, records})
		return
	}
	a, log, err := partition.Append(records)
	p.appended(partition, answer, log, a, err)
}

// appended fills the answer for a batch that a log was asked to take.
func (p *production) appended(partition *replica.Partition, answer *produced, log *logstore.Log, a logstore.Appended, err error) {
	if err != nil {
		p.refuse(partition, answer, err)
		return
	}
	if partition.Appends.Over() {
		p.b.Logger.Info("partition takes records again", "partition", partition.Name().String())
	}
	answer.baseOffset, answer.appendTimeMs, answer.startOffset = a.First, a.TimestampMs, a.Start
	if p.req.Acks == acksAll {
		p.waiting = append(p.waiting, appended{log: log, last: a.Last, answer: answer})
	}
}

// checkBatch is what Kafka checks before it hands records to a log: one batch
// a partition, of magic 2, of a codec that the version knows. All that lies in
// the batch is the log's to check. Kafka drops an incomplete second batch
// without a word; here it is an error, because somebody meant it to be kept.
func checkBatch(version int16, req *wire.ProduceRequest, records []byte) int16 {
	if req.Acks < acksAll || req.Acks > acksLeader {
		return kerr.InvalidRequiredAcks.Code
	}
	batch := record.Batch(records)
	switch {
	case len(records) < record.HeaderBytes, batch.Magic() == 0, batch.Magic() == 1, batch.Size() != len(records):
		return kerr.InvalidRecord.Code
	case batch.Magic() != 2:
		return kerr.CorruptMessage.Code
	case batch.BaseOffset() != 0:
		return kerr.InvalidRecord.Code
	case version < 7 && batch.Codec() == record.Zstd:
		return kerr.UnsupportedCompressionType.Code
	case batch.Transactional() && req.TransactionalID == nil:
		return kerr.TransactionalIDAuthorizationFailed.Code
	case batch.Transactional():
		return kerr.InvalidTxnState.Code // there is no coordinator that could end it
	}
	return 0
}

// refuseWith fills the answer for a batch that no log was asked to take.
func (p *production) refuseWith(code int16, answer *produced) {
	answer.code = code
	p.fail(kerr.ErrorForCode(code))
}

// refuse fills the answer for a batch that the log did not take.
func (p *production) refuse(partition *replica.Partition, answer *produced, err error) {
	p.fail(err)
	answer.code = errorCode(err)
	if bad, ok := errors.AsType[*logstore.RecordError](err); ok {
		answer.message = &bad.Reason
		if bad.Index >= 0 {
			answer.refused = []refusedRecord{{int32(bad.Index), bad.Reason}}
		}
	}
	switch answer.code {
	case kerr.KafkaStorageError.Code:
		// Whoever took a partition offline said so.
		if !errors.Is(err, replica.ErrOffline) && partition.Appends.Begins() {
			p.b.Logger.Error("partition takes no records", "partition", partition.Name().String(), "err", err)
		}
	case kerr.NotLeaderForPartition.Code:
		leader, epoch := partition.Leader()
		answer.currentLeader = &wire.LeaderEpoch{LeaderID: leader, Epoch: epoch}
		p.resp.endpoints = p.b.withEndpoint(p.resp.endpoints, p.conn, leader)
	}
}

func (p *production) fail(err error) {
	if p.failed == nil {
		p.failed = err
	}
}

// ready tells whether everything appended is visible to consumers.
func (p *production) ready() bool {
	for i := range p.waiting {
		if w := &p.waiting[i]; w.log.Offset(logstore.HighWatermark) <= w.last {
			return false
		}
	}
	return true
}

// park waits until consumers can see what was appended: it survives then what
// the topic's durability says. A duplicate waits exactly as the original did.
func (p *production) park(ctx context.Context) (wire.Response, error) {
	defer p.recycle()
	resp := p.resp
	if p.ready() {
		p.b.errors.count(keyProduce, resp)
		return resp, nil
	}
	p.late.Reset(p.timeout)
	defer p.late.Stop()
	for i := range p.waiting {
		w := &p.waiting[i]
		err := w.log.WaitUntil(ctx, p.late.C, logstore.HighWatermark, w.last+1)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, context.DeadlineExceeded) {
			p.late.Reset(0) // the time of the others is up as well
		}
		// The batch keeps its offsets: after a timeout it may become durable yet.
		w.answer.code = errorCode(err)
	}
	p.b.errors.count(keyProduce, resp)
	return resp, nil
}

// How much memory of one request is kept for the next.
const (
	waitingMax   = 1024
	unfoldedKept = 256 << 10 // bytes
)

func (p *production) recycle() {
	if cap(p.waiting) > waitingMax || p.unfolded > unfoldedKept {
		return
	}
	clear(p.waiting)
	p.waiting, p.joint, p.resp, p.conn, p.failed = p.waiting[:0], nil, nil, nil, nil
	p.b.productions.Put(p)
}
