package wire

import (
	"net"
	"syscall"
)

// NewWaitingFrameReader is a frame reader of a socket that calls wait in place of
// waiting for the peer.
func NewWaitingFrameReader(nc net.Conn, p *FramePool, o *Options, wait func()) *FrameReader {
	r := NewFrameReader(nc, p, o)
	socket := r.frames.in.socket
	socket.raw = waitingConn{socket.raw, wait}
	return r
}

type waitingConn struct {
	syscall.RawConn
	wait func()
}

func (c waitingConn) Read(ready func(fd uintptr) bool) error {
	return c.RawConn.Read(func(fd uintptr) bool {
		for !ready(fd) {
			c.wait()
		}
		return true
	})
}
