package vfs

import (
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// iovMax is Linux's UIO_MAXIOV, the most buffers one call takes.
const iovMax = 1024

// pwritevCall is one call of pwritev. It is pooled with its closure, because
// a closure made per write would be an allocation per append. The iovecs need
// no pool: unix.Pwritev keeps up to 8 on the stack.
type pwritevCall struct {
	bufs [][]byte
	off  int64
	n    int
	err  error
	run  func(fd uintptr)
}

var pwritevCalls = sync.Pool{New: func() any {
	c := new(pwritevCall)
	c.run = func(fd uintptr) {
		for {
			c.n, c.err = unix.Pwritev(int(fd), c.bufs, c.off)
			if c.err != unix.EINTR {
				return
			}
		}
	}
	return c
}}

// vectorWriter is osFile's part in writevAt; no file system writes short on
// request, so the test of that has another.
type vectorWriter interface {
	io.WriterAt
	// pwritev makes one system call.
	pwritev(bufs [][]byte, off int64) (n int, err error)
}

// writevAt writes with one pwritev for every iovMax buffers. What a short
// write leaves of a buffer goes by pwrite, as bufs must not be changed.
func writevAt(w vectorWriter, bufs [][]byte, off int64) (n int, err error) {
	for len(bufs) > 0 {
		chunk := bufs[:min(len(bufs), iovMax)]
		wrote, err := w.pwritev(chunk, off+int64(n))
		n += wrote
		if err != nil {
			return n, err
		}
		done := 0
		for done < len(chunk) && wrote >= len(chunk[done]) {
			wrote -= len(chunk[done])
			done++
		}
		if done < len(chunk) {
			rest, err := w.WriteAt(chunk[done][wrote:], off+int64(n))
			n += rest
			if err != nil {
				return n, err
			}
			done++
		}
		bufs = bufs[done:]
	}
	return n, nil
}

func (f *osFile) pwritev(bufs [][]byte, off int64) (int, error) {
	c := pwritevCalls.Get().(*pwritevCall)
	c.bufs, c.off, c.n, c.err = bufs, off, 0, nil
	err := f.control(c.run)
	if err == nil {
		err = c.err
	}
	n := max(c.n, 0) // the system call's -1
	c.bufs = nil
	pwritevCalls.Put(c)
	return n, err
}
