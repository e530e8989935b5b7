package group

import (
	"encoding/binary"
	"math"
)

// naiveRecord reads a record of __consumer_offsets from its front. What is not there
// makes it bad.
type naiveRecord struct {
	b   []byte
	bad bool
}

func (n *naiveRecord) take(count uint64) []byte {
	if n.bad || count > uint64(len(n.b)) {
		n.bad = true
		return nil
	}
	head := n.b[:count]
	n.b = n.b[count:]
	return head
}

func (n *naiveRecord) number(bytes int) (v int64) {
	for _, b := range n.take(uint64(bytes)) {
		v = v<<8 | int64(b)
	}
	return v << (64 - 8*bytes) >> (64 - 8*bytes)
}

func (n *naiveRecord) uvarint() uint64 {
	v, size := binary.Uvarint(n.b)
	if n.bad || size <= 0 || size > 5 || v > math.MaxUint32 {
		n.bad = true
		return 0
	}
	n.b = n.b[size:]
	return v
}

// text is a string that may not be null.
func (n *naiveRecord) text(compact bool) string {
	size := int64(0)
	if compact {
		size = int64(n.uvarint()) - 1
	} else {
		size = n.number(2)
	}
	if size < 0 {
		n.bad = true
		return ""
	}
	return string(n.take(uint64(size)))
}

func naiveOffsetKey(b []byte) (group string, p partition, ok bool) {
	n := naiveRecord{b: b}
	version := n.number(2)
	group, p.topic = n.text(false), n.text(false)
	p.number = int32(n.number(4))
	return group, p, !n.bad && (version == 0 || version == 1) && p.number >= 0
}

func naiveOffset(b []byte) (c committed, ok bool) {
	n := naiveRecord{b: b}
	version := n.number(2)
	c = committed{offset: n.number(8), leaderEpoch: -1, expiresMs: -1}
	if version >= 3 {
		c.leaderEpoch = int32(n.number(4))
	}
	c.metadata = n.text(version >= 4)
	c.atMs = n.number(8)
	if version == 1 {
		c.expiresMs = n.number(8)
	}
	if version == 4 {
		for tags := n.uvarint(); tags > 0 && !n.bad; tags-- {
			tag, value := n.uvarint(), n.take(n.uvarint())
			if tag == 0 && len(value) < 16 {
				n.bad = true
			}
		}
	}
	return c, !n.bad && version >= 0 && version <= 4
}
