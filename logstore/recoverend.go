package logstore

import (
	"errors"
	"fmt"

	"moldau/logstore/record"
)

// findEnd sets the last segment's end by the headers behind its last index
// entry, and builds its indexes where they are missing.
func (r *recovery) findEnd(s *segment) error {
	size, last := s.size(), s.offsets.Last()
	if s.offsets.Len() == 0 || last.Position > size {
		s.freshIndexes(r.log.indexOptions())
		end, err := s.rebuild(size, r.log.Config().IndexIntervalBytes)
		s.places[LogEnd].Store(uint64(end))
		if err == nil && last.Position > size {
			err = s.corrupt(size, fmt.Errorf("the index goes on to byte %d", last.Position))
		}
		return r.fail(err)
	}
	end := placeAt(last.Offset+1-s.base, last.Position)
	_, err := s.scan(last.Position, size, func(at batchAt) bool {
		end = placeAt(at.last+1-s.base, at.position+at.bytes)
		return false
	})
	s.places[LogEnd].Store(uint64(end))
	if err := ignore(err, errNoBatch); err != nil {
		return r.fail(err)
	}
	return r.fail(s.resumeFrom(last, end.position()))
}

// resume prepares the segment that holds the recovery point and returns the
// position from which on it is to be scanned. Its published end is set there.
// What begins at the point was perhaps never synced: it is not looked at here.
func (r *recovery) resume(s *segment) (int64, error) {
	if s.base >= r.point {
		s.freshIndexes(r.log.indexOptions())
		s.places[LogEnd].Store(0)
		return 0, nil
	}
	size := s.size()
	if s.offsets.Last().Position > size {
		s.freshIndexes(r.log.indexOptions())
	}
	if err := errors.Join(s.offsets.Truncate(r.point), s.times.Truncate(r.point)); err != nil {
		return 0, err
	}
	end, err := s.endBelow(r.point, size)
	if err != nil && s.offsets.Len() > 0 {
		s.freshIndexes(r.log.indexOptions()) // an entry may have pointed between batches
		end, err = s.endBelow(r.point, size)
	}
	if err != nil && r.live != nil { // a compaction may have been here since the point was read
		s.freshIndexes(r.log.indexOptions())
		s.places[LogEnd].Store(0)
		return 0, nil
	}
	if err := r.fail(err); err != nil { // headers below the recovery point do not line up
		return 0, err
	}
	s.timestampMax.Store(-1)
	s.tail.timestampMaxOffset = s.base
	if s.offsets.Len() == 0 || !s.indexEndsHold(end.position()) {
		s.freshIndexes(r.log.indexOptions())
		_, err = s.rebuild(end.position(), r.log.Config().IndexIntervalBytes)
	} else {
		err = s.resumeFrom(s.offsets.Last(), end.position())
	}
	s.places[LogEnd].Store(uint64(end))
	return end.position(), r.fail(err)
}

// endBelow walks the headers of the batches below an offset to where they end.
// That they do not reach it, with nothing or no batch behind them, is an error.
func (s *segment) endBelow(offset, size int64) (place, error) {
	near, err := s.offsets.Lookup(offset - 1)
	if err != nil {
		return 0, err
	}
	var header [record.HeaderBytes]byte
	position, next := near.Position, s.base
	for next < offset {
		end := placeAt(next-s.base, position)
		if position >= size {
			return end, s.corrupt(position, fmt.Errorf("the log ends at offset %d, below its recovery point %d", next, offset))
		}
		b, err := record.ReadHeader(s.data, position, size, &header)
		switch {
		case err != nil:
			return end, s.corrupt(position, err)
		case b.BaseOffset() < next || b.LastOffset() < b.BaseOffset():
			return end, s.corrupt(position, fmt.Errorf("base offset %d after %d", b.BaseOffset(), next))
		case near.Position > 0 && position == near.Position && b.LastOffset() != near.Offset:
			return end, s.corrupt(position, fmt.Errorf("the index names offset %d here", near.Offset))
		case b.BaseOffset() >= offset: // a gap
			return placeAt(offset-s.base, position), nil
		case b.LastOffset() >= offset:
			return placeAt(b.BaseOffset()-s.base, position), nil
		}
		position, next = position+int64(b.Size()), b.LastOffset()+1
	}
	return placeAt(next-s.base, position), nil
}

// indexEndsHold tells that the last entries of the indexes say of the batches
// below size what is so. Of entries that were written behind the recovery point
// and not synced, one may look as if it were older: zeros in place of the first
// name the segment's first offset. Entries behind one such do not.
func (s *segment) indexEndsHold(size int64) bool {
	if last := s.offsets.Last(); s.offsets.Len() > 0 {
		var header [record.HeaderBytes]byte
		b, err := record.ReadHeader(s.data, last.Position, size, &header)
		if err != nil || b.LastOffset() != last.Offset {
			return false
		}
	}
	if s.times.Len() == 0 {
		return true
	}
	last := s.times.Last()
	at, err := s.locate(last.Offset, size)
	return err == nil && at.bytes > 0 && at.base <= last.Offset && at.timestampMax == last.TimestampMs
}

// lastOffset is the last offset below position size.
func (s *segment) lastOffset(size int64) (int64, error) {
	last := s.base - 1
	if err := s.load(); err != nil {
		return last, err
	}
	near, err := s.offsets.LookupPosition(size - 1)
	if err != nil {
		return last, err
	}
	_, err = s.scan(near.Position, size, func(at batchAt) bool { last = at.last; return false })
	return last, ignore(err, errNoBatch)
}
