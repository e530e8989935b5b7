package logstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// What the CRC does not cover of a batch: base offset, length, leader epoch and
// magic. Damage there can often be undone, for the rest proves itself.
const (
	batchLengthAt   = 8
	batchMagicAt    = 16
	batchHeadBytes  = 17
	batchChecked    = 21 // the CRC covers all from here on
	batchLengthFrom = 12 // the length counts from here on
)

// salvaged is a batch that a segment's file holds, sound by its CRC.
type salvaged struct {
	position, bytes int64
	base, last      int64                 // offsets
	epoch           int32                 // of the leader
	head            *[batchHeadBytes]byte // what the batch begins with once mended, nil where it is as found
	kept            bool
}

// badRange is what lies between two of them.
type badRange struct {
	from, to int64 // positions
	why      error
	// What its header claims, which nothing proves; count is -1 where it is none.
	first, last int64
	count       int32
}

// segmentScan is all that a segment's file holds, in its order.
type segmentScan struct {
	batches []salvaged
	bad     []badRange

	// Of a file that is as it should be, only this is remembered: its batches may
	// be millions.
	summarized     bool
	lastEnd, bytes int64
	epoch          int32
}

// scanDamaged reads a segment's file to its end, over whatever is in its way.
// The error is the device's, or progress's.
func scanDamaged(f vfs.File, base, size int64, progress func(bytes int64) error) (s segmentScan, err error) {
	sc := newBatchScanner(f, 0, size)
	for sc.position < size {
		at := sc.position
		b, err := sc.cut()
		if err != nil {
			return s, err
		}
		next := at
		if sc.bad == nil {
			next += int64(b.Size())
			s.batches = append(s.batches, salvaged{position: at, bytes: int64(b.Size()), base: b.BaseOffset(), last: b.LastOffset(), epoch: b.LeaderEpoch()})
			sc.position, sc.window = next, sc.window[min(b.Size(), len(sc.window)):]
		} else {
			why := sc.bad
			if next, err = resync(f, base, at, size); err != nil {
				return s, err
			}
			if err := s.damaged(f, at, next, why); err != nil {
				return s, err
			}
			sc.position, sc.window, sc.bad = next, nil, nil
		}
		if err := progress(next - at); err != nil {
			return s, err
		}
	}
	return s, nil
}

// damaged enters the bytes of which no sound batch can be cut.
func (s *segmentScan) damaged(f vfs.File, from, to int64, why error) error {
	b, err := mendHead(f, from, to)
	if err != nil {
		return err
	}
	if b != nil {
		s.batches = append(s.batches, *b)
		return nil
	}
	bad := badRange{from: from, to: to, why: why, first: -1, last: -1, count: -1}
	if h, err := headerAt(f, from, to); err != nil {
		return err
	} else if h != nil && h.Magic() == 2 && h.BaseOffset() >= 0 && h.LastOffsetDelta() >= 0 && int64(h.Count()) == int64(h.LastOffsetDelta())+1 {
		bad.first, bad.last, bad.count = h.BaseOffset(), h.LastOffset(), h.Count()
	}
	if n := len(s.bad); n > 0 && s.bad[n-1].to == from && bad.count < 0 {
		s.bad[n-1].to = to
		return nil
	}
	s.bad = append(s.bad, bad)
	return nil
}

// headerAt reads a batch's header, whatever it says; nil where the file is too
// short for one.
func headerAt(f vfs.File, at, size int64) (record.Batch, error) {
	if size-at < record.HeaderBytes {
		return nil, nil
	}
	b := make(record.Batch, record.HeaderBytes)
	if n, err := f.ReadAt(b, at); n < len(b) {
		return nil, err
	}
	return b, nil
}

// soundAt tells whether a whole batch lies at a position.
func soundAt(f vfs.File, at, size int64) (bool, error) {
	// A scanner of its own: the batch may be longer than a window.
	sc := newBatchScanner(f, at, size)
	b, _, err := sc.next()
	return b != nil, err
}

// resync finds where the batch at a position that is not sound ends. Its own
// length is believed if it leads, over other batches of a plausible length, to
// a sound one or to the end: a search would find batches within its records,
// were somebody to keep such there.
func resync(f vfs.File, base, at, size int64) (int64, error) {
	const hopsMax = 1000
	first := int64(0)
	for next, hops := at, 0; hops < hopsMax; hops++ {
		h, err := headerAt(f, next, size)
		if err != nil {
			return 0, err
		}
		if h == nil || h.Size() < record.HeaderBytes || int64(h.Size()) > size-next {
			break
		}
		next += int64(h.Size())
		if first == 0 {
			first = next
		}
		if next == size {
			return first, nil
		}
		if sound, err := soundAt(f, next, size); err != nil || sound {
			return first, err
		}
	}
	return search(f, base, at+1, size)
}

// search looks for the next sound batch with offsets that the segment may hold,
// byte by byte.
func search(f vfs.File, base, from, size int64) (int64, error) {
	buffer := make([]byte, max(min(scanWindowBytes, size-from), 0))
	for at := from; at+record.HeaderBytes <= size; {
		window := buffer[:min(int64(len(buffer)), size-at)]
		if n, err := f.ReadAt(window, at); n < len(window) {
			return 0, err
		}
		for i := 0; i+record.HeaderBytes <= len(window); i++ {
			b := record.Batch(window[i:])
			if b[batchMagicAt] != 2 || b.BaseOffset() < base || b.BaseOffset()-base > math.MaxInt32 ||
				b.Size() < record.HeaderBytes || int64(b.Size()) > size-at-int64(i) {
				continue
			}
			if sound, err := soundAt(f, at+int64(i), size); err != nil || sound {
				return at + int64(i), err
			}
		}
		at += int64(max(len(window)-record.HeaderBytes+1, 1))
	}
	return size, nil
}

// mendHead makes a batch of all bytes of a range, if the CRC in them says that
// only length or magic was damaged.
func mendHead(f vfs.File, from, to int64) (*salvaged, error) {
	h, err := headerAt(f, from, to)
	if h == nil || err != nil || to-from > math.MaxInt32 {
		return nil, err
	}
	crc, err := crcOf(f, from+batchChecked, to)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(h[batchLengthAt:], uint32(to-from-batchLengthFrom))
	h[batchMagicAt] = 2
	if h.CheckHeader(crc) != nil {
		return nil, nil
	}
	s := &salvaged{position: from, bytes: to - from, base: h.BaseOffset(), last: h.LastOffset(), epoch: h.LeaderEpoch(), head: new([batchHeadBytes]byte)}
	copy(s.head[:], h)
	return s, nil
}

func crcOf(f vfs.File, from, to int64) (crc uint32, err error) {
	buffer := make([]byte, max(min(scanWindowBytes, to-from), 0))
	for at := from; at < to; at += int64(len(buffer)) {
		buffer = buffer[:min(int64(len(buffer)), to-at)]
		if n, err := f.ReadAt(buffer, at); n < len(buffer) {
			return 0, err
		}
		crc = crc32.Update(crc, castagnoli, buffer)
	}
	return crc, nil
}

// move gives a batch another base offset.
func (s *salvaged) move(f io.ReaderAt, base int64) error {
	if s.head == nil {
		s.head = new([batchHeadBytes]byte)
		if n, err := f.ReadAt(s.head[:], s.position); n < len(s.head) {
			return fmt.Errorf("read batch header: %w", err)
		}
	}
	binary.BigEndian.PutUint64(s.head[:], uint64(base))
	s.base, s.last = base, base+s.last-s.base
	return nil
}
