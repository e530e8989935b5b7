package logstore

import "moldau/logstore/record"

// superseded knows of which mapped offsets the key has a newer one in the map: a bit
// for each offset, from the first that a round maps. What it has no memory for the map
// tells by the record's key.
type superseded struct {
	from  int64    // offset of the first bit
	bits  []uint64 // as far as one was set
	words int      // that bits may have
}

func newSuperseded(bytesMax int64) superseded { return superseded{words: int(max(bytesMax/8, 1))} }

// reset forgets all, and much memory.
func (s *superseded) reset(from int64) {
	s.from = from
	if cap(s.bits) > keySlotsKept {
		s.bits = nil
	}
	s.bits = s.bits[:0]
}

// knows tells that there is memory for an offset's bit. A mapped offset without one is
// the newest of its key then.
func (s *superseded) knows(offset int64) bool {
	return offset >= s.from && offset-s.from < int64(s.words)*64
}

// add notes that the key of an offset has a newer one.
func (s *superseded) add(offset int64) {
	if !s.knows(offset) {
		return
	}
	i := int((offset - s.from) / 64)
	s.bits = grown(s.bits, i+1, s.words)
	for len(s.bits) <= i {
		s.bits = append(s.bits, 0)
	}
	s.bits[i] |= 1 << ((offset - s.from) % 64)
}

func (s *superseded) has(offset int64) bool {
	i := offset - s.from
	return i >= 0 && i/64 < int64(len(s.bits)) && s.bits[i/64]&(1<<(i%64)) != 0
}

// all tells that every offset of so many is superseded.
func (s *superseded) all(first, count int64) bool {
	for offset := first; offset < first+count; {
		i := offset - s.from
		if i < 0 || i/64 >= int64(len(s.bits)) {
			return false
		}
		n := min(64-i%64, first+count-offset)
		want := ^uint64(0) >> (64 - n) << (i % 64)
		if s.bits[i/64]&want != want {
			return false
		}
		offset += n
	}
	return true
}

// grown returns a slice with room for so many, of which there are never more than max.
func grown[T any](s []T, n, max int) []T {
	if n <= cap(s) {
		return s
	}
	return append(make([]T, 0, min(2*n, max)), s...)
}

const (
	stretchBytes = 8 << 10 // less is read with what is around it: a read for each costs more
	stretchSize  = 24      // bytes of memory
)

// stretch is some batches of a segment, one behind the other, that go unread once
// all their records are superseded.
type stretch struct {
	base     int64  // offset of the first record
	records  uint32 // offsets, with none missing if all are superseded
	position uint32
	bytes    uint32
}

// stretches are those of what a round has mapped, in order; as many as there is memory for.
type stretches struct {
	list []stretch
	max  int
	next int // the first that is not passed
}

func newStretches(bytesMax int64) stretches { return stretches{max: int(bytesMax / stretchSize)} }

func (s *stretches) reset() {
	if cap(s.list) > keySlotsKept {
		s.list = nil
	}
	s.list, s.next = s.list[:0], 0
}

// add notes a batch that may go as soon as none of its records stays. Short ones
// are noted together, or not at all.
func (s *stretches) add(b compactedBatch) {
	next := stretch{b.BaseOffset(), uint32(b.LastOffset() - b.BaseOffset() + 1), uint32(b.position), uint32(b.bytes)}
	if n := len(s.list); n > 0 && s.list[n-1].bytes < stretchBytes {
		if last := &s.list[n-1]; int64(last.position)+int64(last.bytes) == b.position && last.base+int64(last.records) == next.base {
			last.records += next.records
			last.bytes += next.bytes
		} else {
			*last = next
		}
		return
	}
	if n := len(s.list) + 1; n <= s.max {
		s.list = append(grown(s.list, n, s.max), next)
	}
}

// ahead returns the first stretch of a segment, from a position on, of which all is
// superseded. Segments and positions are asked for in order.
func (s *stretches) ahead(in compactInput, position int64, gone *superseded) (stretch, bool) {
	for ; s.next < len(s.list) && s.list[s.next].base < in.end; s.next++ {
		at := s.list[s.next]
		if at.base >= in.base && int64(at.position) >= position && at.bytes >= stretchBytes && gone.all(at.base, int64(at.records)) {
			return at, true
		}
	}
	return stretch{}, false
}

// mayGo tells that nothing but its records keeps a batch.
func (f *batchFilter) mayGo(b record.Batch) bool {
	return !b.Control() && !b.Transactional() && !f.remembered(b)
}
