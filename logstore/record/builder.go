package record

import (
	"encoding/binary"
	"fmt"
	"math"
)

// BuilderOptions is what a batch has beside its records. The zero value is an
// uncompressed batch at offset 0 of no idempotent producer.
type BuilderOptions struct {
	Codec Codec
	// Level of compression in the codec's own scale, 0 for the codec's default:
	// gzip 1 to 9, lz4 1 to 9, zstd 1 to 22.
	Level int

	BaseOffset  int64
	LeaderEpoch int32
	// Producer is nil for a producer that is not idempotent.
	Producer      *Producer
	Transactional bool
	Control       bool
	LogAppendTime bool
	// DeleteHorizonMs, unless 0, is when tombstones and markers may go.
	DeleteHorizonMs int64
	// LastOffsetDeltaMin is the least last offset delta, for batches whose last
	// records compaction removed.
	LastOffsetDeltaMin int32
}

// Producer is an idempotent producer's mark on a batch.
type Producer struct {
	ID           int64
	Epoch        int16
	BaseSequence int32
}

// Builder builds batches, one after the other, in memory that it reuses.
type Builder struct {
	o       BuilderOptions
	buf     []byte // header, then records unless a codec is set
	packed  []byte // the finished batch where a codec is set
	count   int32
	next    int32
	base    int64 // ms, what timestamp deltas add to
	maxTime int64 // ms
	err     error
}

// NewBuilder returns a Builder for one batch; Reset makes it one for another.
func NewBuilder(o BuilderOptions) *Builder {
	b := &Builder{}
	b.Reset(o)
	return b
}

// Reset starts another batch. It reuses the memory of the last finished one.
func (b *Builder) Reset(o BuilderOptions) {
	var header [HeaderBytes]byte
	*b = Builder{o: o, buf: append(b.buf[:0], header[:]...), packed: b.packed, maxTime: -1, base: -1}
	if o.DeleteHorizonMs != 0 {
		b.base = o.DeleteHorizonMs
	}
}

// Append adds a record behind the last one. A nil key or value is null. What
// does not fit a batch is an error of Finish.
func (b *Builder) Append(timestampMs int64, key, value []byte, headers ...Header) {
	b.AppendAt(b.next, timestampMs, key, value, headers...)
}

// AppendAt is Append with an offset delta, which must be above the last one's.
func (b *Builder) AppendAt(offsetDelta int32, timestampMs int64, key, value []byte, headers ...Header) {
	if b.err != nil {
		return
	}
	if offsetDelta < b.next || offsetDelta == math.MaxInt32 {
		b.err = fmt.Errorf("%w: offset delta %d after %d", ErrRecords, offsetDelta, b.next-1)
		return
	}
	if b.count == 0 && b.o.DeleteHorizonMs == 0 {
		b.base = timestampMs
	}
	length := 1 + varlongBytes(timestampMs-b.base) + varlongBytes(int64(offsetDelta)) +
		nullableBytes(key) + nullableBytes(value) + varlongBytes(int64(len(headers)))
	for _, h := range headers {
		length += nullableBytes(h.Value) + varlongBytes(int64(len(h.Key))) + len(h.Key)
	}
	if int64(len(b.buf))+int64(length)+varintBytesMax > math.MaxInt32 {
		b.err = fmt.Errorf("%w for one batch", ErrTooLarge)
		return
	}
	b.appendRecord(length, offsetDelta, timestampMs, key, value, headers)
	b.count++
	b.next = offsetDelta + 1
	b.maxTime = max(b.maxTime, timestampMs)
}

func (b *Builder) appendRecord(length int, offsetDelta int32, timestampMs int64, key, value []byte, headers []Header) {
	buf := appendVarint(b.buf, int32(length))
	buf = append(buf, 0)
	buf = appendVarlong(buf, timestampMs-b.base)
	buf = appendVarint(buf, offsetDelta)
	buf = appendNullable(buf, key)
	buf = appendNullable(buf, value)
	buf = appendVarint(buf, int32(len(headers)))
	for _, h := range headers {
		buf = appendVarint(buf, int32(len(h.Key)))
		buf = append(buf, h.Key...)
		buf = appendNullable(buf, h.Value)
	}
	b.buf = buf
}

func nullableBytes(p []byte) int {
	if p == nil {
		return 1
	}
	return varlongBytes(int64(len(p))) + len(p)
}

func appendNullable(buf, p []byte) []byte {
	if p == nil {
		return appendVarint(buf, -1)
	}
	return append(appendVarint(buf, int32(len(p))), p...)
}

// Count is the number of records appended.
func (b *Builder) Count() int { return int(b.count) }

// Size is the length in bytes of the batch as it stands, before compression.
func (b *Builder) Size() int { return len(b.buf) }

// Finish completes the batch, which is valid until Reset. A batch without
// records is written without codec.
func (b *Builder) Finish() (Batch, error) {
	if b.err != nil {
		return nil, b.err
	}
	batch, codec := Batch(b.buf), b.o.Codec
	if b.count == 0 {
		codec = None
	}
	if codec != None {
		packed, err := Compress(append(b.packed[:0], b.buf[:HeaderBytes]...), codec, b.o.Level, b.buf[HeaderBytes:])
		if err != nil {
			return nil, err
		}
		b.packed, batch = packed, packed
	}
	if len(batch) > math.MaxInt32 {
		return nil, fmt.Errorf("%w for one batch", ErrTooLarge)
	}
	b.header(batch, codec)
	batch.SetCRC(batch.ComputeCRC())
	return batch[:len(batch):len(batch)], nil
}

func (b *Builder) header(batch Batch, codec Codec) {
	attributes := int16(codec)
	for _, f := range []struct {
		set bool
		bit int16
	}{{b.o.LogAppendTime, logAppendTime}, {b.o.Transactional, transactional}, {b.o.Control, control}, {b.o.DeleteHorizonMs != 0, deleteHorizon}} {
		if f.set {
			attributes |= f.bit
		}
	}
	producer := Producer{ID: -1, Epoch: -1, BaseSequence: -1}
	if b.o.Producer != nil {
		producer = *b.o.Producer
	}
	batch.SetBaseOffset(b.o.BaseOffset)
	binary.BigEndian.PutUint32(batch[atLength:], uint32(len(batch)-lengthEnd))
	batch.SetLeaderEpoch(b.o.LeaderEpoch)
	batch[atMagic] = magic2
	batch.SetAttributes(attributes)
	binary.BigEndian.PutUint32(batch[atLastOffsetDelta:], uint32(max(b.next-1, b.o.LastOffsetDeltaMin, 0)))
	batch.SetBaseTimestamp(b.base)
	batch.SetMaxTimestamp(b.maxTime)
	binary.BigEndian.PutUint64(batch[atProducerID:], uint64(producer.ID))
	binary.BigEndian.PutUint16(batch[atProducerEpoch:], uint16(producer.Epoch))
	binary.BigEndian.PutUint32(batch[atBaseSequence:], uint32(producer.BaseSequence))
	binary.BigEndian.PutUint32(batch[atCount:], uint32(b.count))
}

// AppendEmpty appends to dst what compaction keeps of a batch that has lost all
// its records but must still be known of: its header, with no record, no codec
// and no horizon, its max timestamp, and a base timestamp of -1.
func AppendEmpty(dst []byte, of Batch) []byte {
	at := len(dst)
	dst = append(dst, of[:HeaderBytes]...)
	b := Batch(dst[at:])
	binary.BigEndian.PutUint32(b[atLength:], HeaderBytes-lengthEnd)
	b.SetAttributes(of.Attributes() &^ (codecMask | deleteHorizon))
	b.SetBaseTimestamp(-1)
	binary.BigEndian.PutUint32(b[atCount:], 0)
	b.SetCRC(b.ComputeCRC())
	return dst
}
