package zerocopy

import (
	"net"
	"syscall"
)

// NewWaitingSender is a sender that calls wait, with how much memory it has gathered
// bytes in, in place of waiting for room.
func NewWaitingSender(nc net.Conn, wait func(held int)) *Sender {
	s := NewSender(nc)
	s.socket.raw = waitingConn{s.socket.raw, func() { wait(len(s.buf)) }}
	return s
}

type waitingConn struct {
	syscall.RawConn
	wait func()
}

func (c waitingConn) Write(ready func(fd uintptr) bool) error {
	return c.RawConn.Write(func(fd uintptr) bool {
		for !ready(fd) {
			c.wait()
		}
		return true
	})
}
