package logstore

import (
	"errors"
	"io/fs"
	"os"
)

// flushTail writes out the active segment's indexes; final lets that of times name the
// newest record. One that nobody has opened has them in its files. The caller holds
// l.mu, and gives the descriptors back.
func (l *Log) flushTail(final bool) error {
	s := l.view.Load().active()
	if !s.isOpen() {
		return nil
	}
	if err := l.loadTail(); err != nil {
		return err
	}
	return s.flushIndexes(final)
}

func (s *segment) flushIndexes(final bool) error {
	if final {
		if err := s.times.MaybeAppend(s.timestampMax.Load(), s.tail.timestampMaxOffset, true); err != nil {
			return err
		}
		s.tail.full = s.indexesFull()
	}
	return errors.Join(s.bearIndexes(), s.offsets.Flush(), s.times.Flush(), s.txns.Flush())
}

// syncFlushed makes durable what was flushed of the indexes. The caller gives the
// descriptors back.
func (s *segment) syncFlushed() error {
	if s.isOpen() {
		return errors.Join(s.offsets.Sync(), s.times.Sync(), s.txns.Sync())
	}
	for _, suffix := range []string{offsetsSuffix, timesSuffix, txnSuffix} {
		f, err := s.owner.store.fs.OpenFile(s.path(suffix), os.O_RDWR, filePerm)
		if errors.Is(err, fs.ErrNotExist) {
			continue // built anew when it is needed; or there is nothing to be in it
		}
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// syncIndexes brings the active indexes to stable storage.
func (s *segment) syncIndexes() error {
	defer s.restIndexes()
	if err := s.flushIndexes(false); err != nil {
		return err
	}
	return unsyncable(s.syncFlushed())
}

// sealIndexes makes the indexes exact and durable, and maps them.
func (s *segment) sealIndexes() error {
	defer s.restIndexes()
	return unsyncable(errors.Join(s.offsets.Seal(), s.times.Seal(), s.txns.Seal()))
}
