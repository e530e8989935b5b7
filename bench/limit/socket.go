package limit

import (
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket writes to a connection by bare system calls, and waits in the network
// poller while there is no room.
type socket struct {
	raw syscall.RawConn
	// Made once, for a closure a call would be an allocation.
	writeReady, sendfileReady func(fd uintptr) bool

	b     []byte // still to be written
	flags int
	file  int // descriptor
	at    int64
	left  int // of file, still to be sent
	err   error
}

func newSocket(nc *net.TCPConn) (*socket, error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{raw: raw}
	s.writeReady, s.sendfileReady = s.writeSome, s.sendfileSome
	return s, nil
}

// write writes b; more tells that what follows may share its last packet.
func (s *socket) write(b []byte, more bool) error {
	if len(b) == 0 {
		return nil
	}
	s.b, s.flags, s.err = b, unix.MSG_NOSIGNAL, nil
	if more {
		s.flags |= unix.MSG_MORE
	}
	if err := s.raw.Write(s.writeReady); err != nil {
		return err
	}
	return os.NewSyscallError("sendto", s.err)
}

func (s *socket) writeSome(fd uintptr) bool {
	for len(s.b) > 0 {
		n, err := unix.SendmsgN(int(fd), s.b, nil, nil, s.flags)
		switch err {
		case nil:
			s.b = s.b[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			s.err = err
			return true
		}
	}
	return true
}

func (s *socket) sendfile(f *os.File, at int64, bytes int) error {
	s.file, s.at, s.left, s.err = int(f.Fd()), at, bytes, nil
	if err := s.raw.Write(s.sendfileReady); err != nil {
		return err
	}
	return os.NewSyscallError("sendfile", s.err)
}

func (s *socket) sendfileSome(fd uintptr) bool {
	for s.left > 0 {
		n, err := unix.Sendfile(int(fd), s.file, &s.at, s.left)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false
		case err != nil:
			s.err = err
			return true
		case n == 0:
			s.err = io.ErrUnexpectedEOF
			return true
		default:
			s.left -= n
		}
	}
	return true
}
