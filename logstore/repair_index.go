package logstore

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"

	"moldau/index"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// indexOf builds an index of a segment from the headers of its batches, as the
// engine enters them.
func (r *repair) indexOf(s *repairSegment, suffix string) ([]byte, error) {
	var offsetsFile, timesFile memoryFile
	offsets := index.NewOffsets(&offsetsFile, s.base, index.Options{})
	times := index.NewTimes(&timesFile, s.base, index.Options{})
	since, largest, largestAt := int64(0), int64(-1), s.base
	err := r.walkFile(s.file, func(_ vfs.File, b record.Batch, at int64) error {
		if ts := b.MaxTimestamp(); ts > largest {
			largest, largestAt = ts, b.LastOffset()
		}
		if since > r.o.IndexIntervalBytes {
			since = 0
			if err := ignore(offsets.Append(b.LastOffset(), at), index.ErrFull); err != nil {
				return err
			}
			if err := ignore(times.MaybeAppend(largest, largestAt, false), index.ErrFull); err != nil {
				return err
			}
		}
		since += int64(b.Size())
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := times.MaybeAppend(largest, largestAt, true); err != nil {
		return nil, err
	}
	if suffix == offsetsSuffix {
		err = offsets.Flush()
		return offsetsFile.b, err
	}
	err = times.Flush()
	return timesFile.b, err
}

// memoryFile is an index's file before it is written.
type memoryFile struct{ b []byte }

func (m *memoryFile) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }
func (m *memoryFile) WriteAt(b []byte, at int64) (int, error) {
	m.b = append(m.b[:at], b...)
	return len(b), nil
}
func (m *memoryFile) Truncate(size int64) error { m.b = m.b[:size]; return nil }
func (m *memoryFile) Sync() error               { return nil }
func (m *memoryFile) Size() (int64, error)      { return int64(len(m.b)), nil }
func (m *memoryFile) OSFile() *os.File          { return nil }

// markerBytesMax is far above what the marker of a transaction takes.
const markerBytesMax = 64 << 10

// markerAt is what a control batch says, of which b is the header.
func markerAt(f vfs.File, b record.Batch, at int64) (record.ControlType, error) {
	if b.Size() > markerBytesMax {
		return math.MaxInt16, nil
	}
	whole := make(record.Batch, b.Size())
	if n, err := f.ReadAt(whole, at); n < len(whole) {
		return 0, err
	}
	var it record.Iterator
	defer it.Close()
	if err := it.Reset(whole, markerBytesMax); err != nil || !it.Next() {
		return math.MaxInt16, nil
	}
	kind, err := it.Record().ControlType()
	if err != nil {
		kind = math.MaxInt16
	}
	return kind, nil
}

// sync makes durable what the checkpoints are about to vouch for.
func (p *repairPlan) sync(r *repair) error {
	if p.root != "" {
		if err := r.fs.SyncDir(p.root); err != nil {
			return err
		}
	}
	for _, l := range p.logs {
		if !l.touched {
			if l.root.halfRepaired { // what the first renamed, it may not have come to sync
				if err := r.fs.SyncDir(l.files.dir); err != nil {
					return err
				}
			}
			continue
		}
		for _, s := range l.staying() {
			for _, suffix := range []string{logSuffix, offsetsSuffix, timesSuffix, txnSuffix} {
				err := r.syncFile(l.files.file(segmentFileName(s.base, suffix)))
				if suffix == txnSuffix {
					err = ignore(err, fs.ErrNotExist) // most segments have none
				}
				if err != nil {
					return err
				}
			}
		}
		if err := r.fs.SyncDir(l.files.dir); err != nil {
			return err
		}
	}
	return nil
}

func (r *repair) syncFile(name string) error {
	f, err := r.fs.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
