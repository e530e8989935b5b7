package wire

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"time"
)

// Batch renders a record batch of magic 2, uncompressed and without producer
// id, of as many records of recordBytes as fit into batchBytes, at least one.
// Values do not compress.
func Batch(recordBytes, batchBytes int) (batch []byte, records int) {
	const header = 61
	const recordOverheadMax = 12
	records = max(1, (batchBytes-header)/(recordBytes+recordOverheadMax))
	now := time.Now().UnixMilli()
	b := make([]byte, header, header+records*(recordBytes+16))
	random := rand.New(rand.NewPCG(1, 2))
	value := make([]byte, recordBytes)
	for i := range records {
		for j := range value {
			value[j] = byte(random.Uint32())
		}
		b = appendRecord(b, i, value)
	}
	be := binary.BigEndian
	be.PutUint32(b[8:], uint32(len(b)-12))
	b[16] = 2
	be.PutUint32(b[23:], uint32(records-1))
	be.PutUint64(b[27:], uint64(now))
	be.PutUint64(b[35:], uint64(now))
	be.PutUint64(b[43:], ^uint64(0)) // producer id
	be.PutUint16(b[51:], ^uint16(0)) // epoch
	be.PutUint32(b[53:], ^uint32(0)) // base sequence
	be.PutUint32(b[57:], uint32(records))
	be.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b, records
}

func appendRecord(b []byte, offsetDelta int, value []byte) []byte {
	var r []byte
	r = append(r, 0)                               // attributes
	r = binary.AppendVarint(r, 0)                  // timestamp delta
	r = binary.AppendVarint(r, int64(offsetDelta)) // zigzag, as Kafka's varints
	r = binary.AppendVarint(r, -1)                 // null key
	r = binary.AppendVarint(r, int64(len(value)))
	r = append(r, value...)
	r = binary.AppendVarint(r, 0) // no headers
	b = binary.AppendVarint(b, int64(len(r)))
	return append(b, r...)
}
