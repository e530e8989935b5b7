package wire

import (
	"fmt"
	"net"
	"time"
)

// Walk is the guard without the decoding: how many bytes are left behind what
// it takes for the body, and what it expects decoding to allocate.
func (r *Request) Walk() (rest int, heapBytes int64, err error) {
	g := guard{c: cursor{b: r.Body}, flexible: isFlexible(r.Key, r.Version)}
	g.field(schemaOf(r.Key, r.Version))
	if g.c.bad {
		return 0, 0, fmt.Errorf("%w: too short", ErrMalformed)
	}
	return len(g.c.b), g.heapBytes, nil
}

// Steps is how many fields and tags the guard looks at.
func (r *Request) Steps() int64 {
	g := guard{c: cursor{b: r.Body}, flexible: isFlexible(r.Key, r.Version)}
	g.field(schemaOf(r.Key, r.Version))
	return g.steps
}

// ParseHeader parses a frame without its length.
func ParseHeader(frame []byte) (*Request, error) {
	r := new(Request)
	return r, parseHeader(r, frame, "")
}

// ErrPeerClosed tells, itself and not wrapped, of a peer that left between frames.
var ErrPeerClosed = errPeerClosed

// FrameReader reads frames and their headers, as a connection's goroutine does.
type FrameReader struct {
	frames frameReader
	client string
	frame  []byte
}

// FramePool is the buffers of some frame readers.
type FramePool struct{ pool bufferPool }

// NewFrameReader reads off nc. Buffers that come back are written over.
func NewFrameReader(nc net.Conn, p *FramePool, o *Options) *FrameReader {
	p.pool.poison = 0xdb
	b := newBudget(o.InFlightBytesMax)
	return &FrameReader{frames: frameReader{
		nc: nc, in: newIntake(nc, &p.pool, b), pool: &p.pool, limit: o, held: reservation{budget: b},
		beforeWait: func() error { return nil }, afterWait: func() {},
	}}
}

// Next gives back the frame before, and reads the next one and its header. Body is
// valid until the call after.
func (f *FrameReader) Next() (*Request, error) {
	f.Release()
	size, err := f.frames.await(func() bool { return true })
	if err != nil {
		return nil, err
	}
	if f.frame, err = f.frames.read(size); err != nil {
		return nil, err
	}
	r := new(Request)
	err = parseHeader(r, f.frame, f.client)
	f.client = r.ClientID
	return r, err
}

// Release gives back the frame.
func (f *FrameReader) Release() {
	f.frames.release(f.frame)
	f.frame = nil
}

// HeldBytes is what the frame being read, or the last one, holds.
func (f *FrameReader) HeldBytes() int64 { return f.frames.held.budget.held() }

// PoisonBuffers is called before the server serves.
func (s *Server) PoisonBuffers(b byte) { s.pool.poison = b }

// ProbePeersEvery is called before the server serves.
func (s *Server) ProbePeersEvery(d time.Duration) { s.probeInterval = d }

// HeldBytes is what all requests in flight hold.
func (s *Server) HeldBytes() int64 { return s.budget.held() }

// TakeTurns takes turns of a rate at times after its making, and returns how long
// each is away.
func TakeTurns(perSecond int, at ...time.Duration) (waits []time.Duration) {
	began := time.Unix(0, 0)
	r := newRate(perSecond, began)
	for _, d := range at {
		waits = append(waits, r.take(began.Add(d)))
	}
	return waits
}

// PeerClosed is what a full connection asks.
func PeerClosed(nc net.Conn) bool { return peerClosed(nc) }

// ReplyQueue is a connection's, by itself.
type ReplyQueue struct {
	q   replyQueue
	all replyBudget
}

// NewReplyQueue has room for so many replies.
func NewReplyQueue(repliesMax int) *ReplyQueue {
	q := &ReplyQueue{all: replyBudget{max: 1 << 30}}
	q.q.init(repliesMax, &q.all)
	return q
}

// Put queues a reply, and tells whether it had to wait.
func (q *ReplyQueue) Put(correlationID int32) (waited bool) {
	return q.q.put(pending{correlationID: correlationID}, time.Minute, func() {})
}

// Take waits for a reply. It returns false when there will be none.
func (q *ReplyQueue) Take() (correlationID int32, ok bool) {
	var p pending
	ok = q.q.take(&p)
	return p.correlationID, ok
}

// Close is called by who puts.
func (q *ReplyQueue) Close() { q.q.close() }
