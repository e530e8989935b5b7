package wire

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// gatheredBytesMin is what is gathered from: less fits into one record.
	gatheredBytesMin = 1 << 10
	// gatheredBytesMax is what of records is gathered: those of as much as is sent at a
	// time.
	gatheredBytesMax = 33 << 10
	// ownRecordTimeout is how long a peer may take to take a record that nobody wrote, as
	// long as it has for a reply by default: what writes replies may have set its deadline
	// just before.
	ownRecordTimeout = 2 * time.Minute
	// closingTimeout is what is left of that, and of telling the peer, once it is closed.
	closingTimeout = 5 * time.Second
)

var gatheredBuffers = sync.Pool{New: func() any { return new([gatheredBytesMax]byte) }}

// recordWriter is the socket beneath a connection of TLS. Go's library makes a write
// for each record; here those of one Write above it leave together.
type recordWriter struct {
	net.Conn
	closing atomic.Bool

	mu        sync.Mutex // held while the peer does not read
	replying  bool       // a Write above runs
	gathering bool
	buf       *[gatheredBytesMax]byte // nil while nothing is gathered
	gathered  int
	failed    error // nothing may follow what has left in part
}

// begin tells that a Write above begins, and whether what is written waits for its end.
func (w *recordWriter) begin(gather bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replying, w.gathering = true, gather
}

// end writes what was gathered.
func (w *recordWriter) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replying, w.gathering = false, false
	return w.writeGathered()
}

// Write is called by who writes above, and by who reads there: to answer a peer that
// renews its keys.
func (w *recordWriter) Write(b []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gathered+len(b) > gatheredBytesMax {
		if err := w.writeGathered(); err != nil {
			return 0, err
		}
	}
	if w.failed != nil {
		return 0, w.failed
	}
	if !w.gathering || len(b) > gatheredBytesMax {
		return w.writeNow(b)
	}
	if w.buf == nil {
		w.buf = gatheredBuffers.Get().(*[gatheredBytesMax]byte)
	}
	w.gathered += copy(w.buf[w.gathered:], b)
	return len(b), nil
}

// writeNow writes b. A record of the library's own has a deadline of its own: the one
// that is set, if any, is the last reply's, and may have passed long ago.
func (w *recordWriter) writeNow(b []byte) (n int, err error) {
	if !w.replying { // to set a deadline fails on a closed connection only, as the write will
		w.Conn.SetWriteDeadline(time.Now().Add(ownRecordTimeout))
		if w.closing.Load() { // looked at last: who closes sets it before
			w.Conn.SetWriteDeadline(time.Now().Add(closingTimeout))
		}
	}
	n, w.failed = w.Conn.Write(b)
	return n, w.failed
}

func (w *recordWriter) writeGathered() error {
	if w.buf == nil || w.failed != nil {
		return w.failed
	}
	_, w.failed = w.Conn.Write(w.buf[:w.gathered])
	gatheredBuffers.Put(w.buf)
	w.buf, w.gathered = nil, 0
	return w.failed
}
