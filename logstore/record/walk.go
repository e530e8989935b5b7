package record

import (
	"fmt"
)

// recordBytesMin is the shortest record there can be, one byte a field.
const recordBytesMin = 7

// WalkOptions says what a walk asks of a batch.
type WalkOptions struct {
	// Gaps accepts offset deltas that rise, as compaction leaves them. Otherwise
	// they must count up from 0 to the last offset delta, as clients write them.
	Gaps bool
	// UnpackedBytesMax bounds what compressed records may unpack to; 0 lets none.
	UnpackedBytesMax int
}

// Walked is what the records truly hold, whatever the header says.
type Walked struct {
	// The largest timestamp in ms and the index and offset delta of the first
	// record that has it; -1 each without records.
	MaxTimestamp            int64
	MaxTimestampIndex       int32
	MaxTimestampOffsetDelta int32
	// The smallest timestamp and the index of the first record that has it.
	MinTimestamp      int64
	MinTimestampIndex int32
	// FirstNullKey is the index of the first record without a key, or -1.
	FirstNullKey int32
	// UnpackedBytes is the length of the records, without compression.
	UnpackedBytes int64
}

// Walk verifies the records without keeping any: lengths agree with contents,
// offset deltas are in order and within the header's, the record count is the
// header's, nothing is left over. Timestamps are reported, not judged, and so
// are null keys. What compression hides is unpacked through a window of fixed
// size, however large the records are.
//
// The error is a [*RecordError] around ErrRecords, ErrCompressed or
// ErrTooLarge, or ErrCodec.
func (b Batch) Walk(o WalkOptions) (Walked, error) {
	if b.Codec() == None {
		c := cursor{buf: b.Payload()}
		return b.walk(&c, o)
	}
	var w Walked
	err := b.unpacked(o.UnpackedBytesMax, func(c *cursor) (err error) {
		w, err = b.walk(c, o)
		return err
	})
	return w, err
}

// unpacked hands the records of a compressed batch to walk, through a window of
// fixed size.
func (b Batch) unpacked(bytesMax int, walk func(*cursor) error) error {
	if b.Count() == 0 && len(b.Payload()) == 0 {
		return walk(&cursor{})
	}
	r, err := NewReader(b.Codec(), b.Payload(), bytesMax)
	if err != nil {
		return err
	}
	defer r.Close()
	window := windows.Get().(*[windowBytes]byte)
	defer windows.Put(window)
	return walk(&cursor{buf: window[:0], r: r})
}

// Timestamps tells visit the offset and timestamp of each record, until it
// returns false. Like Walk it keeps no record, however large they are.
func (b Batch) Timestamps(unpackedBytesMax int, visit func(offset, timestampMs int64) (more bool)) error {
	walk := func(c *cursor) error {
		for i := range b.Count() {
			f := c.record()
			if c.err != nil {
				return &RecordError{Index: int(i), Err: c.err}
			}
			timestamp := b.BaseTimestamp() + f.timestampDelta
			if b.LogAppendTime() {
				timestamp = b.MaxTimestamp()
			}
			if !visit(b.BaseOffset()+int64(f.delta), timestamp) {
				break
			}
		}
		return nil
	}
	if b.Codec() == None {
		return walk(&cursor{buf: b.Payload()})
	}
	return b.unpacked(unpackedBytesMax, walk)
}

func (b Batch) walk(c *cursor, o WalkOptions) (Walked, error) {
	w := Walked{MaxTimestamp: -1, MaxTimestampIndex: -1, MaxTimestampOffsetDelta: -1, MinTimestamp: -1, MinTimestampIndex: -1, FirstNullKey: -1}
	count, next, last := b.Count(), int32(0), b.LastOffsetDelta()
	// A stream is not bounded like this: its end shows soon enough.
	if c.r == nil && int64(count)*recordBytesMin > int64(len(c.buf)) || count < 0 {
		return w, fmt.Errorf("%w: %d in %d bytes", ErrCount, count, len(c.buf))
	}
	base, fixed := b.BaseTimestamp(), b.LogAppendTime()
	for i := range count {
		f := c.record()
		switch {
		case c.err != nil:
		case f.delta < next || f.delta != next && !o.Gaps:
			c.fail("offset delta is out of order")
		case f.delta > last:
			c.fail("offset delta is beyond the batch's last")
		}
		if c.err != nil {
			return w, &RecordError{Index: int(i), Err: c.err}
		}
		next = f.delta + 1
		timestamp := base + f.timestampDelta
		if fixed {
			timestamp = b.MaxTimestamp()
		}
		if i == 0 || timestamp > w.MaxTimestamp {
			w.MaxTimestamp, w.MaxTimestampIndex, w.MaxTimestampOffsetDelta = timestamp, i, f.delta
		}
		if i == 0 || timestamp < w.MinTimestamp {
			w.MinTimestamp, w.MinTimestampIndex = timestamp, i
		}
		if f.keyBytes < 0 && w.FirstNullKey < 0 {
			w.FirstNullKey = i
		}
	}
	if !c.ended() {
		c.fail("bytes follow the last record")
	} else if !o.Gaps && int64(next) != int64(last)+1 {
		c.fail("last offset delta is not the last record's")
	}
	if c.err != nil {
		return w, &RecordError{Index: int(count), Err: c.err}
	}
	w.UnpackedBytes = c.offset()
	return w, nil
}

// fields are those of a record that are not skipped.
type fields struct {
	timestampDelta int64
	delta          int32
	keyBytes       int32
}

// record reads over one record. Its attributes are skipped: Kafka has defined
// none and ignores them.
func (c *cursor) record() (f fields) {
	if f, n := plainRecord(c.buf[c.pos:]); n > 0 {
		c.pos += n
		return f
	}
	length := c.varint()
	start := c.offset()
	c.skip(1)
	f.timestampDelta = c.varlong()
	f.delta = c.varint()
	f.keyBytes = c.varint()
	c.skip(max(f.keyBytes, 0))
	valueBytes := c.varint()
	c.skip(max(valueBytes, 0))
	headers := c.varint()
	if f.keyBytes < -1 || valueBytes < -1 || headers < 0 {
		c.fail("negative length")
	}
	for i := int32(0); i < headers && c.err == nil; i++ {
		c.skipHeader()
	}
	if c.err == nil && c.offset()-start != int64(length) {
		c.fail("length is not that of the contents")
	}
	return f
}

// plainRecord reads over a record without headers whose fields take no more
// than the three bytes that theirs mostly take, all of it in b. n is 0 for any
// other, sound or not, which [cursor.record] then judges. It saves two fifths of
// the walk, since its position never leaves the registers.
func plainRecord(b []byte) (f fields, n int) {
	length, at := plainVarint(b, 0)
	end := at + int(length)
	if length < 0 || end > len(b) {
		return f, 0
	}
	timestampDelta, at := plainVarint(b, at+1)
	f.timestampDelta = int64(timestampDelta)
	f.delta, at = plainVarint(b, at)
	f.keyBytes, at = plainVarint(b, at)
	valueBytes, at := plainVarint(b, at+int(max(f.keyBytes, 0)))
	at += int(max(valueBytes, 0))
	if at != end-1 || b[at] != 0 || f.keyBytes < -1 || valueBytes < -1 {
		return f, 0
	}
	return f, end
}

// plainVarint reads a varint of up to three bytes at at; next is past the end
// of b where there is none.
func plainVarint(b []byte, at int) (v int32, next int) {
	if at+3 > len(b) {
		return 0, len(b) + 1
	}
	p := b[at : at+3]
	u := uint32(p[0])
	next = at + 1
	if u >= 0x80 {
		u = u&0x7f | uint32(p[1])<<7
		next++
		if u >= 1<<14 {
			u = u&(1<<14-1) | uint32(p[2])<<14
			next++
		}
		if u >= 1<<21 || p[next-at-1] == 0 {
			return 0, len(b) + 1
		}
	}
	return int32(u>>1) ^ -int32(u&1), next
}

func (c *cursor) skipHeader() {
	keyBytes := c.varint()
	c.skip(max(keyBytes, 0))
	valueBytes := c.varint()
	c.skip(max(valueBytes, 0))
	if keyBytes < 0 || valueBytes < -1 {
		c.fail("negative header length")
	}
}
