package zerocopy

import (
	"io"
	"net"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"moldau/zerocopy/nowait"
)

// sendfileCallMax bounds one sendfile call. A peer that reads as fast as we
// write would otherwise keep the call going for a whole answer, and the
// scheduler has to find another thread for everybody else meanwhile.
const sendfileCallMax = 2 << 20

// socket writes to a stream socket through the network poller. The standard
// library has a sendfile too, behind io.Copy, but that one starts at the file's
// own position, which all connections that read the file would share.
type socket struct {
	raw syscall.RawConn

	// Method values, made once: a closure per call would allocate.
	writeReady, tryReady, roomReady, sendfileReady func(fd uintptr) bool

	// Of the call that runs.
	b      []byte // still to be written
	flags  int
	fileFD int
	offset int64 // of the next byte to send from the file
	left   int   // bytes still to be sent from the file
	calls  int
	err    error

	ahead readAhead

	poll [1]unix.PollFd
}

// newSocket returns nil where w is not a stream socket.
func newSocket(w io.Writer) *socket {
	var conn syscall.Conn
	switch c := w.(type) {
	case *net.TCPConn:
		conn = c
	case *net.UnixConn:
		conn = c
	default:
		return nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil // closed or never opened: Write tells so, in its own words
	}
	k := &socket{raw: raw}
	k.writeReady = k.writeUntilFull
	k.tryReady = k.tryWrite
	k.roomReady = k.hasRoom
	k.sendfileReady = k.sendfileUntilFull
	return k
}

// write writes b, or without wait what there is room for; more keeps the kernel
// from sending a last, short packet yet.
func (k *socket) write(b []byte, more, wait bool) (n, calls int, err error) {
	k.b, k.calls, k.err = b, 0, nil
	k.flags = unix.MSG_NOSIGNAL
	if more {
		k.flags |= unix.MSG_MORE
	}
	ready := k.writeReady
	if !wait {
		ready = k.tryReady
	}
	err = k.raw.Write(ready)
	if err == nil {
		err = k.err
	}
	n = len(b) - len(k.b)
	k.b = nil
	return n, k.calls, err
}

// tryWrite never waits.
func (k *socket) tryWrite(fd uintptr) bool {
	k.writeUntilFull(fd)
	return true
}

// awaitRoom returns when a write would find room, or fail.
func (k *socket) awaitRoom() error {
	k.err = nil
	if err := k.raw.Write(k.roomReady); err != nil {
		return err
	}
	return k.err
}

// hasRoom reports false to wait. It has to ask: room that came since the write that
// found none is not told again.
func (k *socket) hasRoom(fd uintptr) bool {
	k.poll[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLOUT}
	for {
		n, err := unix.Poll(k.poll[:], 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			k.err = os.NewSyscallError("poll", err)
		}
		return n != 0
	}
}

// writeUntilFull reports false to wait until the socket has room.
func (k *socket) writeUntilFull(fd uintptr) bool {
	for len(k.b) > 0 {
		k.calls++
		n, err := nowait.Send(fd, k.b, k.flags)
		switch err {
		case nil:
			k.b = k.b[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			k.err = os.NewSyscallError("send", err)
			return true
		}
	}
	return true
}

// sendfile sends a section, which is of f. It did nothing if the file system has no
// such thing.
func (k *socket) sendfile(f *os.File, sec Section, aheadBytes int64) (n int64, calls int, did bool, err error) {
	// Fd would put a file into blocking mode that had been in non-blocking mode;
	// regular files never are.
	k.fileFD, k.offset, k.left, k.calls, k.err = int(f.Fd()), sec.Offset, sec.Length, 0, nil
	k.ahead.begin(sec, aheadBytes)
	err = k.raw.Write(k.sendfileReady)
	runtime.KeepAlive(f)
	if err == nil {
		err = k.err
	}
	n = k.offset - sec.Offset
	if n == 0 && (err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP) {
		return 0, k.calls, false, nil
	}
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError("sendfile", errno)
	}
	return n, k.calls, true, err
}

// sendfileUntilFull reports false to wait until the socket has room.
func (k *socket) sendfileUntilFull(fd uintptr) bool {
	for k.left > 0 {
		k.ahead.before(uintptr(k.fileFD), k.offset, k.left)
		k.calls++
		// Never more than the section holds: beyond the end of a file the kernel
		// waits 200 ms for bytes that would fill the last packet.
		n, err := unix.Sendfile(int(fd), k.fileFD, &k.offset, min(k.left, sendfileCallMax))
		switch err {
		case nil:
			if n == 0 {
				k.err = io.ErrUnexpectedEOF
				return true
			}
			k.left -= n
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			k.err = err
			return true
		}
	}
	return true
}
