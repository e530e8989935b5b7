package logstore

import (
	"errors"
	"math"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// checkedSegment is a segment's data on the way from batch to batch, with what
// its indexes say of them.
type checkedSegment struct {
	*checkedLog
	base    int64
	file    string
	offsets *checkedOffsets // nil where there is no such index to compare
	times   *checkedTimes
	aborts  []abortMarker

	broken       bool  // the scan ended early: what it missed says nothing about the indexes
	timestampMax int64 // ms
	gaps         int
	gapFirst     int64 // offset
	gapAt        int64 // position of the batch behind the first gap
}

// segment checks the files of the segment at base.
func (l *checkedLog) segment(base int64) error {
	l.report.Segments++
	s := &checkedSegment{checkedLog: l, base: base, file: l.files.file(segmentFileName(base, logSuffix)), timestampMax: -1}
	f, size := l.open(s.file)
	if f == nil {
		return nil
	}
	defer f.Close()
	l.report.Bytes += size
	if l.next < 0 {
		l.next = base
	}
	s.gap(base, 0)
	l.next = max(l.next, base)
	s.openIndexes(size)
	if err := s.scan(f, size); err != nil {
		return err
	}
	s.checkIndexes()
	if s.gaps > 0 {
		l.find(Note, s.file, s.gapAt, "%d gaps between offsets, the first at %d: as compaction leaves them", s.gaps, s.gapFirst)
	}
	if s.broken && !l.last && !l.torn {
		l.next = l.limit // unknown; not to be told as a gap
	}
	return nil
}

// scan goes through the batches. After one that is bad inside it goes on with
// the next; where none can be cut, it ends.
func (s *checkedSegment) scan(f vfs.File, size int64) error {
	sc := newBatchScanner(f, 0, size)
	var reported int64
	for sc.position < size {
		b, err := sc.cut()
		if err != nil {
			s.find(Fault, s.file, sc.position, "cannot be read: %v", err)
			return nil
		}
		if sc.bad != nil && (b == nil || s.tail(s.next) == Note) {
			s.torn(sc, size)
			return nil
		}
		if sc.bad != nil {
			s.find(Fault, s.file, sc.position, "%v", sc.bad)
		}
		s.batch(f, b, sc.position, sc.bad == nil)
		sc.position += int64(b.Size())
		sc.window = sc.window[min(b.Size(), len(sc.window)):]
		sc.bad = nil
		if sc.position-reported >= scanWindowBytes || sc.position == size {
			if err := s.progress(s.file, sc.position-reported); err != nil {
				return err
			}
			reported = sc.position
		}
	}
	return nil
}

// torn reports the bytes in which no batch can be cut.
func (s *checkedSegment) torn(sc *batchScanner, size int64) {
	s.broken = true
	if s.tail(s.next) == Note {
		s.checkedLog.torn = true
		s.find(Note, s.file, sc.position, "torn: the last %d bytes are no whole batch (%v), a start cuts them", size-sc.position, sc.bad)
		return
	}
	what := sc.bad
	if errors.Is(what, record.ErrShort) {
		s.find(Fault, s.file, sc.position, "cut in mid-batch: %v", what)
		return
	}
	s.find(Fault, s.file, sc.position, "%v; the last %d bytes were not checked", what, size-sc.position)
}

// batch checks a batch against its neighbours, the indexes and, if sound and
// so wished, its records. b may be the header alone.
func (s *checkedSegment) batch(f vfs.File, b record.Batch, at int64, sound bool) {
	s.report.Batches++
	s.report.Records += int64(max(b.Count(), 0))
	first, last := b.BaseOffset(), b.LastOffset()
	switch {
	case first < s.base || last-s.base > math.MaxInt32 || last < first:
		s.find(Fault, s.file, at, "offsets %d to %d cannot lie in a segment at %d", first, last, s.base)
	case last >= s.limit:
		s.find(Fault, s.file, at, "offsets %d to %d reach into the segment at %d", first, last, s.limit)
	case first < s.next:
		s.find(Fault, s.file, at, "offset goes back from %d to %d", s.next-1, first)
	default:
		s.gap(first, at)
		s.next = last + 1
	}
	if b.LeaderEpoch() < s.epoch {
		s.find(Note, s.file, at, "leader epoch goes back from %d to %d", s.epoch, b.LeaderEpoch())
	}
	s.epoch = b.LeaderEpoch()
	s.timestampMax = max(s.timestampMax, b.MaxTimestamp())
	s.offsets.batch(s, b, at)
	s.times.batch(s, b, at)
	if sound {
		s.transaction(f, b, at)
	} else {
		s.txns.exact = false
	}
	if sound && s.o.Deep {
		s.records(f, b, at)
	}
}

func (s *checkedSegment) gap(first, at int64) {
	if first <= s.next {
		return
	}
	if s.gaps++; s.gaps == 1 {
		s.gapFirst, s.gapAt = s.next, at
	}
}

// records walks a batch, whose length its CRC has confirmed.
func (s *checkedSegment) records(f vfs.File, b record.Batch, at int64) {
	if len(b) < b.Size() {
		whole := make(record.Batch, b.Size())
		if n, err := f.ReadAt(whole, at); n < len(whole) {
			s.find(Fault, s.file, at, "cannot be read: %v", err)
			return
		}
		b = whole
	}
	w, err := b.Walk(record.WalkOptions{Gaps: true, UnpackedBytesMax: s.o.DecompressedBytesMax})
	switch {
	case err != nil:
		s.find(Fault, s.file, at, "%v", err)
	case b.Count() > 0 && w.MaxTimestamp != b.MaxTimestamp():
		severity := Fault
		if b.Codec() != record.None {
			severity = Note // the client's word, taken without unpacking
		}
		s.find(severity, s.file, at, "max timestamp is %d, the header says %d", w.MaxTimestamp, b.MaxTimestamp())
	}
}
