package metadata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrRecord tells that bytes are not a record this version can apply: they are
// damaged, or a newer version wrote them.
var ErrRecord = errors.New("invalid metadata record")

const (
	// frameFormat is the first byte of every record. Another one means another
	// layout of everything behind it.
	frameFormat = 1
	// recordVersion is the one version that all records have so far.
	recordVersion = 0
	// stringBytesMax bounds names and values. Kafka's own strings end there.
	stringBytesMax = math.MaxInt16
)

// AppendRecord appends a record's encoding to dst.
func AppendRecord(dst []byte, r Record) []byte {
	dst = append(dst, frameFormat)
	dst = binary.AppendUvarint(dst, uint64(r.kind()))
	dst = binary.AppendUvarint(dst, recordVersion)
	dst = r.appendFields(dst)
	return append(dst, 0) // no tagged fields
}

// DecodeRecord decodes one record that fills b. The record shares no memory
// with b. Every error wraps ErrRecord.
func DecodeRecord(b []byte) (Record, error) {
	d := &decoder{b: b, size: len(b)}
	if f := d.byte(); d.err == nil && f != frameFormat {
		d.fail("frame format %d, this version reads %d", f, frameFormat)
	}
	kind, version := recordKind(d.uvarint()), d.uvarint()
	if d.err != nil {
		return nil, d.err
	}
	r := newRecord(kind)
	if r == nil {
		d.fail("type %d is unknown, a newer version may have written it", kind)
		return nil, d.err
	}
	if version > recordVersion {
		d.fail("version %d of type %d is unknown, a newer version may have written it", version, kind)
		return nil, d.err
	}
	r.readFields(d)
	d.skipTagged()
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d bytes behind its end", len(d.b))
	}
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}

// decoder reads fields off the front of b. After the first error it reads
// zeros, so that callers check once.
type decoder struct {
	b    []byte
	size int // of b at the start, to say where an error is
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: at byte %d: %s", ErrRecord, d.size-len(d.b), fmt.Sprintf(format, args...))
	}
	d.b = nil
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail("%d bytes wanted, %d left", n, len(d.b))
		return nil
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail("cut or overflowing varint")
		return 0
	}
	if n > 1 && d.b[n-1] == 0 {
		// One value, one encoding: golden bytes and checksums depend on it.
		d.fail("overlong varint")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int32() int32 {
	u := d.uvarint()
	v := int64(u>>1) ^ -int64(u&1)
	if v < math.MinInt32 || v > math.MaxInt32 {
		d.fail("%d does not fit 32 bits", v)
		return 0
	}
	return int32(v)
}

// index is a number that counts something and so is not negative.
func (d *decoder) index() int32 {
	u := d.uvarint()
	if u > math.MaxInt32 {
		d.fail("%d does not fit 31 bits", u)
		return 0
	}
	return int32(u)
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > stringBytesMax {
		d.fail("string of %d bytes", n)
		return ""
	}
	return string(d.bytes(n))
}

// count reads how many elements of at least elementBytes each follow, and
// refuses what cannot be in the bytes left, before anything is allocated.
func (d *decoder) count(elementBytes int) int {
	n := d.uvarint()
	if n > uint64(len(d.b)/elementBytes) {
		d.fail("%d elements in %d bytes", n, len(d.b))
		return 0
	}
	return int(n)
}

func (d *decoder) int32s() []int32 {
	n := d.count(1)
	out := make([]int32, n)
	for i := range out {
		out[i] = d.int32()
	}
	return out
}

// skipTagged reads over tagged fields: by the rules of FORMAT.md they hold only
// what an older version may ignore.
func (d *decoder) skipTagged() {
	previous := int64(-1)
	for n := d.count(2); n > 0 && d.err == nil; n-- {
		tag := d.index()
		if int64(tag) <= previous {
			d.fail("tag %d after tag %d", tag, previous)
		}
		previous = int64(tag)
		d.bytes(d.uvarint())
	}
}

func appendInt32(dst []byte, v int32) []byte { return binary.AppendVarint(dst, int64(v)) }
func appendIndex(dst []byte, v int32) []byte { return binary.AppendUvarint(dst, uint64(v)) }

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendInt32s(dst []byte, v []int32) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	for _, x := range v {
		dst = appendInt32(dst, x)
	}
	return dst
}
