package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// progressBytes must arrive in every FrameTimeout while a frame is received, and
// as much as came before while others wait for the memory it holds.
const progressBytes = 64 << 10

// frameReader takes frames off a connection.
type frameReader struct {
	nc    net.Conn
	in    *bufio.Reader
	pool  *bufferPool
	limit *Options
	held  reservation // of the frame being received or served

	// provenBytes is what a frame of this peer lately came to. So much is spent
	// on its next one at once: a peer that sent a megabyte may hold a megabyte,
	// and does not pay for growing to it each time.
	provenBytes int

	deadline time.Time // as set on nc; zero before the first
}

// await waits for a frame and returns its size.
func (f *frameReader) await(isIdle func() bool) (int, error) {
	for {
		if err := f.expect(f.limit.IdleTimeout); err != nil {
			return 0, err
		}
		head, err := f.in.Peek(4)
		if err == nil {
			f.in.Discard(4)
			size := int32(binary.BigEndian.Uint32(head))
			if size < 0 || int64(size) > int64(f.limit.FrameBytesMax) {
				return 0, &rejection{err: fmt.Errorf("%w: frame of %d bytes, allowed are 0 to %d",
					ErrMalformed, size, f.limit.FrameBytesMax)}
			}
			return int(size), nil
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && f.isDraining():
			return 0, errShuttingDown
		case errors.Is(err, os.ErrDeadlineExceeded) && f.in.Buffered() == 0 && !isIdle():
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, errIdle
		}
		return 0, f.readError(err, f.in.Buffered() == 0)
	}
}

// read reads a frame. Its buffer grows with the bytes that came, whatever size
// says. The caller gives it to release when the frame is served; a frame that is
// not given there is never used for another.
func (f *frameReader) read(size int) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	if f.in.Buffered() == 0 {
		if err := f.expect(f.limit.FrameTimeout); err != nil {
			return nil, err
		}
		if _, err := f.in.Peek(1); err != nil {
			return nil, f.readError(err, false)
		}
	}
	frame, err := f.grow(nil, 0, min(size, max(f.provenBytes, bufferBytesMin)))
	if err != nil {
		return nil, err
	}
	for have, progress := 0, 0; have < size; {
		if have == len(frame) {
			if frame, err = f.grow(frame, have, min(size, 2*have)); err != nil {
				return nil, err
			}
		}
		if have >= progress && f.in.Buffered() < size-have {
			if err := f.expect(f.limit.FrameTimeout); err != nil {
				f.release(frame)
				return nil, err
			}
			progress = have + progressBytes
			if have > progressBytes && f.held.budget.contended() {
				progress = min(2*have, size)
			}
		}
		n, err := f.in.Read(frame[have:min(size, len(frame))])
		have += n
		if err != nil && have < size {
			f.release(frame)
			return nil, f.readError(err, false)
		}
	}
	// Falls slowly, so that the small requests among large ones do not reset it.
	f.provenBytes = max(size, f.provenBytes-f.provenBytes/8)
	f.provenBytes = min(f.provenBytes, bufferBytesPooledMax)
	return frame[:size], nil
}

// grow moves the first have bytes to a buffer of at least n.
func (f *frameReader) grow(frame []byte, have, n int) ([]byte, error) {
	if err := f.held.acquire(int64(bufferBytes(n))); err != nil {
		f.release(frame)
		return nil, err
	}
	grown := f.pool.get(n)
	copy(grown, frame[:have])
	if frame != nil {
		f.pool.put(frame)
		f.held.shrink(int64(cap(frame)))
	}
	return grown, nil
}

// release gives back a frame and all that its request held.
func (f *frameReader) release(frame []byte) {
	if frame != nil {
		f.pool.put(frame)
	}
	f.held.release()
}

// expect moves the read deadline to d from now. Moving it costs a timer each
// time, so one that is early by up to an eighth is good enough.
func (f *frameReader) expect(d time.Duration) error {
	at := time.Now().Add(d)
	if f.deadline.Before(at.Add(-d/8)) || f.deadline.After(at) {
		f.deadline = at
		f.nc.SetReadDeadline(at) // fails on a closed connection only, as the read will
	}
	// Afterwards: Shutdown closes draining first and ends all deadlines then.
	if f.isDraining() {
		return errShuttingDown
	}
	return nil
}

func (f *frameReader) isDraining() bool {
	select {
	case <-f.held.draining:
		return true
	default:
		return false
	}
}

// readError tells a peer that left from one that left in the middle.
func (f *frameReader) readError(err error, betweenFrames bool) error {
	switch {
	case errors.Is(err, io.EOF) && betweenFrames:
		return errPeerClosed
	case errors.Is(err, io.EOF):
		return fmt.Errorf("in the middle of a request: %w", errPeerClosed)
	case errors.Is(err, os.ErrDeadlineExceeded) && f.isDraining():
		return errShuttingDown
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w for %v: %w", errStalled, f.limit.FrameTimeout, err)
	}
	return err
}
