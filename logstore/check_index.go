package logstore

import (
	"moldau/index"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// The checks of indexes run beside the scan of the data: entries and batches
// are both in order, so each batch meets its entries as it passes.

// checkedIndex is what both kinds have in common.
type checkedIndex struct {
	file       string
	handle     vfs.File
	entryBytes int64
	entry      int // to come
	count      int
}

// openIndexes reads the segment's indexes. A missing one is a Fault below the recovery
// point, or after a clean close: a new log's are made when they are first flushed. A
// segment without bytes needs none.
func (s *checkedSegment) openIndexes(dataBytes int64) {
	var o index.Options
	if x, ok := s.openIndex(offsetsSuffix, offsetEntryBytes, dataBytes); ok {
		// Never as sealed: that would map the file and check its ends alone.
		if all, err := index.OpenOffsets(x.handle, s.base, false, o); s.opened(&x, err) {
			x.count = all.Len()
			s.padded(x, all.Padded())
			s.offsets = &checkedOffsets{x, all}
		}
	}
	if x, ok := s.openIndex(timesSuffix, timeEntryBytes, dataBytes); ok {
		if all, err := index.OpenTimes(x.handle, s.base, false, o); s.opened(&x, err) {
			x.count = all.Len()
			s.padded(x, all.Padded())
			s.times = &checkedTimes{x, all}
		}
	}
}

func (s *checkedSegment) openIndex(suffix string, entryBytes, dataBytes int64) (x checkedIndex, ok bool) {
	x.file, x.entryBytes = s.files.file(segmentFileName(s.base, suffix)), entryBytes
	if !s.files.has(s.base, suffix) {
		if dataBytes > 0 {
			s.find(s.tail(s.next), x.file, 0, "missing")
		}
		return x, false
	}
	x.handle, _ = s.open(x.file)
	return x, x.handle != nil
}

// opened reports an index that is none.
func (s *checkedSegment) opened(x *checkedIndex, err error) bool {
	if err == nil {
		return true
	}
	s.indexFault(*x, 0, "%v", err)
	_ = x.handle.Close()
	return false
}

// indexFault reports a fault that is none where a start builds the index anew.
func (s *checkedSegment) indexFault(x checkedIndex, offset int64, format string, args ...any) {
	s.find(s.tail(s.next), x.file, offset, format, args...)
}

func (s *checkedSegment) padded(x checkedIndex, bytes int64) {
	if bytes > 0 {
		s.find(Note, x.file, x.at(x.count), "%d entries, then %d bytes of zeros: not closed cleanly", x.count, bytes)
	}
}

// at is where entry i lies in the file.
func (x *checkedIndex) at(i int) int64 { return int64(i) * x.entryBytes }

// checkIndexes asks for what the scan left over, and of the transaction index.
func (s *checkedSegment) checkIndexes() {
	s.offsets.end(s)
	s.times.end(s)
	s.transactions()
}

const (
	offsetEntryBytes = 8
	timeEntryBytes   = 12
)

// checkedOffsets wants a batch to begin at every entry's position and to end at
// its offset.
type checkedOffsets struct {
	checkedIndex
	all *index.Offsets
}

func (x *checkedOffsets) batch(s *checkedSegment, b record.Batch, at int64) {
	for x != nil && x.entry < x.count {
		e, err := x.all.Entry(x.entry)
		if err != nil || e.Position > at {
			return
		}
		entryAt := x.at(x.entry)
		x.entry++
		switch {
		case e.Position < at:
			s.indexFault(x.checkedIndex, entryAt, "no batch begins at %d", e.Position)
		case e.Offset != b.LastOffset():
			s.indexFault(x.checkedIndex, entryAt, "names offset %d, but the batch at %d ends at %d", e.Offset, at, b.LastOffset())
		}
	}
}

func (x *checkedOffsets) end(s *checkedSegment) {
	if x == nil {
		return
	}
	if left := x.count - x.entry; left > 0 && !s.broken {
		e, _ := x.all.Entry(x.entry)
		s.indexFault(x.checkedIndex, x.at(x.entry), "%d entries, from position %d on, lie past the last batch", left, e.Position)
	}
	_ = x.all.Close()
	_ = x.handle.Close()
}

// checkedTimes wants a batch to end at every entry's offset, with the entry's
// timestamp as its largest, and none before it to have a larger one. In a
// sealed segment the last entry is the segment's largest.
type checkedTimes struct {
	checkedIndex
	all *index.Times
}

func (x *checkedTimes) batch(s *checkedSegment, b record.Batch, at int64) {
	for x != nil && x.entry < x.count {
		e, err := x.all.Entry(x.entry)
		if err != nil || e.Offset > b.LastOffset() {
			return
		}
		entryAt := x.at(x.entry)
		x.entry++
		switch {
		case e.Offset < b.LastOffset():
			s.indexFault(x.checkedIndex, entryAt, "no batch ends at offset %d", e.Offset)
		case e.TimestampMs != b.MaxTimestamp():
			s.indexFault(x.checkedIndex, entryAt, "names timestamp %d, but the largest of the batch at %d is %d", e.TimestampMs, at, b.MaxTimestamp())
		case e.TimestampMs < s.timestampMax:
			s.indexFault(x.checkedIndex, entryAt, "names timestamp %d, but there is one of %d before", e.TimestampMs, s.timestampMax)
		}
	}
}

func (x *checkedTimes) end(s *checkedSegment) {
	if x == nil {
		return
	}
	switch left := x.count - x.entry; {
	case s.broken:
	case left > 0:
		e, _ := x.all.Entry(x.entry)
		s.indexFault(x.checkedIndex, x.at(x.entry), "%d entries, from offset %d on, lie past the last batch", left, e.Offset)
	case x.all.Last().TimestampMs < s.timestampMax && (!s.last || s.clean):
		severity := Fault
		if !s.clean && s.next >= s.recovery {
			// Killed between roll and seal, which adds that entry. A checkpoint may have
			// been before the roll, with nothing appended between.
			severity = Note
		}
		s.find(severity, x.file, x.at(x.count), "last entry is at %d, the segment's largest timestamp is %d", x.all.Last().TimestampMs, s.timestampMax)
	}
	_ = x.all.Close()
	_ = x.handle.Close()
}
