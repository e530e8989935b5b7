package logstore

import (
	"errors"

	"moldau/logstore/record"
)

// errGone tells that a segment is in no view any more: another one may hold what
// it held.
var errGone = errors.New("segment was retired or replaced")

// OffsetForTimestamp finds the first record whose timestamp is at or after ms,
// inside compressed batches too. ok is false if there is none.
func (l *Log) OffsetForTimestamp(ms int64) (at TimestampOffset, ok bool, err error) {
	v := l.view.Load()
	if len(v.segments) == 0 {
		return TimestampOffset{}, false, l.wrap("look up timestamp", ErrClosed)
	}
	for _, s := range v.segments {
		if s.endOffset() <= l.start.Load() || s.timestampMax.Load() < ms {
			continue
		}
		at, ok, err = l.lookIn(s, ms)
		if errors.Is(err, errGone) || l.cutSince(v, err) {
			return l.OffsetForTimestamp(ms)
		}
		if ok || err != nil {
			return at, ok, l.wrap("look up timestamp", err)
		}
	}
	return TimestampOffset{}, false, nil
}

// OffsetOfMaxTimestamp finds the first record with the largest timestamp.
func (l *Log) OffsetOfMaxTimestamp() (at TimestampOffset, ok bool, err error) {
	largest, start, v := int64(-1), l.start.Load(), l.view.Load()
	for _, s := range v.segments {
		switch {
		case s.base >= start:
			largest = max(largest, s.timestampMax.Load())
		case s.endOffset() > start && s.timestampMax.Load() > largest:
			// Its largest may lie below the start.
			at, err := l.largestFrom(s, start)
			if errors.Is(err, errGone) || l.cutSince(v, err) {
				return l.OffsetOfMaxTimestamp()
			}
			if err != nil {
				return TimestampOffset{}, false, l.wrap("look up timestamp", err)
			}
			largest = max(largest, at)
		}
	}
	if largest < 0 {
		return TimestampOffset{}, false, nil
	}
	return l.OffsetForTimestamp(largest)
}

// largestFrom is the largest timestamp at and above the offset start, which
// lies in s.
func (l *Log) largestFrom(s *segment, start int64) (int64, error) {
	if !s.pin() {
		return -1, errGone
	}
	defer s.unpin()
	first, err := s.locate(start, s.size())
	if err != nil {
		return -1, err
	}
	largest, position := int64(-1), first.position
	if first.bytes > 0 && first.base < start {
		if largest, err = l.largestIn(s, first, start); err != nil {
			return -1, err
		}
		position += first.bytes
	}
	_, err = s.scan(position, s.size(), func(at batchAt) bool {
		largest = max(largest, at.timestampMax)
		return false
	})
	return largest, ignore(err, errNoBatch)
}

// largestIn is largestFrom within one batch.
func (l *Log) largestIn(s *segment, at batchAt, start int64) (int64, error) {
	b, err := s.readBatch(at)
	if err != nil {
		return -1, err
	}
	largest := int64(-1)
	err = b.Timestamps(l.store.opt.DecompressedBytesMax, func(offset, timestampMs int64) bool {
		if offset >= start {
			largest = max(largest, timestampMs)
		}
		return true
	})
	if err != nil {
		return -1, s.corrupt(at.position, err)
	}
	return largest, nil
}

// lookIn looks for the first record at or after ms in one segment.
func (l *Log) lookIn(s *segment, ms int64) (TimestampOffset, bool, error) {
	if !s.pin() {
		return TimestampOffset{}, false, errGone
	}
	defer s.unpin()
	if err := s.load(); err != nil {
		return TimestampOffset{}, false, err
	}
	// The entry's batch is the first to reach its timestamp: nothing before it is
	// late enough.
	near, err := s.times.Lookup(ms)
	if err != nil {
		return TimestampOffset{}, false, err
	}
	start, err := s.offsets.Lookup(max(near.Offset, l.start.Load()))
	if err != nil {
		return TimestampOffset{}, false, err
	}
	from, limit := start.Position, s.size()
	for {
		at, err := s.scan(from, limit, func(at batchAt) bool {
			return at.timestampMax >= ms && at.last >= l.start.Load()
		})
		if errors.Is(err, errNoBatch) {
			return TimestampOffset{}, false, nil
		}
		if err != nil {
			return TimestampOffset{}, false, err
		}
		found, ok, err := l.lookInBatch(s, at, ms)
		if ok || err != nil {
			return found, ok, err
		}
		from = at.position + at.bytes
	}
}

// lookInBatch looks for the record itself.
func (l *Log) lookInBatch(s *segment, at batchAt, ms int64) (TimestampOffset, bool, error) {
	b, err := s.readBatch(at)
	if err != nil {
		return TimestampOffset{}, false, err
	}
	found, start := TimestampOffset{Offset: -1, Epoch: b.LeaderEpoch()}, l.start.Load()
	err = b.Timestamps(l.store.opt.DecompressedBytesMax, func(offset, timestampMs int64) bool {
		if timestampMs < ms || offset < start {
			return true
		}
		found.Offset, found.TimestampMs = offset, timestampMs
		return false
	})
	if err != nil {
		return TimestampOffset{}, false, s.corrupt(at.position, err)
	}
	return found, found.Offset >= 0, nil
}

// readBatch reads one whole batch.
func (s *segment) readBatch(at batchAt) (record.Batch, error) {
	b := make([]byte, at.bytes)
	if n, err := s.data.ReadAt(b, at.position); n < len(b) {
		return nil, s.corrupt(at.position, err)
	}
	return record.Batch(b), nil
}
