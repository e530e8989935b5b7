package record

import (
	"fmt"
	"io"
)

// cursor reads the fields of records from a window of bytes: the whole payload
// of an uncompressed batch, or what was last unpacked of a compressed one.
// One kind for both keeps a single description of the record's layout.
//
// The first failure sticks in err and makes what follows read as zero, so that
// callers look once per record.
type cursor struct {
	buf  []byte
	pos  int       // of the next byte in buf
	base int64     // bytes of records before buf[0]
	r    io.Reader // behind buf; nil where buf is all there is, or r has ended
	err  error
}

func (c *cursor) offset() int64 { return c.base + int64(c.pos) }

// fail keeps the first failure. reason is a constant in all calls: nothing is
// formatted before it is known to be wanted.
func (c *cursor) fail(reason string) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", ErrRecords, reason)
	}
	c.buf, c.pos, c.r = nil, 0, nil
}

// varint has the one and two bytes that almost all fields have before it, so
// that they cost no loop and no second call.
func (c *cursor) varint() int32 {
	if b := c.buf[c.pos:]; len(b) >= 2 {
		if b[0] < 0x80 {
			c.pos++
			return int32(b[0]>>1) ^ -int32(b[0]&1)
		}
		if b[1] < 0x80 && b[1] != 0 {
			c.pos += 2
			v := uint32(b[0]&0x7f) | uint32(b[1])<<7
			return int32(v>>1) ^ -int32(v&1)
		}
	}
	v := c.uvarint(varintBytesMax, 32)
	return int32(uint32(v)>>1) ^ -int32(v&1)
}

// varlong is a timestamp's, which takes more bytes.
func (c *cursor) varlong() int64 {
	if b := c.buf[c.pos:]; len(b) >= 1 && b[0] < 0x80 {
		c.pos++
		return int64(b[0]>>1) ^ -int64(b[0]&1)
	}
	v := c.uvarint(varlongBytesMax, 64)
	return int64(v>>1) ^ -int64(v&1)
}

func (c *cursor) uvarint(bytesMax int, bits uint) uint64 {
	v, n := uvarint(c.peek(bytesMax), bits)
	switch {
	case n > 0:
		c.pos += n
	case n < 0:
		c.fail("varint overflows or is padded")
	default:
		c.fail("ends inside a varint")
	}
	return v
}

// peek returns n bytes, or those that are left.
func (c *cursor) peek(n int) []byte {
	if len(c.buf)-c.pos < n && c.r != nil {
		c.fill(n)
	}
	return c.buf[c.pos:min(c.pos+n, len(c.buf))]
}

// fill moves what is unread to the front of the window and reads on until it
// holds n bytes. The window grows only as bytes arrive.
func (c *cursor) fill(n int) {
	left := copy(c.buf[:cap(c.buf)], c.buf[c.pos:])
	c.base += int64(c.pos)
	c.buf, c.pos = c.buf[:left], 0
	for len(c.buf) < n && c.r != nil {
		if len(c.buf) == cap(c.buf) {
			c.buf = append(c.buf, 0)[:len(c.buf)]
		}
		got, err := c.r.Read(c.buf[len(c.buf):cap(c.buf)])
		c.buf = c.buf[:len(c.buf)+got]
		c.end(err)
	}
}

// end takes note of the reader's error, if any.
func (c *cursor) end(err error) {
	if err == nil {
		return
	}
	c.r = nil
	if err != io.EOF && c.err == nil {
		c.err = err
	}
}

func (c *cursor) skip(n int32) {
	if int(n) <= len(c.buf)-c.pos {
		c.pos += int(n)
		return
	}
	c.discard(int64(n))
}

// discard skips past the window without keeping what it passes.
func (c *cursor) discard(n int64) {
	for n > int64(len(c.buf)-c.pos) {
		if c.r == nil {
			c.fail("ends inside a record")
			return
		}
		n -= int64(len(c.buf) - c.pos)
		c.pos = len(c.buf)
		c.fill(1)
	}
	c.pos += int(n)
}

// bytes returns n bytes of the window, which [cursor.peek] must have brought.
func (c *cursor) bytes(n int32) []byte {
	if int(n) > len(c.buf)-c.pos {
		c.fail("ends inside a record")
		return nil
	}
	at := c.pos
	c.pos += int(n)
	return c.buf[at:c.pos:c.pos]
}

// ended reports whether no byte is left, in the stream neither.
func (c *cursor) ended() bool { return len(c.peek(1)) == 0 }
