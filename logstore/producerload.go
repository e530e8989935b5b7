package logstore

import (
	"errors"
	"io/fs"
	"slices"

	"moldau/logstore/record"
)

// loadProducers is the producers' state as of end: the newest snapshot at or
// below it, and the headers, and markers, behind that. The caller holds l.mu.
func (l *Log) loadProducers(end int64) (*producers, error) {
	return l.loadProducersFrom(l.view.Load().segments, end)
}

func (l *Log) loadProducersFrom(segments []*segment, end int64) (*producers, error) {
	if len(segments) == 0 { // of a log that was closed
		return nil, ErrClosed
	}
	snapshots, err := l.snapshots()
	if err != nil {
		return nil, err
	}
	return l.loadProducersAmong(snapshots, segments, end)
}

// loadProducersAmong is loadProducersFrom for who knows which snapshots there are.
func (l *Log) loadProducersAmong(snapshots []int64, segments []*segment, end int64) (*producers, error) {
	ps, err := l.newestSnapshot(snapshots, end)
	if err != nil {
		return nil, err
	}
	from := max(ps.end, segments[0].base) // what is on disk counts, below the start too
	if from < end {
		nowMs := l.store.nowMs()
		err = walkBatches(segments, from, end, func(b record.Batch, at mark) error {
			ps.update(b, at, nowMs)
			return nil
		})
	}
	ps.end = end
	if err != nil {
		return nil, err
	}
	return ps, ps.placeOpen(segments)
}

// forgetProducers drops all that is remembered of producers: a log that begins
// anew has nothing that a snapshot could be about, and none of its transactions
// will ever be ended there.
func (l *Log) forgetProducers() error {
	l.producers = newProducers(l.store.opt.ProducerExpiryMs)
	return l.dropSnapshots(func(int64) bool { return true })
}

// snapshots lists the producer snapshots, oldest first.
func (l *Log) snapshots() (all []int64, err error) {
	names, err := l.store.fs.ReadDir(l.dir)
	for _, n := range names {
		if at, ok := parseSegmentFileName(n.Name(), snapshotSuffix); ok {
			all = append(all, at)
		}
	}
	return all, err
}

// newestSnapshot reads the newest snapshot at or below end that is whole; where
// there is none it begins with no producers at the log's start.
func (l *Log) newestSnapshot(snapshots []int64, end int64) (*producers, error) {
	expiryMs := l.store.opt.ProducerExpiryMs
	for _, at := range slices.Backward(snapshots) {
		if at > end {
			continue
		}
		text, err := readFile(l.store.fs, l.file(segmentFileName(at, snapshotSuffix)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errCheckpoint) {
			return nil, err
		}
		if err == nil {
			if ps, err := decodeSnapshot(text, at, expiryMs, l.store.nowMs()); err == nil {
				return ps, nil
			}
		}
	}
	return newProducers(expiryMs), nil
}

// walkHeaders calls f with the header of every batch from offset from up to
// end. The batches are headers only.
func walkHeaders(segments []*segment, from, end int64, f func(record.Batch)) error {
	return walkPlaces(segments, from, end, func(b record.Batch, _ mark) error {
		f(b)
		return nil
	})
}

// walkBatches is walkHeaders, with places, and with control batches whole: what
// they say is in their records.
func walkBatches(segments []*segment, from, end int64, f func(record.Batch, mark) error) error {
	return walkPlaces(segments, from, end, func(b record.Batch, at mark) error {
		if b.Control() && b.Size() <= endMarkerBytesMax {
			whole, err := at.segment.readBatch(batchAt{position: at.place.position(), bytes: int64(b.Size())})
			if err != nil {
				return err
			}
			b = whole
		}
		return f(b, at)
	})
}

func walkPlaces(segments []*segment, from, end int64, f func(record.Batch, mark) error) error {
	var header [record.HeaderBytes]byte
	v := &view{segments}
	for i := v.find(from); i < len(segments) && segments[i].base < end; i++ {
		s := segments[i]
		at, err := s.locate(max(from, s.base), s.size()) // which loads it
		if err != nil {
			return err
		}
		for position := at.position; position < s.size(); {
			b, err := record.ReadHeader(s.data, position, s.size(), &header)
			if err != nil {
				return s.corrupt(position, err)
			}
			if b.BaseOffset() >= end {
				return nil
			}
			size := int64(b.Size())
			if err := f(b, mark{s, placeAt(b.BaseOffset()-s.base, position)}); err != nil {
				return err
			}
			position += size
		}
	}
	return nil
}

// refillProducers walks back a segment's bytes before the snapshot that was loaded,
// so that a producer with several batches in flight finds all of them
// remembered. It is done when a resent batch asks for it, not at every start:
// reading a segment's headers takes longer than opening the log. The caller
// holds l.mu.
func (l *Log) refillProducers() error {
	segments := l.view.Load().segments
	end := l.producers.partialAt
	i := (&view{segments}).find(max(end-1, 0))
	if i < 0 {
		return ErrClosed
	}
	// A segment's worth of bytes: the last one may have just begun.
	for bytes := segments[i].size(); i > 0 && bytes < l.config.Load().SegmentBytes; bytes += segments[i].size() {
		i--
	}
	var older []refillBatch
	err := walkHeaders(segments, max(segments[i].base, l.start.Load()), end, func(b record.Batch) {
		if b.ProducerID() >= 0 && !b.Control() && b.BaseSequence() >= 0 {
			older = append(older, refillBatch{b.ProducerID(), b.ProducerEpoch(),
				producerBatch{b.BaseSequence(), b.LastSequence(), b.LastOffset(), b.LastOffsetDelta(), b.MaxTimestamp()}})
		}
	})
	if err != nil {
		return err
	}
	l.producers.refill(older)
	return nil
}
