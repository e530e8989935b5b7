package spoil

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

const batchHeaderBytes = 61

// Spoiler changes a file's bytes, in place or not.
type Spoiler = func(b []byte) []byte

// Flip flips the lowest bit of a byte.
func Flip(at int) Spoiler {
	return func(b []byte) []byte { b[at] ^= 1; return b }
}

// Set sets a byte.
func Set(at int, v byte) Spoiler {
	return func(b []byte) []byte { b[at] = v; return b }
}

// Cut takes bytes off the end.
func Cut(n int) Spoiler {
	return func(b []byte) []byte { return b[:len(b)-n] }
}

// Add32 adds to the byte at a position, low byte of a big-endian field.
func Add32(at int, n byte) Spoiler {
	return func(b []byte) []byte { b[at] += n; return b }
}

// CopyField copies n bytes from one place to another.
func CopyField(to, from, n int) Spoiler {
	return func(b []byte) []byte { copy(b[to:to+n], b[from:from+n]); return b }
}

// Swap exchanges two entries.
func Swap(one, other, n int) Spoiler {
	return func(b []byte) []byte {
		held := slices.Clone(b[one : one+n])
		copy(b[one:one+n], b[other:other+n])
		copy(b[other:other+n], held)
		return b
	}
}

// SetLast32 writes a field of the last entry.
func SetLast32(entryBytes, field int, v uint32) Spoiler {
	return func(b []byte) []byte {
		binary.BigEndian.PutUint32(b[len(b)-entryBytes+field:], v)
		return b
	}
}

// Scramble replaces everything by noise, the same every time.
func Scramble(b []byte) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32()) & 0x7f // keep fields positive: the tool must see values, not just signs
	}
	return b
}

// AppendZeros is what a crash leaves of preallocated or never written space.
func AppendZeros(b []byte) []byte { return append(b, make([]byte, 1200)...) }

// FlipRecordByte flips a bit in the middle of the records of the largest batch
// of the file: only the CRC can tell.
func FlipRecordByte(b []byte) []byte {
	at := append(Batches(b), len(b))
	largest := 0
	for i := range len(at) - 1 {
		if at[i+1]-at[i] > at[largest+1]-at[largest] {
			largest = i
		}
	}
	b[(at[largest]+batchHeaderBytes+at[largest+1])/2] ^= 0x10
	return b
}

// CutInBatch ends the file in the middle of a batch in its middle.
func CutInBatch(b []byte) []byte {
	at := Batches(b)
	return b[:at[len(at)/2]+batchHeaderBytes+3]
}

// KeepOfLastBatch leaves the first n bytes of the last batch.
func KeepOfLastBatch(n int) Spoiler {
	return func(b []byte) []byte {
		at := Batches(b)
		return b[:at[len(at)-1]+n]
	}
}

// WithoutBatch takes the ith batch out.
func WithoutBatch(i int) Spoiler {
	return func(b []byte) []byte {
		at := Batches(b)
		return slices.Delete(b, at[i], at[i+1])
	}
}

// RepeatFirstBatch puts the first batch in the place of the last of its length.
func RepeatFirstBatch(b []byte) []byte {
	at := Batches(b)
	first := b[:at[1]]
	for i := len(at) - 2; i > 0; i-- {
		if at[i+1]-at[i] == len(first) {
			copy(b[at[i]:], first)
			return b
		}
	}
	return b
}

// WithoutLastData drops the small batch before the last marker: no index entry
// points at either, so that the gap is the only fault.
func WithoutLastData(b []byte) []byte {
	at := Batches(b)
	return slices.Delete(b, at[len(at)-2], at[len(at)-1])
}

// Batches are the positions at which a log's batches begin.
func Batches(b []byte) []int {
	var at []int
	for p := 0; p+batchHeaderBytes <= len(b); p += 12 + int(binary.BigEndian.Uint32(b[p+8:])) {
		at = append(at, p)
	}
	return at
}
