package wire

import (
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
	in    *intake
	pool  *bufferPool
	limit *Options
	held  reservation // of the frame being received or served

	// provenBytes is what a frame of this peer lately came to. So much is spent
	// on its next one at once: a peer that sent a megabyte may hold a megabyte,
	// and does not pay for growing to it each time.
	provenBytes int

	inPlace   bool // the frame that is served lies where it was read ahead
	receiving bool // a part of a frame is held

	deadline time.Time // as set on nc; zero before the first

	// Called around each wait for the peer. An error of the first is the read's.
	beforeWait func() error
	afterWait  func()
	// Of the read that runs:
	patience time.Duration // how long a wait may take; 0: what is left of the deadline
	waited   bool          // it had to wait
}

// await waits for a frame and returns its size.
func (f *frameReader) await(isIdle func() bool) (int, error) {
	for {
		if f.isDraining() {
			return 0, errShuttingDown
		}
		if f.in.buffered() >= 4 {
			size := int32(binary.BigEndian.Uint32(f.in.take(4)))
			if size < 0 || int64(size) > int64(f.limit.FrameBytesMax) {
				return 0, &rejection{err: fmt.Errorf("%w: frame of %d bytes, allowed are 0 to %d",
					ErrMalformed, size, f.limit.FrameBytesMax)}
			}
			return int(size), nil
		}
		err := f.fill(f.limit.IdleTimeout)
		switch {
		case err == nil:
			continue
		case isRejection(err):
			return 0, err
		case errors.Is(err, os.ErrDeadlineExceeded) && f.isDraining():
			return 0, errShuttingDown
		case errors.Is(err, os.ErrDeadlineExceeded) && f.in.buffered() == 0 && !isIdle():
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, errIdle
		case errors.Is(err, errShuttingDown):
			return 0, err
		}
		return 0, f.readError(err, f.in.buffered() == 0)
	}
}

// whole tells that the next frame need not be waited for.
func (f *frameReader) whole() bool {
	head := f.in.peek()
	return len(head) >= 4 && int64(len(head)-4) >= int64(binary.BigEndian.Uint32(head))
}

// fill buffers at least one byte more.
func (f *frameReader) fill(patience time.Duration) error {
	_, err := f.patiently(patience, func() (int, error) { return 0, f.in.fill(f) })
	return err
}

// patiently reads, and waits for the peer where it must.
func (f *frameReader) patiently(patience time.Duration, read func() (int, error)) (n int, err error) {
	f.patience, f.waited = patience, false
	n, err = read()
	if !f.waited && patience > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		// That of an earlier wait has passed since.
		if err := f.expect(patience); err != nil {
			return n, err
		}
		n, err = read()
	}
	if f.waited {
		f.afterWait()
	}
	return n, err
}

// mayWait is called by a read that found nothing, before it waits for the first
// time.
func (f *frameReader) mayWait() error {
	f.waited = true
	if err := f.beforeWait(); err != nil {
		return err
	}
	if f.patience == 0 {
		return nil
	}
	return f.expect(f.patience)
}

// read reads a frame. Its buffer grows with the bytes that came, whatever size
// says; one that is here whole lies where it was read. The caller gives it to
// release when the frame is served; a frame that is not given there is never used
// for another.
func (f *frameReader) read(size int) (frame []byte, err error) {
	if size == 0 {
		return nil, nil
	}
	if f.in.buffered() == 0 {
		if err := f.fill(f.limit.FrameTimeout); err != nil {
			return nil, f.readError(err, false)
		}
	}
	if f.in.buffered() >= size {
		f.inPlace = true
		frame = f.in.take(size)
	} else if frame, err = f.receive(size); err != nil {
		return nil, err
	}
	// Falls slowly, so that the small requests among large ones do not reset it.
	f.provenBytes = max(size, f.provenBytes-f.provenBytes/8)
	f.provenBytes = min(f.provenBytes, bufferBytesPooledMax)
	f.in.adapt(f.provenBytes)
	return frame, nil
}

// receive reads a frame into a buffer of its own.
func (f *frameReader) receive(size int) ([]byte, error) {
	f.receiving = true
	defer func() { f.receiving = false }()
	frame, err := f.grow(nil, 0, min(size, max(f.provenBytes, bufferBytesMin)))
	if err != nil {
		return nil, err
	}
	for have, progress := 0, 0; have < size; {
		if have == len(frame) {
			f.held.waited = false
			if frame, err = f.grow(frame, have, min(size, 2*have)); err != nil {
				return nil, err
			}
			if f.held.waited {
				progress = have // it was not the peer who did not get on
			}
		}
		patience := time.Duration(0)
		if have >= progress {
			patience = f.limit.FrameTimeout
		}
		n, err := f.patiently(patience, func() (int, error) { return f.in.read(frame[have:min(size, len(frame))], f) })
		if f.waited && patience > 0 {
			progress = have + progressBytes
			if have > progressBytes && f.held.budget.contended() {
				progress = min(2*have, size)
			}
		}
		have += n
		if err != nil && have < size {
			f.drop(frame)
			return nil, f.readError(err, false)
		}
	}
	return frame[:size], nil
}

// grow moves the first have bytes to a buffer of at least n.
func (f *frameReader) grow(frame []byte, have, n int) ([]byte, error) {
	if err := f.held.acquire(int64(bufferBytes(n))); err != nil {
		f.drop(frame)
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

// drop gives back a frame that did not arrive as a whole.
func (f *frameReader) drop(frame []byte) {
	if frame != nil {
		f.pool.put(frame)
		f.held.shrink(int64(cap(frame)))
	}
}

// keep leaves the frame that was read to the caller, who gives it to releaseKept
// later. It tells whether it lies where it was read ahead: then nothing may be read
// until it was given back.
func (f *frameReader) keep() (inPlace bool) {
	inPlace, f.inPlace = f.inPlace, false
	return inPlace
}

// releaseKept gives back frames, of which some may lie where they were read ahead, and
// what their requests reserved beside. Of requests that failed nobody knows who still
// holds a part of them: they go to the garbage collector.
func (f *frameReader) releaseKept(frames []keptFrame, reserved int64, failed bool) {
	inPlace, bytes := false, reserved
	for _, kept := range frames {
		switch {
		case kept.inPlace:
			if !failed {
				f.pool.spoil(kept.bytes)
			}
			inPlace = true
			continue
		case !failed:
			f.pool.put(kept.bytes)
		}
		bytes += int64(cap(kept.bytes))
	}
	if inPlace && !f.inPlace && !failed { // else the frame that is served lies there, too
		f.in.release()
	}
	f.held.shrink(bytes)
}

// release gives back a frame and all that its request held.
func (f *frameReader) release(frame []byte) {
	switch {
	case f.inPlace:
		f.inPlace = false
		f.pool.spoil(frame)
		f.in.release()
	case frame != nil:
		f.pool.put(frame)
	}
	f.held.release()
}

// holds tells whether others could have what this one has taken.
func (f *frameReader) holds() bool { return f.held.bytes > 0 || f.in.holds() }

// close gives back what is still held when the connection ends, perhaps with a
// frame that was not released.
func (f *frameReader) close() {
	f.in.abandon()
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
	case errors.Is(err, errShuttingDown), isRejection(err):
		return err
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
