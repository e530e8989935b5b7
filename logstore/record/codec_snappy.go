package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/klauspost/compress/s2"
)

// Snappy comes in two shapes: the raw block, and Java's framing, called xerial
// after its author: a header, then blocks, each behind its length.
//
//	 0  82 'S' 'N' 'A' 'P' 'P' 'Y' 00
//	 8  version             int32  1
//	12  compatible version  int32  1
//	16  block length        int32, then the block, and so on
//
// We write the framing: it bounds what a reader must hold at once, and Kafka's
// own consumers read it block by block.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const (
	xerialHeaderBytes = 16
	xerialVersion     = 1
	// xerialBlockBytes is what Java puts into a block, before compression.
	xerialBlockBytes = 32 << 10
)

var errSnappy = errors.New("corrupt block")

type snappyUnpacker struct {
	src    []byte // blocks to come
	framed bool
	left   int    // bytes that may still come
	buf    []byte // the last block, unpacked
	at     int    // of the next byte in buf
}

func (u *snappyUnpacker) reset(src []byte, limit int) error {
	*u = snappyUnpacker{src: src, left: limit, buf: u.buf[:0], framed: bytes.HasPrefix(src, xerialMagic)}
	if !u.framed {
		return u.unpack(src)
	}
	return u.header()
}

func (u *snappyUnpacker) header() error {
	if len(u.src) < xerialHeaderBytes {
		return io.ErrUnexpectedEOF
	}
	if v := int32(binary.BigEndian.Uint32(u.src[len(xerialMagic):])); v < xerialVersion {
		return fmt.Errorf("framing version %d", v)
	}
	u.src = u.src[xerialHeaderBytes:]
	return nil
}

func (u *snappyUnpacker) Read(p []byte) (int, error) {
	for u.at == len(u.buf) {
		if !u.framed || len(u.src) == 0 {
			return 0, io.EOF
		}
		if err := u.block(); err != nil {
			return 0, err
		}
	}
	n := copy(p, u.buf[u.at:])
	u.at += n
	return n, nil
}

// block unpacks the next block of the framing. A header may come again where
// framed streams were joined.
func (u *snappyUnpacker) block() error {
	if bytes.HasPrefix(u.src, xerialMagic) {
		return u.header()
	}
	if len(u.src) < 4 {
		return io.ErrUnexpectedEOF
	}
	n := int64(binary.BigEndian.Uint32(u.src))
	if n > int64(len(u.src)-4) {
		return io.ErrUnexpectedEOF
	}
	block := u.src[4 : 4+n]
	u.src = u.src[4+n:]
	return u.unpack(block)
}

func (u *snappyUnpacker) unpack(block []byte) error {
	n, err := snappyBytes(block, u.left)
	if err != nil {
		return err
	}
	u.left -= n
	u.at = 0
	u.buf = u.buf[:0]
	if n == 0 {
		return nil
	}
	if cap(u.buf) < n {
		u.buf = make([]byte, n)
	}
	u.buf, err = s2.Decode(u.buf[:cap(u.buf)], block)
	return err
}

func (u *snappyUnpacker) release() {
	u.src = nil
	if cap(u.buf) > windowBytesKept {
		u.buf = nil
	}
}

// snappyBytes walks a block's tags and returns what it truly unpacks to: the
// length it declares is believed only if the tags add up to it, so nothing is
// allocated on its word. The walk also keeps out what only S2, the library's
// extension of snappy, understands (copies of offset zero): no other client could read that.
func snappyBytes(block []byte, limit int) (int, error) {
	declared, n := binary.Uvarint(block)
	if n <= 0 || declared > math.MaxUint32 {
		return 0, errSnappy
	}
	if declared > uint64(limit) {
		return 0, fmt.Errorf("%w: snappy declares %d bytes", ErrTooLarge, declared)
	}
	var total uint64
	for b := block[n:]; len(b) > 0; {
		length, offset, tagBytes := snappyTag(b)
		if tagBytes == 0 || offset > total {
			return 0, errSnappy
		}
		total += length
		if total > declared {
			return 0, errSnappy
		}
		b = b[tagBytes:]
	}
	if total != declared {
		return 0, errSnappy
	}
	return int(total), nil
}

// snappyTag reads the tag at the start of b: how many bytes it gives, from
// what offset back (0 for a literal), and how many bytes it takes, 0 if it is
// cut short or is a copy from offset 0.
func snappyTag(b []byte) (length, offset uint64, tagBytes int) {
	tag := b[0]
	var operand [8]byte
	if tag&3 == 0 {
		length = uint64(tag >> 2)
		extra := 0
		if length >= 60 {
			extra = int(length) - 59
			copy(operand[:extra], b[1:])
			length = binary.LittleEndian.Uint64(operand[:])
		}
		length++
		if uint64(len(b)) < 1+uint64(extra)+length {
			return 0, 0, 0
		}
		return length, 0, 1 + extra + int(length)
	}
	extra := [...]int{1: 1, 2: 2, 3: 4}[tag&3]
	if len(b) < 1+extra {
		return 0, 0, 0
	}
	copy(operand[:extra], b[1:])
	length, offset = uint64(tag>>2)+1, binary.LittleEndian.Uint64(operand[:])
	if tag&3 == 1 {
		length, offset = uint64(tag>>2&7)+4, uint64(tag>>5)<<8|offset
	}
	if offset == 0 {
		return 0, 0, 0
	}
	return length, offset, 1 + extra
}

func packSnappy(dst, src []byte) []byte {
	dst = append(dst, xerialMagic...)
	dst = binary.BigEndian.AppendUint32(dst, xerialVersion)
	dst = binary.BigEndian.AppendUint32(dst, xerialVersion)
	for len(src) > 0 {
		n := min(len(src), xerialBlockBytes)
		at := len(dst)
		room := 4 + s2.MaxEncodedLen(n)
		dst = slices.Grow(dst, room)[:at+room]
		block := s2.EncodeSnappy(dst[at+4:], src[:n])
		binary.BigEndian.PutUint32(dst[at:], uint32(len(block)))
		dst = dst[:at+4+len(block)]
		src = src[n:]
	}
	return dst
}
