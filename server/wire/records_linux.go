package wire

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// recordBytes are read at once where requests are large: four records of full size.
const recordBytes = bufferBytesMin << 4

// recordReader is the socket beneath a connection of TLS. It reads ahead into a buffer
// that is lent while anything is in it, and tells before it waits. Whoever reads the
// connection uses it.
type recordReader struct {
	net.Conn
	raw   syscall.RawConn
	ready func(fd uintptr) bool // tryRead, made once: a closure a call would be an allocation

	pool    *bufferPool // nil until a Server has the connection: nothing is read ahead
	budget  *budget
	bytes   int        // to read at once
	w       peerWaiter // nil once it was told
	refused error      // what it said: nothing more is read

	buf    []byte // lent
	lo, hi int    // in it, what was not taken yet

	// Of the call that runs.
	b   []byte
	n   int
	err error
}

// newRecordReader returns nil where the connection is not a socket itself. What is
// written goes to out.
func newRecordReader(nc net.Conn, out *recordWriter) *recordReader {
	var raw syscall.RawConn
	var err error
	switch socket := nc.(type) {
	case *net.TCPConn:
		raw, err = socket.SyscallConn()
	case *net.UnixConn:
		raw, err = socket.SyscallConn()
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	r := &recordReader{Conn: out, raw: raw}
	r.ready = r.tryRead
	return r
}

// Read reads what is there, once something is.
func (r *recordReader) Read(b []byte) (int, error) {
	if r.lo == r.hi {
		r.b, r.n, r.err = b, 0, nil
		err := r.raw.Read(r.ready)
		if r.b = nil; err != nil {
			return 0, err
		}
		if r.buf == nil {
			return r.n, r.err
		}
	}
	n := copy(b, r.buf[r.lo:r.hi])
	if r.lo += n; r.lo == r.hi {
		r.release()
	}
	return n, nil
}

// tryRead reports false to wait until something has arrived.
func (r *recordReader) tryRead(fd uintptr) bool {
	b := r.b
	if len(b) < r.bytes && r.budget.lend(int64(r.bytes)) {
		r.buf = r.pool.get(r.bytes)
		b = r.buf
	}
	for {
		n, err := unix.Read(int(fd), b)
		switch {
		case err == unix.EINTR:
			continue
		case n > 0 && r.buf != nil:
			r.lo, r.hi = 0, n
			return true
		case n > 0:
			r.n = n
			return true
		}
		r.release()
		r.err = nothingRead(n, err, &r.w)
		if err == unix.EAGAIN {
			r.refused = r.err
		}
		return r.err != nil
	}
}

// SyscallConn is the socket's, for who asks whether the peer is gone.
func (r *recordReader) SyscallConn() (syscall.RawConn, error) { return r.raw, nil }

// release gives the buffer back, with whatever is in it.
func (r *recordReader) release() {
	if r.buf != nil {
		r.budget.giveBack(int64(len(r.buf)))
		r.pool.put(r.buf)
	}
	r.buf, r.lo, r.hi = nil, 0, 0
}
