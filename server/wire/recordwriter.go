package wire

import (
	"errors"
	"net"
	"os"
	"sync"
)

// gatheredBytesMax is what of records is gathered: those of as much as is sent at a time.
const gatheredBytesMax = 33 << 10

var gatheredBuffers = sync.Pool{New: func() any { return new([gatheredBytesMax]byte) }}

// recordWriter is the socket beneath a connection of TLS. Go's library makes a write
// for each record; here those of one Write above it leave together.
type recordWriter struct {
	net.Conn

	mu        sync.Mutex // held while the peer does not read
	gathering bool
	buf       *[gatheredBytesMax]byte // nil while nothing is gathered
	gathered  int
	failed    error // nothing may follow what has left in part
}

// gather has what is written wait for flush.
func (w *recordWriter) gather() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gathering = true
}

// flush writes what was gathered, and has the next be written at once.
func (w *recordWriter) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gathering = false
	return w.writeGathered(false)
}

// Write is called by who writes above, and by who reads there: to answer a peer that
// renews its keys, without a deadline of its own. Where that of the last answer has
// passed, it leaves with the next.
func (w *recordWriter) Write(b []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gathered+len(b) > gatheredBytesMax {
		if err := w.writeGathered(false); err != nil {
			return 0, err
		}
	}
	if w.failed != nil {
		return 0, w.failed
	}
	if len(b) > gatheredBytesMax {
		n, w.failed = w.Conn.Write(b)
		return n, w.failed
	}
	if w.buf == nil {
		w.buf = gatheredBuffers.Get().(*[gatheredBytesMax]byte)
	}
	w.gathered += copy(w.buf[w.gathered:], b)
	if w.gathering {
		return len(b), nil
	}
	if err := w.writeGathered(true); err != nil {
		return 0, err
	}
	return len(b), nil
}

// writeGathered writes what was gathered, or keeps it where a deadline has passed
// before any of it left. The caller holds w.mu.
func (w *recordWriter) writeGathered(keep bool) error {
	if w.buf == nil || w.failed != nil {
		return w.failed
	}
	n, err := w.Conn.Write(w.buf[:w.gathered])
	if n == 0 && keep && errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	w.failed = err
	gatheredBuffers.Put(w.buf)
	w.buf, w.gathered = nil, 0
	return err
}
