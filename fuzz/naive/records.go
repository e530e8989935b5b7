package naive

import (
	"errors"
	"fmt"
)

// Record is a record as it lies in a batch. Key and Value are nil for null.
type Record struct {
	Attributes byte
	Timestamp  int64 // delta, ms
	Delta      int32
	Key, Value []byte
	Headers    []Header
}

type Header struct{ Key, Value []byte }

var errVarint = errors.New("varint")

// reader takes fields off bytes. The first failure sticks.
type reader struct {
	b   []byte
	err error
}

// varint reads a zigzag varint of so many bits, which no zeros may pad.
func (r *reader) varint(bits int) int64 {
	var v uint64
	for i := 0; ; i++ {
		if r.err != nil || i == len(r.b) || 7*i >= bits {
			r.err = errors.Join(r.err, errVarint)
			return 0
		}
		c := r.b[i]
		low := uint64(c & 0x7f)
		if left := bits - 7*i; left < 7 && low>>left != 0 || c == 0 && i > 0 {
			r.err = errVarint
			return 0
		}
		v |= low << (7 * i)
		if c < 0x80 {
			r.b = r.b[i+1:]
			return int64(v>>1) ^ -int64(v&1)
		}
	}
}

func (r *reader) bytes(n int64) []byte {
	if r.err != nil || n > int64(len(r.b)) || n < 0 {
		r.err = errors.Join(r.err, fmt.Errorf("%d bytes of %d", n, len(r.b)))
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// sized reads a length and as many bytes; -1 is null.
func (r *reader) sized() []byte {
	n := r.varint(32)
	if r.err == nil && n == -1 {
		return nil
	}
	return r.bytes(n)
}

func (r *reader) record() (rec Record) {
	body := reader{b: r.bytes(r.varint(32)), err: r.err}
	if b := body.bytes(1); b != nil {
		rec.Attributes = b[0]
	}
	rec.Timestamp = body.varint(64)
	rec.Delta = int32(body.varint(32))
	rec.Key, rec.Value = body.sized(), body.sized()
	headers := body.varint(32)
	if headers < 0 {
		body.err = errors.Join(body.err, errors.New("negative header count"))
	}
	for i := int64(0); i < headers && body.err == nil; i++ {
		key := body.sized()
		if key == nil && body.err == nil {
			body.err = errors.New("null header key")
		}
		rec.Headers = append(rec.Headers, Header{key, body.sized()})
	}
	if body.err == nil && len(body.b) > 0 {
		body.err = fmt.Errorf("%d bytes behind the fields", len(body.b))
	}
	r.err = body.err
	return rec
}

// Records reads the records of a batch from their bytes without compression.
func (b *Batch) Records(plain []byte) (all []Record, err error) {
	r := reader{b: plain}
	next := int64(0)
	for i := range int64(b.Count) {
		rec := r.record()
		if r.err != nil {
			return all, fmt.Errorf("record %d: %w", i, r.err)
		}
		if int64(rec.Delta) < next || rec.Delta > b.LastDelta {
			return all, fmt.Errorf("record %d: delta %d", i, rec.Delta)
		}
		next = int64(rec.Delta) + 1
		all = append(all, rec)
	}
	if len(r.b) > 0 {
		return all, fmt.Errorf("%d bytes behind the last record", len(r.b))
	}
	return all, nil
}

// Contiguous tells that records have the offsets of a batch that nothing was taken of.
func (b *Batch) Contiguous(all []Record) bool {
	for i, r := range all {
		if int(r.Delta) != i {
			return false
		}
	}
	return int64(len(all)) == int64(b.LastDelta)+1
}

// Timestamp is a record's time in ms.
func (b *Batch) Timestamp(r Record) int64 {
	if b.LogAppendTime() {
		return b.MaxTimestamp
	}
	return b.BaseTimestamp + r.Timestamp
}

// Append encodes a record as a writer does.
func (r *Record) Append(to []byte) []byte {
	body := []byte{r.Attributes}
	body = appendVarint(body, r.Timestamp)
	body = appendVarint(body, int64(r.Delta))
	body = appendSized(appendSized(body, r.Key), r.Value)
	body = appendVarint(body, int64(len(r.Headers)))
	for _, h := range r.Headers {
		body = appendSized(appendSized(body, h.Key), h.Value)
	}
	return append(appendVarint(to, int64(len(body))), body...)
}

func appendSized(to, b []byte) []byte {
	if b == nil {
		return appendVarint(to, -1)
	}
	return append(appendVarint(to, int64(len(b))), b...)
}

func appendVarint(to []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	for u >= 0x80 {
		to = append(to, byte(u)|0x80)
		u >>= 7
	}
	return append(to, byte(u))
}
