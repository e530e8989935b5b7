package main

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

type spoiler = func(b []byte) []byte

func flip(at int) spoiler {
	return func(b []byte) []byte { b[at] ^= 1; return b }
}

func set(at int, v byte) spoiler {
	return func(b []byte) []byte { b[at] = v; return b }
}

func cut(n int) spoiler {
	return func(b []byte) []byte { return b[:len(b)-n] }
}

// add32 adds to the byte at a position, low byte of a big-endian field.
func add32(at int, n byte) spoiler {
	return func(b []byte) []byte { b[at] += n; return b }
}

func copyField(to, from, n int) spoiler {
	return func(b []byte) []byte { copy(b[to:to+n], b[from:from+n]); return b }
}

func swap(one, other, n int) spoiler {
	return func(b []byte) []byte {
		held := slices.Clone(b[one : one+n])
		copy(b[one:one+n], b[other:other+n])
		copy(b[other:other+n], held)
		return b
	}
}

// setLast32 writes a field of the last entry.
func setLast32(entryBytes, field int, v uint32) spoiler {
	return func(b []byte) []byte {
		binary.BigEndian.PutUint32(b[len(b)-entryBytes+field:], v)
		return b
	}
}

func scramble(b []byte) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32()) & 0x7f // keep fields positive: the tool must see values, not just signs
	}
	return b
}

// appendZeros is what a crash leaves of preallocated or never written space.
func appendZeros(b []byte) []byte { return append(b, make([]byte, 1200)...) }

// flipRecordByte changes data in the middle of a batch in the middle of the
// file, inside a value: lengths and counts stay true, only the CRC can tell.
func flipRecordByte(b []byte) []byte {
	at := batches(b)
	middle := at[len(at)/2]
	if binary.BigEndian.Uint16(b[middle+21:])&0x20 != 0 { // a marker: too short
		middle = at[len(at)/2-1]
	}
	b[middle+batchHeaderBytes+600] ^= 0x10
	return b
}

// keepOfLastBatch leaves the first n bytes of the last batch.
func keepOfLastBatch(n int) spoiler {
	return func(b []byte) []byte {
		at := batches(b)
		return b[:at[len(at)-1]+n]
	}
}

func withoutBatch(i int) spoiler {
	return func(b []byte) []byte {
		at := batches(b)
		return slices.Delete(b, at[i], at[i+1])
	}
}

// repeatFirstBatch puts the first batch in the place of the last of its length.
func repeatFirstBatch(b []byte) []byte {
	at := batches(b)
	first := b[:at[1]]
	for i := len(at) - 2; i > 0; i-- {
		if at[i+1]-at[i] == len(first) {
			copy(b[at[i]:], first)
			return b
		}
	}
	return b
}

// withoutLastData drops the small batch before the last marker: no index entry
// points at either, so that the gap is the only fault.
func withoutLastData(b []byte) []byte {
	at := batches(b)
	return slices.Delete(b, at[len(at)-2], at[len(at)-1])
}
