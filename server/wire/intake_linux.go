package wire

import (
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"moldau/zerocopy/nowait"
)

// socketReader reads a socket, and tells before it waits.
type socketReader struct {
	in  *intake
	raw syscall.RawConn

	// Method values, made once: a closure a call would be an allocation.
	fillReady, readReady func(fd uintptr) bool

	// Of the call that runs.
	w     peerWaiter // nil once it was told
	parts [2][]byte
	n     int
	err   error

	calls uint // of recv
}

// newSocketReader returns nil where the connection is not a socket itself: what
// wraps one may have to see every byte.
func newSocketReader(nc net.Conn, in *intake) *socketReader {
	var conn syscall.Conn
	switch c := nc.(type) {
	case *net.TCPConn:
		conn = c
	case *net.UnixConn:
		conn = c
	default:
		return nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil // closed: a read tells so, in its own words
	}
	r := &socketReader{in: in, raw: raw}
	r.fillReady, r.readReady = r.tryFill, r.tryRead
	return r
}

func (r *socketReader) fill(w peerWaiter) error {
	_, err := r.run(w, r.fillReady)
	return err
}

func (r *socketReader) read(b []byte, w peerWaiter) (int, error) {
	r.parts[0] = b
	n, err := r.run(w, r.readReady)
	r.parts = [2][]byte{}
	return n, err
}

func (r *socketReader) run(w peerWaiter, ready func(fd uintptr) bool) (int, error) {
	r.w, r.n, r.err = w, 0, nil
	if err := r.raw.Read(ready); err != nil {
		return 0, err
	}
	return r.n, r.err
}

// tryFill reports false to wait until something has arrived.
func (r *socketReader) tryFill(fd uintptr) bool {
	in := r.in
	in.front()
	for {
		n, err := r.recv(fd, in.buf[in.hi:])
		if err == unix.EINTR {
			continue
		}
		if n > 0 {
			in.hi += n
			r.n = n
			return true
		}
		return r.ended(n, err)
	}
}

// recv tells the runtime of one call in 64: it shall hear of a peer that always has
// another request.
func (r *socketReader) recv(fd uintptr, b []byte) (int, error) {
	if r.calls++; r.calls%64 == 0 {
		return unix.Read(int(fd), b)
	}
	return nowait.Recv(fd, b)
}

// tryRead reports false to wait until something has arrived.
func (r *socketReader) tryRead(fd uintptr) bool {
	in := r.in
	in.front()
	r.parts[1] = in.buf
	for {
		n, err := unix.Readv(int(fd), r.parts[:])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			return r.ended(n, err)
		}
		r.n = min(n, len(r.parts[0]))
		if in.hi = n - r.n; in.hi == 0 {
			in.release()
		}
		return true
	}
}

// ended is what a call comes to that read nothing. It reports false to wait.
func (r *socketReader) ended(n int, err error) bool {
	r.in.rest()
	r.err = nothingRead(n, err, &r.w)
	return r.err != nil
}

// nothingRead is the error of a call that read nothing, nil to wait. The peerWaiter is
// told here, once, between a read and the wait for what comes after it, and may send and
// move deadlines: to wait right away for what an earlier call did not find could miss
// what came between.
func nothingRead(n int, err error, w *peerWaiter) error {
	switch {
	case err == nil && n == 0:
		return io.EOF
	case err != unix.EAGAIN:
		return os.NewSyscallError("read", err)
	case *w == nil:
		return nil
	}
	told := *w
	*w = nil
	return told.mayWait()
}
