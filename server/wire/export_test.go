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

// ParseHeader parses a frame without its length.
func ParseHeader(frame []byte) (*Request, error) {
	r := new(Request)
	return r, parseHeader(r, frame, "")
}

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
