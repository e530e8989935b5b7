package logstore

import (
	"fmt"
	"os"
	"path"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// headers visits the headers of all batches that stay, as they shall be, in files
// that are still as they were found. Control batches are whole: what they say is in
// their records.
func (l *repairLog) headers(visit func(s *repairSegment, b record.Batch) error) error {
	for _, s := range l.staying() {
		if err := l.headersOf(s, func(b record.Batch) error { return visit(s, b) }); err != nil {
			return err
		}
	}
	return nil
}

// headersOf is headers of one segment.
func (l *repairLog) headersOf(s *repairSegment, visit func(b record.Batch) error) error {
	if s.changed() {
		return l.withFile(s.file, func(f vfs.File, _ int64) error {
			for i := range s.scan.batches {
				if !s.scan.batches[i].kept {
					continue
				}
				b, err := s.scan.batches[i].header(f)
				if err == nil {
					err = visit(b)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := l.r.walkFile(s.file, func(f vfs.File, b record.Batch, at int64) (err error) {
		if b.Control() {
			b, err = (&salvaged{position: at, bytes: int64(b.Size())}).header(f)
		}
		if err != nil {
			return err
		}
		return visit(b)
	})
	if err != nil {
		return l.r.ofFile(err)
	}
	return nil
}

// header reads what headers visits of a batch.
func (s *salvaged) header(f vfs.File) (record.Batch, error) {
	b, err := headerAt(f, s.position, s.position+s.bytes)
	if err == nil && b.Control() && s.bytes <= endMarkerBytesMax {
		b = make(record.Batch, s.bytes)
		if n, readErr := f.ReadAt(b, s.position); n < len(b) {
			err = readErr
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read batch at byte %d: %w", s.position, err)
	}
	if s.head != nil {
		copy(b, s.head[:])
	}
	return b, nil
}

// walkFile visits the batch headers of a sound file.
func (r *repair) walkFile(name string, visit func(f vfs.File, b record.Batch, at int64) error) error {
	f, err := r.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	var header [record.HeaderBytes]byte
	for at := int64(0); at < size; {
		b, err := record.ReadHeader(f, at, size, &header)
		if err == nil {
			err = visit(f, b, at)
		}
		if err != nil {
			return fmt.Errorf("%s at byte %d: %w", path.Base(name), at, err)
		}
		at += int64(b.Size())
	}
	return nil
}
