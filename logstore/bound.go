package logstore

import "sync/atomic"

// place is an offset of a segment and its position in the file, in one word:
// relative offset << 32 | position. Both are below 2^32, so that a place is
// loaded and stored whole.
type place uint64

func placeAt(relative, position int64) place { return place(relative<<32 | position) }

func (p place) relative() int64 { return int64(p >> 32) }
func (p place) position() int64 { return int64(p & (1<<32 - 1)) }

// bound is a number of the log that moves while readers look at it: a pointer
// to the segment in which it lies and, in that segment, a place. The mover
// stores the place first and the pointer second; a reader loads the pointer
// first. A reader that still has the old pointer sees an older bound of the
// same kind, never a mixture. A mutex or a pair of words would cost every fetch.
type bound struct {
	kind    Bound
	segment atomic.Pointer[segment]
}

// mark is what a bound was when it was loaded.
type mark struct {
	segment *segment
	place   place
}

func (m mark) offset() int64 { return m.segment.base + m.place.relative() }

func (b *bound) load() mark {
	s := b.segment.Load()
	return mark{s, place(s.places[b.kind].Load())}
}

// store moves the bound. The caller holds Log.mu.
func (b *bound) store(m mark) {
	m.segment.places[b.kind].Store(uint64(m.place))
	if b.segment.Load() != m.segment {
		b.segment.Store(m.segment)
	}
}

// limitIn is the position in s up to which the bound allows reading. Segments
// are compared by base: truncation makes a new one over the same file.
func (m mark) limitIn(s *segment) int64 {
	switch {
	case s.base == m.segment.base:
		return m.place.position()
	case s.base < m.segment.base:
		return s.end().position()
	}
	return 0
}
