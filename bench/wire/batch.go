package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Codecs of a batch, by the names that producers' compression.type has.
const (
	LZ4  = "lz4"
	Zstd = "zstd"
)

// Shape is what a batch is like.
type Shape struct {
	RecordBytes int // of a value
	BatchBytes  int // at most, before compression; one record at least
	// Codec is empty for records that are not compressed, whose values are random
	// and do not compress either. Otherwise values are lines of JSON.
	Codec string
	// Exact has the last record fill the batch up, so that so many batches are so
	// many bytes.
	Exact bool
}

// Rendered is a batch, ready to be sent.
type Rendered struct {
	Batch        []byte
	Records      int
	Uncompressed int // bytes of the batch before compression
}

// Batch renders a batch that is not compressed.
func Batch(recordBytes, batchBytes int) (batch []byte, records int) {
	r, err := Shape{RecordBytes: recordBytes, BatchBytes: batchBytes}.Render()
	if err != nil {
		panic(err) // there is no codec that could be unknown
	}
	return r.Batch, r.Records
}

const batchHeaderBytes = 61

// Render renders a record batch of magic 2 without producer id, of as many records
// as fit.
func (s Shape) Render() (Rendered, error) {
	const recordOverheadMax = 12
	count := max(1, (s.BatchBytes-batchHeaderBytes)/(s.RecordBytes+recordOverheadMax))
	values := s.values()
	var records []byte
	for i := range count {
		n := s.RecordBytes
		if s.Exact && i == count-1 {
			n = filling(i, s.BatchBytes-batchHeaderBytes-len(records))
		}
		records = appendRecord(records, i, values(i, n))
	}
	r := Rendered{Records: count, Uncompressed: batchHeaderBytes + len(records)}
	attributes := uint16(0)
	if s.Codec != "" {
		var err error
		if records, attributes, err = compressed(s.Codec, records); err != nil {
			return r, err
		}
	}
	r.Batch = withHeader(records, count, attributes)
	return r, nil
}

// filling is the length of a value with which a record takes room bytes, or one
// less where no length does: the lengths in front of the value grow with it.
func filling(offsetDelta, room int) int {
	n := max(0, room)
	for n > 0 && len(appendRecord(nil, offsetDelta, make([]byte, n))) > room {
		n--
	}
	return n
}

// compressed compresses records as a standard client does, and tells the codec's
// number.
func compressed(codec string, records []byte) ([]byte, uint16, error) {
	known := map[string]kgo.CompressionCodec{LZ4: kgo.Lz4Compression(), Zstd: kgo.ZstdCompression()}
	c, ok := known[codec]
	if !ok {
		return nil, 0, fmt.Errorf("no codec %q", codec)
	}
	compressor, err := kgo.DefaultCompressor(c)
	if err != nil {
		return nil, 0, err
	}
	b, number := compressor.Compress(new(bytes.Buffer), records)
	return bytes.Clone(b), uint16(number), nil
}

func withHeader(records []byte, count int, attributes uint16) []byte {
	now := time.Now().UnixMilli()
	b := append(make([]byte, batchHeaderBytes, batchHeaderBytes+len(records)), records...)
	be := binary.BigEndian
	be.PutUint32(b[8:], uint32(len(b)-12))
	b[16] = 2
	be.PutUint16(b[21:], attributes)
	be.PutUint32(b[23:], uint32(count-1))
	be.PutUint64(b[27:], uint64(now))
	be.PutUint64(b[35:], uint64(now))
	be.PutUint64(b[43:], ^uint64(0)) // producer id
	be.PutUint16(b[51:], ^uint16(0)) // epoch
	be.PutUint32(b[53:], ^uint32(0)) // base sequence
	be.PutUint32(b[57:], uint32(count))
	be.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// values makes the values of a batch, the same in every process. One is valid
// until the next.
func (s Shape) values() func(i, n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var value []byte
	if s.Codec != "" {
		return func(i, n int) []byte {
			for value = value[:0]; len(value) < n; {
				value = appendLine(value, random)
			}
			return value[:n]
		}
	}
	return func(i, n int) []byte {
		value = value[:0]
		for range n {
			value = append(value, byte(random.Uint32()))
		}
		return value
	}
}

// appendLine appends what a web shop might log: field names that repeat, numbers
// that do not.
func appendLine(b []byte, random *rand.Rand) []byte {
	events := []string{"view", "search", "add-to-cart", "remove-from-cart", "checkout", "payment"}
	agents := []string{"Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "okhttp/4.12.0"}
	return fmt.Appendf(b, `{"ts":"2026-03-%02dT%02d:%02d:%02d.%03dZ","event":%q,"user":"u-%08x","session":"%016x","price":%d.%02d,"agent":%q}`+"\n",
		1+random.IntN(28), random.IntN(24), random.IntN(60), random.IntN(60), random.IntN(1000), events[random.IntN(len(events))],
		random.Uint32N(1<<20), random.Uint64(), random.IntN(500), random.IntN(100), agents[random.IntN(len(agents))])
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
