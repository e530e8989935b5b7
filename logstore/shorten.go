package logstore

import (
	"errors"

	"moldau/index"
	"moldau/logstore/vfs"
)

// shorten makes a segment over the first bytes of old's file. Readers may hold
// old, with its indexes mapped: so the new one has indexes of its own.
func (l *Log) shorten(old *segment, size, end int64) (*segment, error) {
	s := &segment{base: old.base, dir: old.dir, data: old.data}
	old.data.refs.Add(1)
	s.reset(old.tail.createdMs)
	if err := l.fillShortened(s, old, size, end); err != nil {
		s.abandon()
		return nil, err
	}
	s.places[LogEnd].Store(uint64(placeAt(end-s.base, size)))
	return s, nil
}

func (l *Log) fillShortened(s, old *segment, size, end int64) (err error) {
	o := l.indexOptions()
	for i, suffix := range []string{offsetsSuffix, timesSuffix} {
		s.files[i] = &indexFile{fs: l.store.fs, name: s.path(suffix) + cleanedSuffix}
		if err := s.files[i].create(); err != nil {
			return err
		}
	}
	if s.offsets, err = old.offsets.CopyTo(s.files[0], end, o); err != nil {
		return err
	}
	if s.times, err = old.times.CopyTo(s.files[1], end, o); err != nil {
		return err
	}
	if err := s.copyTxns(old, l.store.fs, end); err != nil {
		return err
	}
	s.tail.timestampFirst = old.tail.timestampFirst
	if size == 0 {
		s.tail.timestampFirst = -1
	}
	return s.resumeFrom(s.offsets.Last(), size)
}

// resumeFrom sets what the writer must know to go on behind position size: the
// bytes since the last index entry, and the largest timestamp so far.
func (s *segment) resumeFrom(last index.OffsetPosition, size int64) error {
	if t := s.times.Last(); t.TimestampMs > s.timestampMax.Load() {
		s.timestampMax.Store(t.TimestampMs)
		s.tail.timestampMaxOffset = t.Offset
	}
	s.tail.bytesSinceIndex, s.tail.full = size-last.Position, s.indexesFull()
	_, err := s.scan(last.Position, size, func(at batchAt) bool {
		if at.timestampMax > s.timestampMax.Load() {
			s.timestampMax.Store(at.timestampMax)
			s.tail.timestampMaxOffset = at.last
		}
		if at.position == 0 {
			s.tail.timestampFirst = at.timestampMax
		}
		return false
	})
	if errors.Is(err, errNoBatch) {
		return nil
	}
	return err
}

// replaceIndexes puts new index files over the old ones, complete and synced,
// so that a crash leaves one or the other.
func (s *segment) replaceIndexes(fsys vfs.FS) error {
	if err := s.syncIndexes(); err != nil {
		return err
	}
	for i, suffix := range []string{offsetsSuffix, timesSuffix} {
		if err := s.files[i].rename(s.path(suffix)); err != nil {
			return err
		}
	}
	if err := s.replaceTxns(fsys); err != nil {
		return err
	}
	return fsys.SyncDir(s.dir)
}
