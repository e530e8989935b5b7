package logstore

import "sync/atomic"

// readEnds are places in a segment at which reads ended, between two batches: whoever
// reads on begins at one of them, and need not look for it. An offset has one slot, in
// which others displace it. The zero value is right: the base offset is at the beginning.
//
// A truncation makes a new segment, so that no place outlives what was there.
type readEnds [8]atomic.Uint64

func (e *readEnds) slot(relative int64) *atomic.Uint64 {
	const golden = 0x9e3779b97f4a7c15 // spreads offsets that are alike in their low bits
	return &e[uint64(relative)*golden>>61]
}

// find returns the position of the batch that begins at, or behind, the offset.
func (e *readEnds) find(relative int64) (position int64, ok bool) {
	p := place(e.slot(relative).Load())
	return p.position(), p.relative() == relative
}

func (e *readEnds) note(p place) {
	// Many consumers read the same: what is there already is not written again, each
	// write takes the line away from all other cores.
	if slot := e.slot(p.relative()); slot.Load() != uint64(p) {
		slot.Store(uint64(p))
	}
}

// locateOn is locate for who may read on where a read ended: one header is read then,
// and no index. A header that contradicts the place is for locate to judge.
func (s *segment) locateOn(offset, limit int64) (batchAt, error) {
	if position, ok := s.readEnds.find(offset - s.base); ok && position < limit {
		if at, err := s.headerAt(position, limit); err == nil && at.base <= offset && offset <= at.last {
			return at, nil
		}
	}
	return s.locate(offset, limit)
}

// noteReadEnd notes where a reader goes on who asked from an offset on, and got bytesMax
// bytes below end, beginning with the batch at. Of several batches that are cut short
// nobody knows where the last whole one ends: an index entry is near, for so many bytes
// near enough.
func (s *segment) noteReadEnd(from int64, at batchAt, bytesMax, end int64, limit mark) {
	switch {
	case at.bytes == 0:
	case bytesMax >= end-at.position:
		// In the bound's own segment only: limitIn goes by base, and a bound that is older
		// than a truncation may lie inside a batch of what was written since.
		if s == limit.segment && end == limit.place.position() {
			s.readEnds.note(limit.place)
		}
	case bytesMax < 2*at.bytes && from <= at.last && at.last < s.endOffset(): // else its header is not to be believed
		s.readEnds.note(placeAt(at.last+1-s.base, at.position+at.bytes))
	}
}
