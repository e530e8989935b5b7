package wire

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// queuedBytesMax is what replies of one connection that wait for earlier ones
// may hold before its next request is left unread. A client that pipelines large
// requests gets one response beyond it; small ones, as produce and fetch have,
// do not come near.
const queuedBytesMax = 64 << 10

// replyQueue hands replies from the reading goroutine to the writing one, in the
// order of the requests. Who asks for much and does not read is not read from
// any more: what it asks next would otherwise be answered into memory.
//
// A channel would do, but is made at its full size: that is more than all else
// that a connection without requests holds.
type replyQueue struct {
	repliesMax int
	all        *replyBudget
	bytes      atomic.Int64  // held by what is queued
	stuck      atomic.Bool   // the peer does not take what is being sent
	room       chan struct{} // told when those fell, or the queue is full no more
	more       chan struct{} // told when there is a reply again, or none will be

	mu     sync.Mutex
	list   replyList
	closed bool
}

// replyBudget is what the replies of all connections hold together that are queued,
// or not taken by the peer.
type replyBudget struct {
	max   int64
	bytes atomic.Int64
}

// pending is a reply on its way to the writing goroutine.
type pending struct {
	correlationID int32
	key           int16         // of the API
	began         time.Duration // when the request was there, of the server's time
	reply         Reply

	// A Response that did not say what it holds is encoded when it is queued, in
	// place of the Response: encoded it takes a fraction, and that is known.
	frame []byte
	err   error // of encoding
	bytes int64
}

func (q *replyQueue) init(repliesMax int, all *replyBudget) {
	q.repliesMax, q.all = repliesMax, all
	q.room, q.more = make(chan struct{}, 1), make(chan struct{}, 1)
}

// full tells whether the replies hold so much that the next request must wait, or
// the peer does not take those before. Where all connections' are too much, it is those
// with replies that wait, until theirs are done with: one that has none always gets on.
func (q *replyQueue) full() bool {
	own := q.bytes.Load()
	return own > queuedBytesMax || own > 0 && (q.stuck.Load() || q.all.bytes.Load() > q.all.max)
}

// put queues a reply and returns when the next request may be read. Nothing is
// read until then, not even that the peer is gone, so look, which does, is called
// again and again: the reply at the head may wait for as long as the client
// asked for. It tells whether the next request had to wait.
func (q *replyQueue) put(p pending, every time.Duration, look func()) (waited bool) {
	q.count(&p)
	queued := q.push(&p, q.repliesMax)
	if queued && !q.full() {
		return false
	}
	probe := time.NewTicker(every)
	defer probe.Stop()
	for !queued || q.full() {
		select {
		case <-q.room:
		case <-probe.C:
			look()
		}
		queued = queued || q.push(&p, q.repliesMax)
	}
	return true
}

// add is put for who must not wait, whatever there is room for.
func (q *replyQueue) add(p pending) {
	q.count(&p)
	q.push(&p, math.MaxInt)
}

// count finds out what the reply holds, and counts it: before it can be taken off.
func (q *replyQueue) count(p *pending) {
	p.pack()
	q.bytes.Add(p.bytes)
	q.all.bytes.Add(p.bytes)
}

// push tells whether there was a place for the reply among so many.
func (q *replyQueue) push(p *pending, repliesMax int) bool {
	q.mu.Lock()
	if q.list.replies >= repliesMax {
		q.mu.Unlock()
		return false
	}
	q.list.push(p)
	first := q.list.replies == 1
	q.mu.Unlock()
	if first {
		tell(q.more)
	}
	return true
}

// take waits for the next reply. It returns false when the queue is closed and
// there is none.
func (q *replyQueue) take(p *pending) bool {
	for {
		q.mu.Lock()
		if q.list.replies > 0 {
			full := q.list.replies >= q.repliesMax
			q.list.pop(p)
			q.mu.Unlock()
			if full {
				tell(q.room)
			}
			return true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return false
		}
		<-q.more
	}
}

// isEmpty is asked by the writing goroutine.
func (q *replyQueue) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.list.replies == 0
}

// close is called by the reading goroutine when it queues no more.
func (q *replyQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	tell(q.more)
}

// tell leaves word for the one goroutine that looks again when it gets it. Word
// that is there already is as good.
func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// done is called by the writing goroutine when it holds nothing of p any more.
func (q *replyQueue) done(p *pending) {
	if p.bytes == 0 {
		return
	}
	q.bytes.Add(-p.bytes)
	q.all.bytes.Add(-p.bytes)
	tell(q.room)
}

// pack finds out what the reply holds.
func (p *pending) pack() {
	p.bytes = p.reply.HeldBytes
	resp := p.reply.Response
	if _, sections := resp.(*FetchResponse); resp == nil || sections || p.bytes > 0 {
		return
	}
	p.frame, p.err = encodeFrame(p.correlationID, resp)
	p.bytes = int64(cap(p.frame))
	p.reply = Reply{}
}

func encodeFrame(correlationID int32, resp Response) (frame []byte, err error) {
	defer recoverAs(&err)
	frame = resp.AppendTo(appendHeader(nil, correlationID, resp))
	return frame, finishFrame(frame, 0, 0)
}
