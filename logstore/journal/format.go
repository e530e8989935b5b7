package journal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A file, in blocks of 4096 bytes. All integers are big-endian, all checksums
// CRC-32C.
//
//	block 0   file header, zeros
//	block 1   commit header, records, table, zeros up to the next block
//	...       more commits, each on a block of its own
//	          what the file held before
//
// File header, written with the first commit of each generation:
//
//	 0  magic        "MOLDAUJ\x01"
//	 8  version      u32   1
//	12  generation   u64   from 1, one above that of the file used before
//	20  sequence     u64   of the first commit
//	28  checksum     u32   of what is before it
//
// Commit header:
//
//	 0  magic        "MJCM"
//	 4  bytes        u32   from the magic to the end of the table
//	 8  generation   u64   the file's
//	16  sequence     u64   from 1, one above that of the commit before
//	24  oldest       u64   generation that is still needed
//	32  records      u32   number of, at least 1
//	36  checksum     u32   of what is before it
//
// Record. Its two checksums begin with 16 bytes that are not written, the
// commit's generation and sequence.
//
//	 0  kind         u8    1 batches, 2 synced
//	 1  reserved     u8    0
//	 2  name length  u16   at most 1024
//	 4  payload      u32   bytes
//	 8  incarnation  u64
//	16  leader epoch i32
//	20  end before   i64
//	28  first        i64
//	36  last         i64
//	44  name
//	    checksum     u32   of generation, sequence and what is before it
//	    payload
//	    checksum     u32   of generation, sequence and the payload
//
// The table leads past a record whose header is lost. It is not needed
// otherwise.
//
//	lengths    u32 each, of each record with its checksums
//	checksum   u32   of generation, sequence and the lengths
const (
	blockBytes        = 4096
	version           = 1
	fileHeaderBytes   = 32
	commitHeaderBytes = 40
	recordFixedBytes  = 44
	crcBytes          = 4
	tableEntryBytes   = 4
	nameBytesMax      = 1024
	recordBytesMin    = recordFixedBytes + 2*crcBytes
)

var (
	fileMagic   = []byte("MOLDAUJ\x01")
	commitMagic = []byte("MJCM")
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	big         = binary.BigEndian
)

// padded is n rounded up to whole blocks.
func padded(n int64) int64 { return (n + blockBytes - 1) / blockBytes * blockBytes }

type fileHeader struct {
	version              uint32
	generation, sequence uint64
}

func (h fileHeader) put(b []byte) {
	copy(b, fileMagic)
	big.PutUint32(b[8:], h.version)
	big.PutUint64(b[12:], h.generation)
	big.PutUint64(b[20:], h.sequence)
	big.PutUint32(b[28:], crc32.Checksum(b[:28], castagnoli))
}

// decodeFileHeader tells whether b begins with a file header. Its version may
// be any: nothing else of such a file is then known.
func decodeFileHeader(b []byte) (h fileHeader, ok bool) {
	if len(b) < fileHeaderBytes || !bytes.Equal(b[:8], fileMagic) || big.Uint32(b[28:]) != crc32.Checksum(b[:28], castagnoli) {
		return h, false
	}
	h = fileHeader{big.Uint32(b[8:]), big.Uint64(b[12:]), big.Uint64(b[20:])}
	return h, numbersValid(h.generation, h.sequence)
}

// numbersValid keeps out what cannot be followed by another one.
func numbersValid(generation, sequence uint64) bool {
	return generation-1 < 1<<63 && sequence-1 < 1<<63
}

type commitHeader struct {
	bytes                        uint32
	generation, sequence, oldest uint64
	records                      uint32
}

func (h commitHeader) put(b []byte) {
	copy(b, commitMagic)
	big.PutUint32(b[4:], h.bytes)
	h.putNumbers(b)
	big.PutUint64(b[24:], h.oldest)
	big.PutUint32(b[32:], h.records)
	big.PutUint32(b[36:], crc32.Checksum(b[:36], castagnoli))
}

// decodeCommitHeader tells whether b begins with a commit header. begun tells
// that it looks like the start of one of this generation at least.
func decodeCommitHeader(b []byte, generation uint64) (h commitHeader, ok, begun bool) {
	if len(b) < commitHeaderBytes || !bytes.Equal(b[:4], commitMagic) {
		return h, false, false
	}
	h = commitHeader{
		bytes: big.Uint32(b[4:]), generation: big.Uint64(b[8:]), sequence: big.Uint64(b[16:]),
		oldest: big.Uint64(b[24:]), records: big.Uint32(b[32:]),
	}
	ok = big.Uint32(b[36:]) == crc32.Checksum(b[:36], castagnoli) && numbersValid(h.generation, h.sequence) &&
		h.oldest <= h.generation && h.records > 0 &&
		uint64(h.bytes) >= commitHeaderBytes+uint64(h.records)*(recordBytesMin+tableEntryBytes)+crcBytes
	return h, ok, h.generation == generation
}

// putNumbers writes the part of the header that begins the checksums of the
// records, and returns it.
func (h commitHeader) putNumbers(b []byte) []byte {
	big.PutUint64(b[8:], h.generation)
	big.PutUint64(b[16:], h.sequence)
	return b[8:24]
}

// salt begins the checksums of a commit's records. It takes the bytes and not
// the numbers because what a checksum is made of goes to the heap.
func salt(numbers []byte) uint32 { return crc32.Checksum(numbers, castagnoli) }

// recordBytes is the size of a record with its checksums.
func recordBytes(name string, payload int) int { return recordBytesMin + len(name) + payload }

// putRecord writes all but the checksums and the payload, and returns the place
// of the latter.
func putRecord(b []byte, h Header, payload int) []byte {
	b[0], b[1] = byte(h.Kind), 0
	big.PutUint16(b[2:], uint16(len(h.Log)))
	big.PutUint32(b[4:], uint32(payload))
	big.PutUint64(b[8:], h.Incarnation)
	big.PutUint32(b[16:], uint32(h.LeaderEpoch))
	big.PutUint64(b[20:], uint64(h.EndBefore))
	big.PutUint64(b[28:], uint64(h.First))
	big.PutUint64(b[36:], uint64(h.Last))
	at := recordFixedBytes + copy(b[recordFixedBytes:], h.Log) + crcBytes
	return b[at : at+payload : at+payload]
}

// sealRecord writes the checksums of the record that b is.
func sealRecord(b []byte, salt uint32) {
	at := recordFixedBytes + int(big.Uint16(b[2:]))
	big.PutUint32(b[at:], crc32.Update(salt, castagnoli, b[:at]))
	end := len(b) - crcBytes
	big.PutUint32(b[end:], crc32.Update(salt, castagnoli, b[at+crcBytes:end]))
}

// rawRecord is a record as it was found.
type rawRecord struct {
	header  Header
	payload []byte
	size    int  // with its checksums, may reach beyond what there is; 0 unless known
	known   bool // the header is good
	whole   bool // all is
}

// decodeRecord reads the record that b begins with.
func decodeRecord(b []byte, salt uint32) (r rawRecord) {
	if len(b) < recordBytesMin {
		return r
	}
	at := recordFixedBytes + int(big.Uint16(b[2:]))
	if at > recordFixedBytes+nameBytesMax || at+2*crcBytes > len(b) || big.Uint32(b[at:]) != crc32.Update(salt, castagnoli, b[:at]) {
		return r
	}
	r.known = true
	r.header = Header{
		Kind: Kind(b[0]), Log: string(b[recordFixedBytes:at]), Incarnation: big.Uint64(b[8:]), LeaderEpoch: int32(big.Uint32(b[16:])),
		EndBefore: int64(big.Uint64(b[20:])), First: int64(big.Uint64(b[28:])), Last: int64(big.Uint64(b[36:])),
	}
	at += crcBytes
	payload := int64(big.Uint32(b[4:]))
	r.size = int(int64(at) + payload + crcBytes)
	if int64(len(b)-at-crcBytes) < payload {
		return r
	}
	end := at + int(payload)
	r.payload = b[at:end:end]
	r.whole = b[1] == 0 && r.header.Kind.valid() && big.Uint32(b[end:]) == crc32.Update(salt, castagnoli, r.payload)
	return r
}

// putTable writes the table and returns its bytes.
func putTable(b []byte, lengths []uint32, salt uint32) int {
	for i, n := range lengths {
		big.PutUint32(b[i*tableEntryBytes:], n)
	}
	end := len(lengths) * tableEntryBytes
	big.PutUint32(b[end:], crc32.Update(salt, castagnoli, b[:end]))
	return end + crcBytes
}

// tableValid tells whether the table that b is can be followed through records
// of so many bytes.
func tableValid(b []byte, recordsBytes int64, salt uint32) bool {
	end := len(b) - crcBytes
	if big.Uint32(b[end:]) != crc32.Update(salt, castagnoli, b[:end]) {
		return false
	}
	for i := 0; i < end; i += tableEntryBytes {
		n := int64(big.Uint32(b[i:]))
		if n < recordBytesMin {
			return false
		}
		recordsBytes -= n
	}
	return recordsBytes == 0
}
