package mutate

import (
	"encoding/binary"
	"math"
)

// BytesMax is where targets cap their inputs: longer ones cost throughput and
// find nothing more.
const BytesMax = 8 << 10

// Program is instructions yet to be read. Behind its end it reads as zeros.
type Program struct{ rest []byte }

// NewProgram reads a program from its start.
func NewProgram(b []byte) *Program { return &Program{b} }

// More tells that there is an instruction left.
func (p *Program) More() bool { return len(p.rest) > 0 }

// Byte is the next byte.
func (p *Program) Byte() byte {
	if len(p.rest) == 0 {
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

// Below is a number from 0 to n-1; 0 where n is not above 0. It takes two bytes
// where one cannot reach n.
func (p *Program) Below(n int) int {
	if n <= 0 {
		return 0
	}
	v := int(p.Byte())
	if n > 256 {
		v = v<<8 | int(p.Byte())
	}
	return v % n
}

// One tells that the next byte is one in n.
func (p *Program) One(n int) bool { return p.Byte()%byte(n) == byte(n-1) }

// Bytes is the next n bytes, or those that are left.
func (p *Program) Bytes(n int) []byte {
	n = min(n, len(p.rest))
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

// edges are numbers at which code turns.
var edges = [...]int64{
	0, 1, -1, 2, -2, 3, 5, 7, 8, 60, 61, 62, 127, 128, 255, 256, 4095, 4096, 4097, 1 << 15, -1 << 15, 1<<16 - 1,
	math.MaxInt32 - 1, math.MaxInt32, math.MinInt32, math.MaxUint32, 1 << 32, 1 << 40,
	math.MaxInt64 - 1, math.MaxInt64, math.MinInt64, 1_700_000_000_000,
}

// Int64 is a number: mostly a small one or one at an edge, seldom any.
func (p *Program) Int64() int64 {
	kind := p.Byte()
	switch {
	case kind < 128:
		return edges[int(kind)%len(edges)]
	case kind < 248:
		return int64(kind) - 128
	}
	var b [8]byte
	copy(b[:], p.Bytes(8))
	return int64(binary.BigEndian.Uint64(b[:]))
}
