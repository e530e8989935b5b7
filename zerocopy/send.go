package zerocopy

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

const (
	// bufferBytes is what one buffer gathers before it is written; 16 KiB costs a
	// fifth more CPU. To a socket nobody waits with one: what is left of the message
	// is gathered again when there is room, so that thousands of peers that do not
	// read keep none.
	bufferBytes = 32 << 10
	// largeBytes is what one gathers of a longer message, to a socket, while that
	// takes all at once: each write wakes the peer. Six sections of 16 KiB cost an
	// eighth less that way. With less room than that it would be gathered in vain.
	largeBytes = 128 << 10
)

// Pointers to arrays, because a slice put into a pool allocates its header.
var (
	buffers      = sync.Pool{New: func() any { return new([bufferBytes]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBytes]byte) }}
)

// errFull tells that a socket did not take all of a buffer at once.
var errFull = errors.New("the connection is full")

// ErrInvalidSection tells that a section has a negative offset or length, fewer than no
// bytes behind it, or bytes without a file.
var ErrInvalidSection = errors.New("zerocopy: invalid section")

// Sender sends messages to one connection. It is for one goroutine at a time,
// and nobody else may write to the connection while Send runs.
type Sender struct {
	// ReadAheadBytesMax is how much of a file, from the byte that is sent next, may be
	// asked of the disk ahead: of sections that go by sendfile, and what is said to be
	// behind them, four times a section at most. 0, the default, leaves all to the system.
	// It is set between sends.
	ReadAheadBytesMax int64

	w      io.Writer
	socket *socket // nil where there is no sendfile

	// Of the Send that runs.
	buf      []byte             // of one of the next two, nil while nothing is gathered
	small    *[bufferBytes]byte // nil, or buf's
	large    *[largeBytes]byte  // nil, or buf's
	roomy    bool               // large buffers are used: the socket has taken all so far
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
	s.roomy = s.socket != nil && total > bufferBytes
	err = s.sendFrom(parts, 0)
	for err == errFull {
		s.roomy = false
		if err = s.socket.awaitRoom(); err == nil {
			err = s.sendFrom(parts, s.sent)
		}
	}
	r := Result{Bytes: bytesOfPrefix(parts, s.sent), Sendfile: s.sendfile, Calls: s.calls}
	r.Copied = s.sent - r.Sendfile - r.Bytes
	if err != nil {
		return r, fmt.Errorf("zerocopy: %d of %d bytes had left: %w", s.sent, total, err)
	}
	return r, nil
}

// TrySend sends as much of b as the connection takes at once, and returns how much
// that is: all, a part, or nothing. It never waits, and so sends nothing to what
// cannot be asked: only sockets can. [Sender.SendBytes] sends the rest.
func (s *Sender) TrySend(b []byte) (int, error) {
	if s.socket == nil {
		return 0, nil
	}
	n, _, err := s.socket.write(b, false, false)
	if err != nil {
		return n, fmt.Errorf("zerocopy: %d of %d bytes had left: %w", n, len(b), err)
	}
	return n, nil
}

// SendBytes is Send of bytes alone, from where they lie: while the peer does not
// read, nothing is taken up beside them. It returns how many the connection has
// taken over. After [os.ErrDeadlineExceeded] the rest may be sent.
func (s *Sender) SendBytes(b []byte) (n int, err error) {
	if s.socket != nil {
		n, _, err = s.socket.write(b, false, true)
	} else if n, err = s.w.Write(b); n < len(b) && err == nil {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, fmt.Errorf("zerocopy: %d of %d bytes had left: %w", n, len(b), err)
	}
	return n, nil
}

func totalBytes(parts []Part) (int64, error) {
	var total int64
	for i := range parts {
		sec := &parts[i].Section
		if sec.Offset < 0 || sec.Length < 0 || sec.Behind < 0 || (sec.Length > 0 && sec.File == nil) {
			return 0, fmt.Errorf("%w: part %d: %d bytes at %d, %d behind", ErrInvalidSection, i, sec.Length, sec.Offset, sec.Behind)
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

// sendFrom sends all but the first bytes of a message.
func (s *Sender) sendFrom(parts []Part, skip int64) error {
	defer s.releaseBuffer()
	for i := range parts {
		b, sec := parts[i].Bytes, parts[i].Section
		n := min(skip, int64(len(b)))
		b, skip = b[n:], skip-n
		n = min(skip, int64(sec.Length))
		sec.Offset, sec.Length, skip = sec.Offset+n, sec.Length-int(n), skip-n
		if err := s.addBytes(b); err != nil {
			return err
		}
		if err := s.addSection(sec); err != nil {
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
	s.acquireBuffer()
	if len(b) > len(s.buf)-s.gathered {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if len(b) >= len(s.buf) {
		s.releaseBuffer()
		return s.write(b, true)
	}
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
			n, calls, did, err := s.socket.sendfile(f, sec, s.ReadAheadBytesMax)
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
		s.acquireBuffer()
		if s.gathered == len(s.buf) {
			if err := s.flush(); err != nil {
				return err
			}
		}
		want := min(sec.Length, len(s.buf)-s.gathered)
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
	return s.write(s.buf[:n], false)
}

// write is told by the message's length whether more follows, and not by its
// callers: a last packet announced as not the last stays in the kernel for 200 ms.
// Without wait it gives errFull where a socket did not take all at once.
func (s *Sender) write(b []byte, wait bool) error {
	more := s.sent+int64(len(b)) < s.total
	if s.socket != nil {
		n, calls, err := s.socket.write(b, more, wait)
		s.sent += int64(n)
		s.calls += calls
		if err == nil && n < len(b) {
			return errFull
		}
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
	switch {
	case s.buf != nil:
	case s.roomy:
		s.large = largeBuffers.Get().(*[largeBytes]byte)
		s.buf = s.large[:]
	default:
		s.small = buffers.Get().(*[bufferBytes]byte)
		s.buf = s.small[:]
	}
}

func (s *Sender) releaseBuffer() {
	s.gathered, s.buf = 0, nil
	if s.small != nil {
		buffers.Put(s.small)
		s.small = nil
	}
	if s.large != nil {
		largeBuffers.Put(s.large)
		s.large = nil
	}
}
