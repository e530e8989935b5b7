package zerocopy

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// bufferBytes is what one buffer gathers before it is written. A peer that does
// not read keeps one at most. 64 KiB saves little more CPU, 16 KiB costs a fifth.
const bufferBytes = 32 << 10

// Pointers to arrays, because a slice put into a pool allocates its header.
var buffers = sync.Pool{New: func() any { return new([bufferBytes]byte) }}

// ErrInvalidSection tells that a section has a negative offset or length, or
// bytes without a file.
var ErrInvalidSection = errors.New("zerocopy: invalid section")

// Sender sends messages to one connection. It is for one goroutine at a time,
// and nobody else may write to the connection while Send runs.
type Sender struct {
	w      io.Writer
	socket *socket // nil where there is no sendfile

	// Of the Send that runs.
	buf      *[bufferBytes]byte // nil while nothing is gathered
	gathered int                // bytes of buf that wait to be written
	total    int64              // bytes of the message
	sent     int64              // bytes that left, by all paths
	sendfile int64              // of those, by sendfile
	calls    int
}

// NewSender returns the sender of w. Only a *net.TCPConn or *net.UnixConn
// itself, not a type that wraps or embeds one, is given its sections by
// sendfile: a wrapper's Write may have to see every byte.
func NewSender(w io.Writer) *Sender {
	return &Sender{w: w, socket: newSocket(w)}
}

// Send writes the parts one behind the other. It returns when the connection
// has taken over all bytes, or with the first error; the error says how many
// had left. Unless that was none, the receiver is in the middle of a message
// and the connection good for nothing but Close.
//
// A file that ends before its section does gives [io.ErrUnexpectedEOF].
func (s *Sender) Send(parts []Part) (Result, error) {
	total, err := totalBytes(parts)
	if err != nil {
		return Result{}, err
	}
	s.total, s.sent, s.sendfile, s.calls = total, 0, 0, 0
	err = s.sendAll(parts)
	s.releaseBuffer()
	r := Result{Bytes: bytesOfPrefix(parts, s.sent), Sendfile: s.sendfile, Calls: s.calls}
	r.Copied = s.sent - r.Sendfile - r.Bytes
	if err != nil {
		return r, fmt.Errorf("zerocopy: %d of %d bytes had left: %w", s.sent, total, err)
	}
	return r, nil
}

// Tries tells whether [Sender.TrySend] may send anything.
func (s *Sender) Tries() bool { return s.socket != nil }

// TrySend sends as much of b as the connection takes at once, and returns how much
// that is: all, a part, or nothing. It never waits, and so sends nothing to what
// cannot be asked: only sockets can.
func (s *Sender) TrySend(b []byte) (int, error) {
	if s.socket == nil {
		return 0, nil
	}
	n, err := s.socket.try(b)
	if err != nil {
		return n, fmt.Errorf("zerocopy: %d of %d bytes had left: %w", n, len(b), err)
	}
	return n, nil
}

func totalBytes(parts []Part) (int64, error) {
	var total int64
	for i := range parts {
		sec := &parts[i].Section
		if sec.Offset < 0 || sec.Length < 0 || (sec.Length > 0 && sec.File == nil) {
			return 0, fmt.Errorf("%w: part %d: %d bytes at %d", ErrInvalidSection, i, sec.Length, sec.Offset)
		}
		total += int64(len(parts[i].Bytes)) + int64(sec.Length)
	}
	return total, nil
}

// bytesOfPrefix counts the bytes of Part.Bytes among the first n of a message.
// A write carries bytes and sections mixed and may be cut anywhere, so what
// left is told apart once, at the end, and not write by write.
func bytesOfPrefix(parts []Part, n int64) int64 {
	var sum int64
	for i := range parts {
		b := min(int64(len(parts[i].Bytes)), n)
		sum += b
		n -= b + min(int64(parts[i].Section.Length), n-b)
	}
	return sum
}

func (s *Sender) sendAll(parts []Part) error {
	for i := range parts {
		if err := s.addBytes(parts[i].Bytes); err != nil {
			return err
		}
		if err := s.addSection(parts[i].Section); err != nil {
			return err
		}
	}
	return s.flush()
}

// addBytes gathers b. What would fill a buffer by itself is written from where
// it is.
func (s *Sender) addBytes(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) > bufferBytes-s.gathered {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if len(b) >= bufferBytes {
		return s.write(b)
	}
	s.acquireBuffer()
	s.gathered += copy(s.buf[s.gathered:], b)
	return nil
}

func (s *Sender) addSection(sec Section) error {
	if s.socket != nil && sec.Length >= SendfileMin {
		if f := sec.File.OSFile(); f != nil {
			if err := s.flush(); err != nil {
				return err
			}
			// A peer that stops reading parks the goroutine in sendfile, for as
			// long as its deadline allows. It shall not sit on a buffer then.
			s.releaseBuffer()
			n, calls, did, err := s.socket.sendfile(f, sec.Offset, sec.Length)
			s.sent += n
			s.sendfile += n
			s.calls += calls
			if did || err != nil {
				return err
			}
		}
	}
	return s.copySection(sec)
}

// copySection gathers a section, and writes whenever the buffer is full.
func (s *Sender) copySection(sec Section) error {
	for sec.Length > 0 {
		if s.gathered == bufferBytes {
			if err := s.flush(); err != nil {
				return err
			}
		}
		s.acquireBuffer()
		want := min(sec.Length, bufferBytes-s.gathered)
		n, err := sec.File.ReadAt(s.buf[s.gathered:s.gathered+want], sec.Offset)
		if n < want {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		s.gathered += want
		sec.Offset += int64(want)
		sec.Length -= want
	}
	return nil
}

func (s *Sender) flush() error {
	if s.gathered == 0 {
		return nil
	}
	n := s.gathered
	s.gathered = 0
	return s.write(s.buf[:n])
}

// write is told by the message's length whether more follows, and not by its
// callers: a last packet announced as not the last stays in the kernel for 200 ms.
func (s *Sender) write(b []byte) error {
	more := s.sent+int64(len(b)) < s.total
	if s.socket != nil {
		n, calls, err := s.socket.write(b, more)
		s.sent += int64(n)
		s.calls += calls
		return err
	}
	n, err := s.w.Write(b)
	s.sent += int64(min(max(n, 0), len(b)))
	s.calls++
	if n < len(b) && err == nil {
		return io.ErrShortWrite
	}
	return err
}

func (s *Sender) acquireBuffer() {
	if s.buf == nil {
		s.buf = buffers.Get().(*[bufferBytes]byte)
	}
}

func (s *Sender) releaseBuffer() {
	s.gathered = 0
	if s.buf != nil {
		buffers.Put(s.buf)
		s.buf = nil
	}
}
