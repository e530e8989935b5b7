package limit

import (
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"moldau/zerocopy/nowait"
)

// socket reads from and writes to a connection by bare system calls, of which the
// runtime is not told where they are short, and waits in the network poller while
// nothing is there, and while there is no room. One goroutine uses it.
type socket struct {
	raw syscall.RawConn
	// Made once, for a closure a call would be an allocation.
	readReady, writeReady, sendfileReady func(fd uintptr) bool

	in     []byte // to be read into
	n      int    // that were
	filled bool   // the last read was: more is there

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
	s.readReady, s.writeReady, s.sendfileReady = s.readSome, s.writeSome, s.sendfileSome
	return s, nil
}

// more is known to who reads: what arrived is taken by one read.
func (s *socket) more() bool { return false }

// Read reads what is there, once something is.
func (s *socket) Read(b []byte) (int, error) {
	if s.in = b; !s.filled { // as much as may be taken without telling the runtime
		s.in = b[:min(len(b), nowait.BytesMax)]
	}
	if s.n, s.err = 0, nil; len(b) == 0 {
		return 0, nil
	}
	if err := s.raw.Read(s.readReady); err != nil {
		return 0, err
	}
	s.filled = s.n == len(s.in)
	if s.n == 0 && s.err == nil {
		return 0, io.EOF
	}
	return s.n, os.NewSyscallError("recvfrom", s.err)
}

func (s *socket) readSome(fd uintptr) bool {
	for {
		switch s.n, s.err = nowait.Recv(fd, s.in); s.err {
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			return true
		}
	}
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
		n, err := nowait.Send(fd, s.b, s.flags)
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
