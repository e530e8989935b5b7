package record

import (
	"fmt"
	"iter"
)

// Record is one record of a batch. A null key or value is nil, an empty one is
// not.
type Record struct {
	Offset      int64
	TimestampMs int64
	Key, Value  []byte
	Headers     []Header
}

// Header is one header of a record. Its key is never null.
type Header struct{ Key, Value []byte }

// Clone returns a copy that shares no memory with r.
func (r Record) Clone() Record {
	bytes := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		bytes += len(h.Key) + len(h.Value)
	}
	all := make([]byte, 0, bytes)
	own := func(p []byte) []byte {
		if p == nil {
			return nil
		}
		at := len(all)
		all = append(all, p...)
		return all[at:len(all):len(all)]
	}
	r.Key, r.Value = own(r.Key), own(r.Value)
	if len(r.Headers) > 0 {
		headers := make([]Header, len(r.Headers))
		for i, h := range r.Headers {
			headers[i] = Header{own(h.Key), own(h.Value)}
		}
		r.Headers = headers
	} else {
		r.Headers = nil
	}
	return r
}

// Iterator hands out the records of a batch one by one and reuses its memory.
// The zero value is ready for [Iterator.Reset]. It is not for concurrent use.
//
// A struct and not only a range function: a compaction or a lookup by time goes
// through many batches, and reuses one Iterator without allocating.
type Iterator struct {
	// SkipHeaders leaves records without headers, for who does not look at them: two
	// bytes of a batch make one that takes 48. It outlasts Reset.
	SkipHeaders bool

	c      cursor
	r      *Reader // nil for an uncompressed batch
	window []byte  // kept from batch to batch
	batch  Batch
	from   int // of record in c.buf, until that is filled anew
	index  int32
	next   int32 // least offset delta of the record to come
	record Record
	body   body // of record, as it lies in the batch
	err    error
}

// body is a record's bytes behind its length. The time's delta ends at timeEnd.
type body struct {
	bytes   []byte
	timeEnd int
	delta   int32
}

// Reset starts at the first record of b. Compressed records may not unpack to
// more than unpackedBytesMax, and the largest of them is held in memory.
func (it *Iterator) Reset(b Batch, unpackedBytesMax int) error {
	it.Close()
	*it = Iterator{SkipHeaders: it.SkipHeaders, batch: b, window: it.window, record: Record{Headers: it.record.Headers[:0]}}
	if b.Count() < 0 {
		it.err = fmt.Errorf("%w: %d", ErrCount, b.Count())
		return it.err
	}
	if b.Codec() == None || b.Count() == 0 && len(b.Payload()) == 0 {
		it.c.buf = b.Payload()
		return nil
	}
	if it.r, it.err = NewReader(b.Codec(), b.Payload(), unpackedBytesMax); it.err != nil {
		return it.err
	}
	if it.window == nil {
		it.window = make([]byte, 0, windowBytes)
	}
	it.c.buf, it.c.r = it.window[:0], it.r
	return nil
}

// Close gives back what decompression needs. Without it nothing leaks but to
// the garbage collector. Reset may follow.
func (it *Iterator) Close() {
	if it.r == nil {
		return
	}
	if cap(it.c.buf) > cap(it.window) && cap(it.c.buf) <= windowBytesKept {
		it.window = it.c.buf[:0]
	}
	it.r.Close()
	it.r = nil
	it.c = cursor{}
}

// Next advances to the next record and reports whether there is one. After the
// last, and after a failure, it reports false: see [Iterator.Err].
func (it *Iterator) Next() bool {
	if it.err != nil {
		return false
	}
	if it.index == it.batch.Count() {
		if !it.c.ended() {
			it.c.fail("bytes follow the last record")
		}
		if it.c.err != nil {
			it.err = &RecordError{Index: int(it.index), Err: it.c.err}
		}
		return false
	}
	it.from = it.c.pos
	if !it.readPlain() {
		it.read()
	}
	if it.c.err != nil {
		it.err = &RecordError{Index: int(it.index), Err: it.c.err}
		return false
	}
	it.index++
	return true
}

// Record is the one that Next advanced to. It and its bytes are valid until
// the following Next, Reset or Close; those of an uncompressed batch are the batch's.
func (it *Iterator) Record() *Record { return &it.record }

// Err is why Next ended early, or nil. It is as of [Batch.Walk].
func (it *Iterator) Err() error { return it.err }

// Span is where a record lies in an uncompressed batch.
type Span struct {
	from, to    int // of the payload
	timestampMs int64
}

// Span is that of the record that Next advanced to. It outlasts that record, and has
// no meaning in a compressed batch.
func (it *Iterator) Span() Span { return Span{it.from, it.c.pos, it.record.TimestampMs} }

// readPlain is read for what [plainRecord] is for, and saves as much. It leaves all
// other records as they are.
func (it *Iterator) readPlain() bool {
	b := it.c.buf[it.c.pos:]
	length, first := plainVarint(b, 0)
	end := first + int(length)
	if length < 0 || end > len(b) {
		return false
	}
	timestampDelta, timeEnd := plainVarint(b, first+1)
	delta, at := plainVarint(b, timeEnd)
	keyBytes, keyAt := plainVarint(b, at)
	keyEnd := keyAt + int(max(keyBytes, 0))
	valueBytes, valueAt := plainVarint(b, keyEnd)
	valueEnd := valueAt + int(max(valueBytes, 0))
	if valueEnd != end-1 || b[valueEnd] != 0 || keyBytes < -1 || valueBytes < -1 || delta < it.next || delta > it.batch.LastOffsetDelta() {
		return false
	}
	r := &it.record
	r.Offset = it.batch.BaseOffset() + int64(delta)
	r.Key, r.Value, r.Headers = nil, nil, r.Headers[:0]
	if keyBytes >= 0 {
		r.Key = b[keyAt:keyEnd:keyEnd]
	}
	if valueBytes >= 0 {
		r.Value = b[valueAt:valueEnd:valueEnd]
	}
	it.setTime(int64(timestampDelta))
	it.c.pos += end
	it.body, it.next = body{b[first:end], timeEnd - first, delta}, delta+1
	return true
}

func (it *Iterator) setTime(delta int64) {
	it.record.TimestampMs = it.batch.BaseTimestamp() + delta
	if it.batch.LogAppendTime() {
		it.record.TimestampMs = it.batch.MaxTimestamp()
	}
}

// read parses one record, of which the window is made to hold every byte, so
// that what was sliced off does not move before the next.
func (it *Iterator) read() {
	c, r := &it.c, &it.record
	length := c.varint()
	if length < 0 {
		c.fail("negative length")
	}
	if c.err != nil {
		return
	}
	// And what a varint at its end peeks at: to read on would move the window too.
	c.peek(int(length) + varlongBytesMax)
	start, first := c.offset(), c.pos
	c.skip(1)
	it.setTime(c.varlong())
	it.body = body{timeEnd: c.pos - first}
	delta := c.varint()
	r.Offset = it.batch.BaseOffset() + int64(delta)
	r.Key = c.nullable()
	r.Value = c.nullable()
	r.Headers = r.Headers[:0]
	headers := c.varint()
	if headers < 0 {
		c.fail("negative length")
	}
	for i := int32(0); i < headers && c.err == nil; i++ {
		if it.SkipHeaders {
			c.skipHeader()
			continue
		}
		key, value := c.nullable(), c.nullable()
		if key == nil {
			c.fail("null header key")
		}
		r.Headers = append(r.Headers, Header{Key: key, Value: value})
	}
	switch {
	case c.err != nil:
	case c.offset()-start != int64(length):
		c.fail("length is not that of the contents")
	case delta < it.next || delta > it.batch.LastOffsetDelta():
		c.fail("offset delta is out of order")
	}
	if it.next = delta + 1; c.err == nil {
		it.body.bytes, it.body.delta = c.buf[first:c.pos], delta
	}
}

// nullable reads a length and as many bytes.
func (c *cursor) nullable() []byte {
	n := c.varint()
	if n < -1 {
		c.fail("negative length")
	}
	if n < 0 {
		return nil
	}
	return c.bytes(n)
}

// Records ranges over the records of b, as an [Iterator] does; a failure comes
// last, with an empty record.
func (b Batch) Records(unpackedBytesMax int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		var it Iterator
		defer it.Close()
		if err := it.Reset(b, unpackedBytesMax); err != nil {
			yield(Record{}, err)
			return
		}
		for it.Next() {
			if !yield(it.record, nil) {
				return
			}
		}
		if it.Err() != nil {
			yield(Record{}, it.Err())
		}
	}
}
