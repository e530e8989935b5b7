package logstore

import (
	"errors"
	"math"
	"os"
	"slices"

	"moldau/index"
	"moldau/logstore/record"
)

// openSegments opens the files of all segments, and believes the indexes of
// those below the recovery point.
func (r *recovery) openSegments(bases []int64) error {
	for _, base := range bases {
		s := &segment{base: base, dir: r.log.dir}
		if r.live != nil {
			r.live.name(s)
		}
		if err := r.openFiles(s); err != nil {
			return err
		}
		r.segments = append(r.segments, s)
		s.reset(r.log.store.nowMs())
		size, err := s.data.Size()
		if err != nil {
			return err
		}
		if size > math.MaxInt32 {
			return &CorruptionError{s.path(logSuffix), size, record.ErrTooLarge}
		}
		s.places[LogEnd].Store(uint64(placeAt(0, size)))
	}
	if err := r.dropLeftovers(); err != nil {
		return err
	}
	for i, s := range r.segments {
		below, completed := false, false
		if i < len(r.segments)-1 {
			next := r.segments[i+1].base
			s.places[LogEnd].Store(uint64(placeAt(min(next-s.base, math.MaxUint32), s.size())))
			below = r.clean || next < r.point
			completed = !below && next == r.point
		}
		if err := r.openIndexes(s, below); err != nil {
			return err
		}
		if err := r.openTxns(s, below); err != nil {
			return err
		}
		if completed {
			if err := r.complete(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropLeftovers removes empty segments that lie within the one before: a roll
// failed there, its clearing up too, and the log went on without it. Others that
// are empty are Kafka's, which compaction has left.
func (r *recovery) dropLeftovers() error {
	for i := len(r.segments) - 1; i > 0; i-- {
		s, before, last := r.segments[i], r.segments[i-1], int64(-1)
		if s.size() > 0 {
			continue
		}
		_, _ = before.scan(0, before.size(), func(at batchAt) bool { last = at.last; return false })
		if last < s.base {
			continue // what could not be read is found later
		}
		r.segments = slices.Delete(r.segments, i, i+1)
		s.abandon()
		if !r.log.store.opt.ReadOnly {
			if err := r.log.dropFiles([]*segment{s}); err != nil {
				return err
			}
		}
	}
	return nil
}

// openFiles opens a segment's files.
func (r *recovery) openFiles(s *segment) error {
	flag := os.O_RDWR
	if r.log.store.opt.ReadOnly {
		flag = os.O_RDONLY
	}
	return s.openFiles(r.log.store, flag)
}

// openIndexes opens the indexes of a segment. sealed says that it lies wholly
// below the recovery point. What is missing or inconsistent is left empty for
// rebuild.
func (r *recovery) openIndexes(s *segment, sealed bool) error {
	defer s.restIndexes()
	o := r.log.indexOptions()
	var err1, err2 error
	s.offsets, err1 = index.OpenOffsets(s.files[0], s.base, sealed, o)
	s.times, err2 = index.OpenTimes(s.files[1], s.base, sealed, o)
	for _, err := range []error{err1, err2} {
		if err != nil && !errors.Is(err, index.ErrCorrupt) {
			return err
		}
	}
	if err1 == nil && err2 == nil && !s.indexesIncomplete(s.size(), r.log.Config().IndexIntervalBytes) {
		s.timestampMax.Store(s.times.Last().TimestampMs)
		s.tail.timestampMaxOffset = s.times.Last().Offset
		s.tail.sealed = sealed
		return nil
	}
	s.freshIndexes(o)
	if !sealed {
		return nil // scanned, and built, with the tail
	}
	if _, err := s.rebuild(s.size(), r.log.Config().IndexIntervalBytes); err != nil {
		return r.fail(err)
	}
	return r.sealRebuilt(s)
}

// indexesIncomplete tells that an index file is missing, or was emptied: a segment
// with records has a time entry, unless none of them has a timestamp.
func (s *segment) indexesIncomplete(size, intervalBytes int64) bool {
	return size > 0 && s.times.Len() == 0 || size > 2*intervalBytes && s.offsets.Len() == 0
}

func (s *segment) freshIndexes(o index.Options) {
	if s.offsets != nil {
		_ = s.offsets.Close()
	}
	if s.times != nil {
		_ = s.times.Close()
	}
	s.offsets = index.NewOffsets(s.files[0], s.base, o)
	s.times = index.NewTimes(s.files[1], s.base, o)
	s.timestampMax.Store(-1)
	s.tail.timestampMaxOffset, s.tail.bytesSinceIndex, s.tail.full = s.base, 0, s.indexesFull()
}

// rebuild enters the batches below limit into empty indexes, by their headers,
// and returns where they end.
func (s *segment) rebuild(limit, intervalBytes int64) (end place, err error) {
	var header [record.HeaderBytes]byte
	next := s.base
	for position := int64(0); ; {
		end = placeAt(next-s.base, position)
		if position >= limit {
			return end, nil
		}
		b, err := record.ReadHeader(s.data, position, limit, &header)
		if err == nil && b.BaseOffset() < next {
			err = errBaseGoesBack
		}
		if err == nil {
			err = s.note(b, position, intervalBytes)
		}
		if err != nil {
			return end, s.corrupt(position, err)
		}
		next = b.LastOffset() + 1
		position += int64(b.Size())
	}
}

// complete seals a segment that ends at the recovery point: that was written when
// it was still active, and its last time index entry may be missing since.
func (r *recovery) complete(s *segment) error {
	var err error
	if s.offsets.Len() > 0 && s.indexEndsHold(s.size()) {
		err = s.resumeFrom(s.offsets.Last(), s.size())
	} else {
		s.freshIndexes(r.log.indexOptions())
		_, err = s.rebuild(s.size(), r.log.Config().IndexIntervalBytes)
	}
	if err != nil {
		return r.fail(err)
	}
	return r.sealRebuilt(s)
}

// sealRebuilt completes the indexes of a segment that gets no more appends.
func (r *recovery) sealRebuilt(s *segment) error {
	if err := s.times.MaybeAppend(s.timestampMax.Load(), s.tail.timestampMaxOffset, true); err != nil {
		return err
	}
	if r.log.store.opt.ReadOnly {
		return nil
	}
	defer s.restIndexes()
	s.tail.sealed = true
	return errors.Join(s.offsets.Seal(), s.times.Seal(), s.txns.Seal())
}
