package naive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// HeaderBytes is the length of a batch's header.
const HeaderBytes = 61

// Batch is the header of a batch, and its bytes.
type Batch struct {
	Base, Last    int64 // offsets
	LeaderEpoch   int32
	Attributes    int16
	LastDelta     int32
	BaseTimestamp int64 // ms
	MaxTimestamp  int64 // ms
	Producer      int64
	ProducerEpoch int16
	Sequence      int32
	Count         int32
	Bytes         []byte // the whole batch
	Position      int64  // in the file
}

func (b *Batch) Codec() int          { return int(b.Attributes & 7) }
func (b *Batch) LogAppendTime() bool { return b.Attributes&8 != 0 }
func (b *Batch) Transactional() bool { return b.Attributes&16 != 0 }
func (b *Batch) Control() bool       { return b.Attributes&32 != 0 }
func (b *Batch) Payload() []byte     { return b.Bytes[HeaderBytes:] }

var order = binary.BigEndian

// First cuts the first batch off b, by its length field. The error says what of
// length and magic cannot be.
func First(b []byte) (Batch, error) {
	if len(b) < HeaderBytes {
		return Batch{}, errors.New("shorter than a header")
	}
	length := int64(int32(order.Uint32(b[8:])))
	size := length + 12
	switch {
	case length < HeaderBytes-12 || size > math.MaxInt32:
		return Batch{}, fmt.Errorf("length %d", length)
	case b[16] != 2:
		return Batch{}, fmt.Errorf("magic %d", b[16])
	case size > int64(len(b)):
		return Batch{}, fmt.Errorf("%d bytes of %d", len(b), size)
	}
	h := Batch{
		Base: int64(order.Uint64(b)), LeaderEpoch: int32(order.Uint32(b[12:])),
		Attributes: int16(order.Uint16(b[21:])), LastDelta: int32(order.Uint32(b[23:])),
		BaseTimestamp: int64(order.Uint64(b[27:])), MaxTimestamp: int64(order.Uint64(b[35:])),
		Producer: int64(order.Uint64(b[43:])), ProducerEpoch: int16(order.Uint16(b[51:])),
		Sequence: int32(order.Uint32(b[53:])), Count: int32(order.Uint32(b[57:])), Bytes: b[:size:size],
	}
	h.Last = h.Base + int64(h.LastDelta)
	return h, nil
}

// Check says why a batch does not count, by its header and its checksum.
func (b *Batch) Check() error {
	sum := checksum(b.Bytes[21:])
	switch {
	case sum != order.Uint32(b.Bytes[17:]):
		return errors.New("CRC")
	case b.Codec() > 4:
		return fmt.Errorf("codec %d", b.Codec())
	case b.Count < 0 || b.LastDelta < 0 || int64(b.Count) > int64(b.LastDelta)+1:
		return fmt.Errorf("%d records, last delta %d", b.Count, b.LastDelta)
	}
	return nil
}

// LastSequence is that of the last record, -1 where there is none.
func (b *Batch) LastSequence() int32 {
	if b.Sequence < 0 {
		return -1
	}
	return int32((int64(b.Sequence) + int64(b.LastDelta)) % (1 << 31))
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
