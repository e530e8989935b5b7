package wire_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/fuzz/mutate"
	"moldau/fuzz/target"
	"moldau/server/wire"
)

// FuzzFrame reads frames off a connection that gives its bytes in pieces of any size:
// frames of any key and version, with client ids, tagged fields and lengths that are
// right but for what the program breaks. It is held to a reader of the whole stream:
//
//   - Frame by frame key, version, correlation id, client id and body are those that
//     lie there, also while the buffers of frames before are written over.
//   - The first frame that is too long, or whose header does not hold what it says, is
//     refused with ErrMalformed, and nothing behind it is read. A peer that leaves is
//     told from one that leaves in the middle.
//   - What is held grows with the bytes that came, whatever lengths announce, and in
//     the end is nothing.
func FuzzFrame(f *testing.F) { frames.Fuzz(f) }

var frames = target.New("FuzzFrame", func() ([]target.Seed, error) {
	body := make([]byte, 6000)
	for i := range body {
		body[i] = byte(i)
	}
	return []target.Seed{
		{Data: body[:40], Program: []byte{2, 3, 0, 18, 3, 1, 0, 0, 5, 0, 1, 11, 1, 2, 0, 9, 0, 0, 4, 9, 3, 2, 2, 1}},
		{Data: body, Program: []byte{4, 255, 3, 0, 1, 12, 5, 2, 200, 1, 200, 0, 0, 3, 7, 9, 3, 1, 2, 0, 250, 3, 1, 1, 1, 40, 7, 99}},
		{Data: body[:300], Program: []byte{1, 0, 0, 33, 0, 7, 4, 120, 3, 2, 90, 0, 15, 31, 3, 1, 2, 3, 4, 5}},
		{Data: body[:9], Program: []byte{0, 1, 0, 7, 31, 0, 0, 7, 0, 0, 0, 3}},
	}, nil
}, func(t testing.TB, data, program []byte) target.Class {
	p := mutate.NewProgram(program)
	pieces := p.Bytes(1 + p.Below(3))
	stream := rowOfFrames(data[:min(len(data), mutate.BytesMax)], p)
	return checkStream(t, stream, pieces)
})

// frameBytesMax is small enough for lengths to pass it, and far more than streams have.
const frameBytesMax = 1 << 20

var (
	framePool    wire.FramePool
	frameOptions = &wire.Options{FrameBytesMax: frameBytesMax, InFlightBytesMax: 64 << 20, IdleTimeout: time.Hour, FrameTimeout: time.Hour}
)

// rowOfFrames makes frames one behind the other. Bodies and names are cut from data.
func rowOfFrames(data []byte, p *mutate.Program) (stream []byte) {
	for range 1 + p.Below(5) {
		from := len(stream)
		stream = append(stream, 0, 0, 0, 0)
		stream, data = appendFrame(stream, data, p)
		length := int64(len(stream) - from - 4)
		switch damage := p.Byte(); {
		case damage < 6:
			length += int64(damage) - 3
		case damage < 10:
			length = p.Int64()
		case damage < 13:
			stream = append(stream[:from+4], mutate.Rot(stream[from+4:], p)...)
			length = int64(len(stream) - from - 4)
		}
		binary.BigEndian.PutUint32(stream[from:], uint32(length))
	}
	if p.One(12) {
		stream = stream[:p.Below(len(stream)+1)]
	}
	return stream
}

// appendFrame appends a header and a body, without length.
func appendFrame(b, data []byte, p *mutate.Program) (stream, rest []byte) {
	key := requestKinds[p.Below(len(requestKinds))]
	version := int64(p.Below(int(kmsg.RequestForKey(key).MaxVersion()) + 1))
	odd := p.Byte()
	if odd >= 250 {
		version = p.Int64()
	}
	if odd >= 253 {
		key = int16(p.Int64())
	}
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, uint32(p.Int64()))
	take := func(n int) (head []byte) {
		head, data = data[:min(n, len(data))], data[min(n, len(data)):]
		return head
	}
	switch kind := p.Byte() % 16; {
	case kind < 4:
		b = append(b, 0, 2, 'm', 'e')
	case kind < 7:
		b = append(b, 0xff, 0xff)
	case kind < 9:
		b = append(b, 0, 0)
	case kind < 15:
		name := take(p.Below(400))
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(name))), name...)
	default: // a length that is not
		b = binary.BigEndian.AppendUint16(b, uint16(p.Int64()))
	}
	if isFlexible(key, int16(version)) {
		b = appendTags(b, take, p)
	}
	return append(b, take(p.Below(3000))...), data
}

// appendTags appends tagged fields: mostly none, else some, seldom broken ones.
func appendTags(b []byte, take func(int) []byte, p *mutate.Program) []byte {
	kind := p.Byte()
	if kind < 128 {
		return append(b, 0)
	}
	n := p.Below(4)
	said := uint64(n)
	if kind >= 250 {
		said = uint64(p.Int64())
	}
	b = binary.AppendUvarint(b, said)
	for range n {
		value := take(p.Below(40))
		size := uint64(len(value))
		if kind >= 245 && kind < 250 {
			size = uint64(p.Int64())
		}
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(p.Byte())), size)
		b = append(b, value...)
	}
	return b
}

// flexible says of each request from which version on its header has tagged fields.
var flexible = func() map[int16]int16 {
	from := map[int16]int16{}
	for _, key := range requestKinds {
		m := kmsg.RequestForKey(key)
		for v := range m.MaxVersion() + 1 {
			if m.SetVersion(v); m.IsFlexible() {
				from[key] = v
				break
			}
		}
	}
	return from
}()

func isFlexible(key, version int16) bool {
	from, ever := flexible[key]
	return ever && version >= from
}

// checkStream reads a stream as a connection does.
func checkStream(t testing.TB, stream, pieces []byte) (class target.Class) {
	nc := &piecewise{rest: stream, pieces: pieces}
	r := wire.NewFrameReader(nc, &framePool, frameOptions)
	nc.check = func() {
		if came := int64(len(stream) - len(nc.rest)); r.HeldBytes() > 4*came+3*4352 {
			t.Fatalf("%d bytes are held when %d came", r.HeldBytes(), came)
		}
	}
	at := naiveStream{rest: stream}
	for {
		want, how := at.next()
		got, err := r.Next()
		switch {
		case how != nil && !errors.Is(err, how), how == wire.ErrPeerClosed && err != how && len(at.rest) == 0:
			t.Fatalf("frame %d of %x: %+v, %v, want %v", at.read, stream, got, err, how)
		case how == nil && err != nil:
			t.Fatalf("frame %d of %x: %v, want %+v", at.read, stream, err, want)
		case how == nil && (got.Key != want.Key || got.Version != want.Version || got.CorrelationID != want.CorrelationID ||
			got.ClientID != want.ClientID || string(got.Body) != string(want.Body)):
			t.Fatalf("frame %d of %x: %+v, want %+v", at.read, stream, got, want)
		}
		if how == nil {
			class = target.Deep
			continue
		}
		r.Release()
		if held := r.HeldBytes(); held != 0 {
			t.Fatalf("%d bytes are held when all is over", held)
		}
		if how == wire.ErrPeerClosed && len(at.rest) == 0 && class == target.Deep {
			class = target.Accepted
		}
		return class
	}
}

// naiveStream is the bytes of a connection, all at once.
type naiveStream struct {
	rest []byte
	read int // frames
}

// next is the next frame, or how it ends: ErrMalformed, or ErrPeerClosed, in the middle
// if bytes are left.
func (s *naiveStream) next() (r wire.Request, how error) {
	s.read++
	if len(s.rest) < 4 {
		return r, wire.ErrPeerClosed
	}
	size := int32(binary.BigEndian.Uint32(s.rest))
	if size < 0 || size > frameBytesMax {
		return r, wire.ErrMalformed
	}
	if int64(size) > int64(len(s.rest)-4) {
		return r, wire.ErrPeerClosed
	}
	f := s.rest[4 : 4+size]
	s.rest = s.rest[4+size:]
	if len(f) < 10 {
		return r, wire.ErrMalformed
	}
	r.Key, r.Version = int16(binary.BigEndian.Uint16(f)), int16(binary.BigEndian.Uint16(f[2:]))
	r.CorrelationID = int32(binary.BigEndian.Uint32(f[4:]))
	n := int(int16(binary.BigEndian.Uint16(f[8:])))
	if f = f[10:]; n < -1 || n > len(f) {
		return r, wire.ErrMalformed
	}
	n = max(n, 0)
	r.ClientID, r.Body = string(f[:n]), f[n:]
	if isFlexible(r.Key, r.Version) {
		body, ok := behindTags(r.Body)
		if !ok && r.Key != 18 { // ApiVersions is answered however its header is laid out
			return r, wire.ErrMalformed
		}
		if ok {
			r.Body = body
		}
	}
	return r, nil
}

func behindTags(b []byte) (body []byte, ok bool) {
	number := func() (v uint64) {
		v, n := binary.Uvarint(b)
		if n <= 0 || n > 5 || v > math.MaxUint32 {
			b, ok = nil, false
			return 0
		}
		b = b[n:]
		return v
	}
	ok = true
	for n := number(); n > 0 && ok; n-- {
		number()
		if size := number(); size > uint64(len(b)) {
			return nil, false
		} else {
			b = b[size:]
		}
	}
	return b, ok
}

// piecewise is a connection that gives its bytes in pieces, and then ends.
type piecewise struct {
	net.Conn
	rest   []byte
	pieces []byte
	given  int
	check  func()
}

func (c *piecewise) Read(b []byte) (int, error) {
	c.check()
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := len(b)
	if len(c.pieces) > 0 {
		if p := c.pieces[c.given%len(c.pieces)]; p < 200 {
			n = min(n, 1+int(p))
		}
		c.given++
	}
	n = copy(b[:n], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *piecewise) SetReadDeadline(time.Time) error { return nil }
