package kraft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrRecord tells that bytes are not a metadata record as Kafka 4.3 has them.
var ErrRecord = errors.New("invalid metadata record of Kafka's")

// reader reads fields off the front of b. After the first error it reads zeros,
// so that callers check once.
type reader struct {
	b    []byte
	size int // of b at the start, to say where an error is
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: at byte %d: %s", ErrRecord, r.size-len(r.b), fmt.Sprintf(format, args...))
	}
	r.b = nil
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail("%d bytes wanted, %d left", n, len(r.b))
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) int8() int8 {
	if b := r.take(1); b != nil {
		return int8(b[0])
	}
	return 0
}

func (r *reader) bool() bool { return r.int8() != 0 }

func (r *reader) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) float64() float64 { return math.Float64frombits(uint64(r.int64())) }

func (r *reader) uuid() (id UUID) {
	copy(id[:], r.take(len(id)))
	return id
}

// uvarint is a number of at most 32 bits.
func (r *reader) uvarint() uint32 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > math.MaxUint32 {
		r.fail("cut or overflowing varint")
		return 0
	}
	r.b = r.b[n:]
	return uint32(v)
}

// length is that of what follows, -1 null.
func (r *reader) length() int { return int(r.uvarint()) - 1 }

func (r *reader) nullableString() *string {
	n := r.length()
	if n < 0 {
		return nil
	}
	s := string(r.take(n))
	return &s
}

func (r *reader) string() string {
	s := r.nullableString()
	if s == nil {
		r.fail("null where a string belongs")
		return ""
	}
	return *s
}

// count is the number of elements that follow, of at least so many bytes each;
// null is none. What cannot be in the bytes left is refused before anything is
// allocated.
func (r *reader) count(elementBytes int) int {
	n := r.length()
	if n > len(r.b)/elementBytes {
		r.fail("%d elements in %d bytes", n, len(r.b))
		return 0
	}
	return max(n, 0)
}

// int32s is nil for null.
func (r *reader) int32s() []int32 {
	if len(r.b) > 0 && r.b[0] == 0 {
		r.uvarint()
		return nil
	}
	all := make([]int32, r.count(4))
	for i := range all {
		all[i] = r.int32()
	}
	return all
}

func (r *reader) uuids() []UUID {
	all := make([]UUID, r.count(16))
	for i := range all {
		all[i] = r.uuid()
	}
	return all
}

// tagged hands each tagged field to read, or reads over it where read is nil or
// reads nothing of it.
func (r *reader) tagged(read func(tag uint32, field *reader)) {
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		tag, size := r.uvarint(), r.uvarint()
		field := &reader{b: r.take(int(size)), size: int(size)}
		if read == nil || r.err != nil {
			continue
		}
		if read(tag, field); field.err != nil {
			r.fail("tagged field %d: %v", tag, field.err)
		}
	}
}
