package wire

import "encoding/binary"

// cursor reads a message from its front. After the first read beyond the end
// it is bad, and empty, and all reads give zeros: callers check bad once per
// count they are about to trust, and at the end. Every loop over a count must
// check the count against len(b) first; that, and nothing else, keeps parsing
// linear in the bytes received.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) fail() { c.b, c.bad = nil, true }

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.fail()
		return nil
	}
	head := c.b[:n:n]
	c.b = c.b[n:]
	return head
}

func (c *cursor) int8() int8 {
	if b := c.take(1); b != nil {
		return int8(b[0])
	}
	return 0
}

func (c *cursor) int16() int16 {
	if b := c.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (c *cursor) int32() int32 {
	if b := c.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// uvarint reads an unsigned 32-bit varint. Padded encodings pass, as they do in
// Kafka; a fifth byte that does not fit 32 bits does not.
func (c *cursor) uvarint() uint32 {
	var v uint32
	for i := 0; i < 5 && i < len(c.b); i++ {
		b := c.b[i]
		if i == 4 && b > 0x0f {
			break
		}
		v |= uint32(b&0x7f) << (7 * i)
		if b < 0x80 {
			c.b = c.b[i+1:]
			return v
		}
	}
	c.fail()
	return 0
}

// length reads the length of a string, byte field or array, -1 for null. wide
// tells whether the non-flexible length has 4 bytes, or 2.
func (c *cursor) length(flexible, wide bool) int {
	var n int64
	switch {
	case flexible:
		n = int64(c.uvarint()) - 1
	case wide:
		n = int64(c.int32())
	default:
		n = int64(c.int16())
	}
	if c.bad || n < -1 || n > int64(len(c.b)) {
		c.fail()
		return 0
	}
	return int(n)
}

// count reads the length of an array whose elements have at least elemBytesMin
// bytes; -1 for null.
func (c *cursor) count(flexible bool, elemBytesMin int) int {
	n := c.length(flexible, true)
	if n > 0 && n > len(c.b)/max(elemBytesMin, 1) {
		c.fail()
		return 0
	}
	return n
}

// skipTags reads over a section of tagged fields and returns how many there were.
func (c *cursor) skipTags() int {
	n := c.tagCount()
	for range n {
		c.uvarint()
		c.take(int(c.uvarint()))
	}
	return n
}

// tagCount reads how many tagged fields follow. Each has at least a tag and a
// size, of a byte each.
func (c *cursor) tagCount() int {
	n := int64(c.uvarint())
	if n > int64(len(c.b)/2) {
		c.fail()
		return 0
	}
	return int(n)
}
