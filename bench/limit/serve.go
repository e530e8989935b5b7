package limit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// serve accepts connections and runs each until it ends, or ctx is done. It
// returns the errors of those that did not end between two requests.
func serve(ctx context.Context, l net.Listener, run func(net.Conn) error) error {
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		failed error
	)
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		nc, err := l.Accept()
		if err != nil {
			wait.Wait()
			if ctx.Err() != nil {
				err = nil
			}
			return errors.Join(err, failed)
		}
		wait.Go(func() {
			defer nc.Close()
			stop := context.AfterFunc(ctx, func() { nc.Close() })
			defer stop()
			if err := run(nc); err != nil && ctx.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				failed = errors.Join(failed, err)
			}
		})
	}
}

// frameBytesMax is the largest request.
const frameBytesMax = 64 << 20

// frames takes requests off a connection, as many by one read as are there.
type frames struct {
	from io.Reader
	buf  []byte
	have []byte // of buf, not taken yet
}

func newFrames(from io.Reader) *frames { return newFramesOf(from, 256<<10) }

// newFramesOf is newFrames that takes so many bytes off by one read, or as many as a
// larger request has.
func newFramesOf(from io.Reader, bytes int) *frames {
	return &frames{from: from, buf: make([]byte, bytes)}
}

// whole tells whether the next request has arrived, so that taking it does not
// wait.
func (f *frames) whole() bool {
	return len(f.have) >= 4 && len(f.have)-4 >= int(binary.BigEndian.Uint32(f.have))
}

// next takes a request, which is valid until the call after. The error is io.EOF
// where the peer is done.
func (f *frames) next() ([]byte, error) {
	for !f.whole() {
		if err := f.makeRoom(); err != nil {
			return nil, err
		}
		n, err := f.from.Read(f.buf[len(f.have):])
		f.have = f.buf[:len(f.have)+n]
		if n == 0 && err != nil {
			if errors.Is(err, io.EOF) && len(f.have) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	size := int(binary.BigEndian.Uint32(f.have))
	frame := f.have[4 : 4+size]
	f.have = f.have[4+size:]
	return frame, nil
}

// makeRoom moves what is left to the buffer's beginning, and lets the buffer
// grow to the request that began.
func (f *frames) makeRoom() error {
	if len(f.have) >= 4 {
		size := int64(binary.BigEndian.Uint32(f.have)) + 4
		if size > frameBytesMax {
			return fmt.Errorf("a request of %d bytes", size)
		}
		if size > int64(len(f.buf)) {
			f.buf = append(make([]byte, 0, size), f.have...)[:size]
			f.have = f.buf[:len(f.have)]
			return nil
		}
	}
	f.have = f.buf[:copy(f.buf, f.have)]
	return nil
}

// fields are read from the front of a request. Whoever reads beyond its end gets
// zeros, and finds it bad.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) take(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.b, f.bad = nil, true
		return nil
	}
	head := f.b[:n]
	f.b = f.b[n:]
	return head
}

func (f *fields) int16() int16 {
	if b := f.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (f *fields) int32() int32 {
	if b := f.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (f *fields) int64() int64 {
	if b := f.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// Keys of requests that are answered.
const (
	keyProduce      = 0
	keyFetch        = 1
	keyMetadata     = 3
	keyOffsetCommit = 8
)

// keyOf is a request's, or -1 where it has none.
func keyOf(frame []byte) int16 {
	if len(frame) < 2 {
		return -1
	}
	return int16(binary.BigEndian.Uint16(frame))
}

// header reads a request's header, and returns its correlation id where it is of
// that key and version.
func (f *fields) header(key, version int16) (id int32, err error) {
	gotKey, gotVersion := f.int16(), f.int16()
	id = f.int32()
	f.take(max(0, int(f.int16()))) // client id
	if f.bad || gotKey != key || gotVersion != version {
		return 0, fmt.Errorf("a request of key %d, version %d, where %d of version %d is served", gotKey, gotVersion, key, version)
	}
	return id, nil
}

// appendID begins an answer, whose size [finish] puts in.
func appendID(b []byte, id int32) []byte {
	b = binary.BigEndian.AppendUint32(b, 0)
	return binary.BigEndian.AppendUint32(b, uint32(id))
}

func appendName(b, name []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(name)))
	return append(b, name...)
}

// finish puts its size into an answer that begins at start and is complete.
func finish(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}
