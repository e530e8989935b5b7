package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// HeaderBytes is the length of a batch's header.
const HeaderBytes = 61

// Where the fields of the header are.
const (
	atLength          = 8
	atLeaderEpoch     = 12
	atMagic           = 16
	atCRC             = 17
	atAttributes      = 21
	atLastOffsetDelta = 23
	atBaseTimestamp   = 27
	atMaxTimestamp    = 35
	atProducerID      = 43
	atProducerEpoch   = 51
	atBaseSequence    = 53
	atCount           = 57

	lengthEnd = 12 // what precedes the bytes that the length field counts
)

// Bits of the attributes.
const (
	codecMask     = 0x07
	logAppendTime = 0x08
	transactional = 0x10
	control       = 0x20
	deleteHorizon = 0x40
)

const magic2 = 2

// oldHeaderBytes is the least length field of magic 0: shorter is no batch of
// any magic.
const oldHeaderBytes = 14

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is one whole batch, or, where a function says so, its header alone.
// It must be at least [HeaderBytes] long: [Next], [ReadHeader] and [Builder]
// give no other. Setters write through to the bytes; those of fields that the
// CRC covers leave it stale.
type Batch []byte

// Next cuts the first batch off b. The error is ErrShort where b ends inside
// the batch, ErrLength, ErrMagic or ErrOldMagic. An empty b is ErrShort too.
// The batch's capacity ends with it.
func Next(b []byte) (Batch, []byte, error) {
	size, err := sizeOf(b)
	if err != nil {
		return nil, b, err
	}
	if int64(len(b)) < size {
		return nil, b, ErrShort
	}
	return Batch(b[:size:size]), b[size:], nil
}

// sizeOf reads how long the batch at the start of b is. The magic is judged
// before the length, as the least length depends on it.
func sizeOf(b []byte) (int64, error) {
	if len(b) < lengthEnd {
		return 0, ErrShort
	}
	length := int32(binary.BigEndian.Uint32(b[atLength:]))
	if length < oldHeaderBytes {
		return 0, ErrLength
	}
	if len(b) <= atMagic {
		return 0, ErrShort
	}
	if err := checkMagic(int8(b[atMagic])); err != nil {
		return 0, err
	}
	if length < HeaderBytes-lengthEnd || length > math.MaxInt32-lengthEnd {
		return 0, ErrLength
	}
	return int64(length) + lengthEnd, nil
}

func checkMagic(m int8) error {
	switch m {
	case magic2:
		return nil
	case 0, 1:
		return ErrOldMagic
	}
	return ErrMagic
}

// Check verifies all that the header tells about a whole batch: length, magic,
// CRC, codec, and that the record count fits the last offset delta. A count
// below last offset delta + 1 passes: compaction leaves such batches, even
// with no record at all. What clients send must be stricter.
func (b Batch) Check() error {
	if len(b) < HeaderBytes || b.Size() != len(b) {
		return ErrLength
	}
	if err := checkMagic(b.Magic()); err != nil {
		return err
	}
	if b.ComputeCRC() != b.CRC() {
		return ErrCRC
	}
	return b.checkCounts()
}

// CheckHeader is Check for who has the header and the CRC that the batch's
// bytes give, and not the bytes at once.
func (b Batch) CheckHeader(crc uint32) error {
	if err := checkMagic(b.Magic()); err != nil {
		return err
	}
	if crc != b.CRC() {
		return ErrCRC
	}
	return b.checkCounts()
}

func (b Batch) checkCounts() error {
	if b.Codec() > Zstd {
		return fmt.Errorf("%w: %d", ErrCodec, b.Codec())
	}
	if count, last := int64(b.Count()), int64(b.LastOffsetDelta()); count < 0 || last < 0 || count > last+1 {
		return fmt.Errorf("%w: %d with last offset delta %d", ErrCount, count, last)
	}
	return nil
}

func (b Batch) int64At(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }
func (b Batch) int32At(at int) int32 { return int32(binary.BigEndian.Uint32(b[at:])) }
func (b Batch) int16At(at int) int16 { return int16(binary.BigEndian.Uint16(b[at:])) }

func (b Batch) BaseOffset() int64          { return b.int64At(0) }
func (b Batch) SetBaseOffset(offset int64) { binary.BigEndian.PutUint64(b, uint64(offset)) }

// Size is the length in bytes of the whole batch, by its length field.
func (b Batch) Size() int { return int(b.int32At(atLength)) + lengthEnd }

func (b Batch) LeaderEpoch() int32 { return b.int32At(atLeaderEpoch) }
func (b Batch) SetLeaderEpoch(epoch int32) {
	binary.BigEndian.PutUint32(b[atLeaderEpoch:], uint32(epoch))
}

func (b Batch) Magic() int8 { return int8(b[atMagic]) }

// CRC is the checksum that the header holds.
func (b Batch) CRC() uint32       { return binary.BigEndian.Uint32(b[atCRC:]) }
func (b Batch) SetCRC(crc uint32) { binary.BigEndian.PutUint32(b[atCRC:], crc) }

// ComputeCRC is the checksum that the header should hold.
func (b Batch) ComputeCRC() uint32 { return crc32.Checksum(b[atAttributes:], castagnoli) }

func (b Batch) Attributes() int16 { return b.int16At(atAttributes) }
func (b Batch) SetAttributes(attributes int16) {
	binary.BigEndian.PutUint16(b[atAttributes:], uint16(attributes))
}

// Codec may be one that does not exist, see [Batch.Check].
func (b Batch) Codec() Codec { return Codec(b.Attributes() & codecMask) }

// LogAppendTime tells that every record carries the batch's max timestamp.
func (b Batch) LogAppendTime() bool    { return b.Attributes()&logAppendTime != 0 }
func (b Batch) Transactional() bool    { return b.Attributes()&transactional != 0 }
func (b Batch) Control() bool          { return b.Attributes()&control != 0 }
func (b Batch) HasDeleteHorizon() bool { return b.Attributes()&deleteHorizon != 0 }

// LastOffsetDelta is the last record's, even if compaction has removed it.
func (b Batch) LastOffsetDelta() int32 { return b.int32At(atLastOffsetDelta) }
func (b Batch) LastOffset() int64      { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// BaseTimestamp, in ms, is what the records' timestamp deltas add to; it is also
// the delete horizon where there is one.
func (b Batch) BaseTimestamp() int64 { return b.int64At(atBaseTimestamp) }
func (b Batch) SetBaseTimestamp(ms int64) {
	binary.BigEndian.PutUint64(b[atBaseTimestamp:], uint64(ms))
}

// MaxTimestamp is in ms, -1 for none.
func (b Batch) MaxTimestamp() int64 { return b.int64At(atMaxTimestamp) }
func (b Batch) SetMaxTimestamp(ms int64) {
	binary.BigEndian.PutUint64(b[atMaxTimestamp:], uint64(ms))
}

// SetLogAppendTime gives all records the time ms and makes the CRC true again.
func (b Batch) SetLogAppendTime(ms int64) {
	b.SetAttributes(b.Attributes() | logAppendTime)
	b.SetMaxTimestamp(ms)
	b.SetCRC(b.ComputeCRC())
}

// ProducerID is -1 where the producer is not idempotent.
func (b Batch) ProducerID() int64    { return b.int64At(atProducerID) }
func (b Batch) ProducerEpoch() int16 { return b.int16At(atProducerEpoch) }
func (b Batch) BaseSequence() int32  { return b.int32At(atBaseSequence) }

// LastSequence is -1 where there is none. Sequences wrap from 2^31-1 to 0.
func (b Batch) LastSequence() int32 {
	base := b.BaseSequence()
	if base < 0 {
		return -1
	}
	return int32((int64(base) + int64(b.LastOffsetDelta())) & math.MaxInt32)
}

// Count is the number of records, by the header.
func (b Batch) Count() int32 { return b.int32At(atCount) }

// Payload is the records as they are stored, compressed or not.
func (b Batch) Payload() []byte { return b[HeaderBytes:] }
