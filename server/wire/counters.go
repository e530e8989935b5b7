package wire

import "sync/atomic"

// Counters are what a [Server] did since it was made, but for Connections,
// InFlightBytes and ReplyBytes, which are as of now.
type Counters struct {
	Connections    int64 // open now
	Accepted       int64 // connections
	Refused        int64 // connections above a limit
	RefusedPerAddr int64 // those of them above the limit of their address
	Delayed        int64 // connections that came faster than they are accepted

	// Connections that ended because their peer did nothing, or not enough.
	Idle             int64 // no request for too long
	StalledSending   int64 // in the middle of a request
	StalledReading   int64 // did not take a response
	HandshakesFailed int64 // of TLS
	InFlightBytes    int64 // that requests being received and served hold now
	WaitedForMemory  int64 // times that a request waited for others to give theirs back
	ReplyBytes       int64 // that replies hold now which wait
	WaitedForRoom    int64 // times that a request was left unread for replies: too many of its connection, or too much held

	Frames        int64 // requests received
	Rejected      int64 // requests that ended their connection
	BytesIn       int64 // frames with their length fields
	BytesOut      int64 // by all paths
	SendfileBytes int64 // of records, from file to socket by the kernel
	CopiedBytes   int64 // of records, through a buffer
}

type counters struct {
	accepted, refused, refusedPerAddr, delayed    atomic.Int64
	idle, stalledSending, stalledReading          atomic.Int64
	handshakesFailed                              atomic.Int64
	waitedForMemory, waitedForRoom                atomic.Int64
	frames, rejected                              atomic.Int64
	bytesIn, bytesOut, sendfileBytes, copiedBytes atomic.Int64
}

// Counters returns a snapshot; its fields are read one after the other.
func (s *Server) Counters() Counters {
	s.mu.Lock()
	open := int64(len(s.conns))
	s.mu.Unlock()
	c := &s.counters
	return Counters{
		Connections:      open,
		Accepted:         c.accepted.Load(),
		Refused:          c.refused.Load(),
		RefusedPerAddr:   c.refusedPerAddr.Load(),
		Delayed:          c.delayed.Load(),
		Idle:             c.idle.Load(),
		StalledSending:   c.stalledSending.Load(),
		StalledReading:   c.stalledReading.Load(),
		HandshakesFailed: c.handshakesFailed.Load(),
		InFlightBytes:    s.budget.held(),
		WaitedForMemory:  c.waitedForMemory.Load(),
		ReplyBytes:       s.replies.bytes.Load(),
		WaitedForRoom:    c.waitedForRoom.Load(),
		Frames:           c.frames.Load(),
		Rejected:         c.rejected.Load(),
		BytesIn:          c.bytesIn.Load(),
		BytesOut:         c.bytesOut.Load(),
		SendfileBytes:    c.sendfileBytes.Load(),
		CopiedBytes:      c.copiedBytes.Load(),
	}
}
