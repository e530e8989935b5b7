package logstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"moldau/logstore/record"
)

// keepCut copies what is about to be cut off a segment, from position end on,
// into a file beside it, if a whole batch is in it that the log could have
// gone on with. Such a tail is mostly what pages that reached the disk out of
// order leave. But it may be rot in what was acknowledged, which nothing but a
// later sync on record could tell from it: so it is told, and not destroyed.
func (r *recovery) keepCut(s *segment, end, size int64) error {
	found, err := s.wholeBatchBehind(end, size, max(s.endOffset(), r.journaled))
	if err != nil || !found {
		return err
	}
	name, err := r.cutName(s)
	if err != nil {
		return err
	}
	fsys := r.log.store.fs
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm)
	if err != nil {
		return spaceError(err)
	}
	buffer := make([]byte, min(scanWindowBytes, size-end))
	for at := end; at < size && err == nil; at += int64(len(buffer)) {
		buffer = buffer[:min(int64(len(buffer)), size-at)]
		if _, err = s.data.ReadAt(buffer, at); err == nil {
			_, err = f.WriteAt(buffer, at-end)
		}
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = fsys.SyncDir(s.dir)
	}
	if err != nil {
		_ = fsys.Remove(name) // nothing is cut, and the next attempt would leave another
		return spaceError(err)
	}
	r.kept = append(r.kept, name)
	return nil
}

// cutName is a name that no earlier cut of the segment has taken.
func (r *recovery) cutName(s *segment) (string, error) {
	name := s.path(cutSuffix)
	for i := 2; ; i++ {
		_, err := r.log.store.fs.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		name = fmt.Sprintf("%s.%d%s", s.path(""), i, cutSuffix)
	}
}

// wholeBatchBehind looks for a valid batch at or above the offset from behind a
// position. Headers are found by their magic byte and an offset that fits.
func (s *segment) wholeBatchBehind(position, size, from int64) (bool, error) {
	const magicAt = 16
	buffer := make([]byte, min(scanWindowBytes, size-position))
	for at := position; at+record.HeaderBytes <= size; {
		n := min(int64(len(buffer)), size-at)
		if _, err := s.data.ReadAt(buffer[:n], at); err != nil {
			return false, err
		}
		window := buffer[:n]
		for i := 0; i+record.HeaderBytes <= len(window); i++ {
			skip := bytes.IndexByte(window[i+magicAt:], 2)
			if skip < 0 || i+skip+record.HeaderBytes > len(window) {
				break
			}
			i += skip
			b := record.Batch(window[i:])
			if b.BaseOffset() < from || b.BaseOffset()-s.base >= 1<<31-1 || at+int64(i) == position {
				continue
			}
			// A scanner of its own: the batch may be longer than the window.
			sc := newBatchScanner(s.data, at+int64(i), size)
			if b, _, err := sc.next(); err != nil || b != nil {
				return b != nil, err
			}
		}
		at += max(n-record.HeaderBytes, 1)
	}
	return false, nil
}
