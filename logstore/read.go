package logstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"moldau/logstore/record"
	"moldau/zerocopy"
)

// scanBytes is how much a scan for a batch reads at a time: an index entry is
// mostly no further away.
const scanBytes = 4096

var scanBuffers = sync.Pool{New: func() any { return new([scanBytes]byte) }}

// batchAt is where a batch was found.
type batchAt struct {
	position, bytes int64
	base, last      int64 // offsets
	timestampMax    int64
}

var (
	errNoBatch      = errors.New("no such batch") // a scan reached its limit
	errBaseGoesBack = errors.New("base offset goes back")
)

// scan walks batch headers from position on, below limit, until found says so.
// Header pages are read in small pieces; what lies between is not touched.
func (s *segment) scan(position, limit int64, found func(batchAt) bool) (batchAt, error) {
	return s.scanBy(scanBytes, position, limit, found)
}

// headerAt reads the header at position, where a batch begins.
func (s *segment) headerAt(position, limit int64) (batchAt, error) {
	return s.scanBy(record.HeaderBytes, position, limit, func(batchAt) bool { return true })
}

// scanBy is scan that reads piece bytes at a time, [scanBytes] at most.
func (s *segment) scanBy(piece, position, limit int64, found func(batchAt) bool) (batchAt, error) {
	if err := s.load(); err != nil {
		return batchAt{}, err
	}
	buf := scanBuffers.Get().(*[scanBytes]byte)
	defer scanBuffers.Put(buf)
	var window []byte
	next := s.base
	for position < limit {
		if len(window) < record.HeaderBytes {
			n, err := s.data.ReadAt(buf[:min(piece, limit-position)], position)
			if n < record.HeaderBytes {
				if err == nil || errors.Is(err, io.EOF) {
					err = record.ErrShort
				}
				return batchAt{}, s.corrupt(position, err)
			}
			window = buf[:n]
		}
		b := record.Batch(window)
		if b.Magic() != 2 {
			return batchAt{}, s.corrupt(position, record.ErrMagic)
		}
		at := batchAt{position, int64(b.Size()), b.BaseOffset(), b.LastOffset(), b.MaxTimestamp()}
		if at.bytes < record.HeaderBytes || at.bytes > limit-position || at.last < at.base {
			return batchAt{}, s.corrupt(position, record.ErrLength)
		}
		if at.base < next {
			return batchAt{}, s.corrupt(position, errBaseGoesBack)
		}
		if found(at) {
			return at, nil
		}
		position, next = position+at.bytes, at.last+1
		window = window[min(at.bytes, int64(len(window))):]
	}
	return batchAt{}, errNoBatch
}

// corrupt names the place of what is not as it was written. A read that failed tells
// nothing of the bytes, and stays what it is: a log that it hits is not to be
// quarantined for it.
func (s *segment) corrupt(position int64, err error) error {
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return err
	}
	return &CorruptionError{File: s.path(logSuffix), Offset: position, Err: err}
}

// locate finds the batch that holds offset, or the first one behind it. With
// none below limit it returns limit as the position and no bytes.
func (s *segment) locate(offset, limit int64) (batchAt, error) {
	if err := s.load(); err != nil {
		return batchAt{}, err
	}
	near, next, ok, err := s.offsets.LookupPair(offset)
	if err != nil {
		return batchAt{}, err
	}
	if ok && next.Position-near.Position > scanBytes && next.Position < limit {
		// Batches are long here: the one wanted is likely the next that the index
		// knows, and the walk to it would cost one more system call.
		at, err := s.headerAt(next.Position, limit)
		if err != nil || at.base <= offset {
			return at, err
		}
	}
	at, err := s.scan(near.Position, limit, func(at batchAt) bool { return at.last >= offset })
	if errors.Is(err, errNoBatch) {
		return batchAt{position: limit, base: offset}, nil
	}
	return at, err
}

// Read plans a read of at most bytesMax bytes, from the batch that holds the
// offset from on, below the bound. The last batch may be cut short.
// oneAtLeast returns the first batch whole, even if it is larger. With nothing
// to read yet f is empty. ErrOffsetRange tells that from lies before the start
// or past the end.
//
// Nothing is read but a few headers: f holds pinned parts of files, which stay
// as they are until f.Release, whatever happens to the log. Reads take no lock
// and, once f has grown, allocate nothing.
func (l *Log) Read(f *Fetch, from int64, upto Bound, bytesMax int, oneAtLeast bool) error {
	f.Release()
	if l.failure() != nil && l.Offset(Durable) < l.Offset(upto) {
		upto = Durable // what a poisoned log holds above is not known
	}
	before := l.view.Load() // before the bound, which a truncation lowers first
	limit := l.bounds[upto].load()
	f.LastStable = l.Offset(LastStable)
	f.HighWatermark, f.LogEnd, f.Start = l.Offset(HighWatermark), l.Offset(LogEnd), l.start.Load()
	f.LastStable, f.Upto = min(f.LastStable, f.HighWatermark), from
	if from < f.Start || from > f.LogEnd {
		return l.wrap("read", fmt.Errorf("%w: %d, the log has %d to %d", ErrOffsetRange, from, f.Start, f.LogEnd))
	}
	if from >= limit.offset() {
		return nil
	}
	err := l.plan(f, from, limit, int64(bytesMax), oneAtLeast)
	if err != nil {
		f.Release()
	}
	if l.cutSince(before, err) {
		return l.Read(f, from, upto, bytesMax, oneAtLeast)
	}
	return l.wrap("read", err)
}

// cutSince tells that what was found corrupt may have been a file that a
// truncation cut while it was read, and one that was not found that it, or
// retention, took away before it was opened: they store another view first.
func (l *Log) cutSince(before *view, err error) bool {
	if err == nil {
		return false // before what errors.As lets escape
	}
	var corrupt *CorruptionError
	return (errors.As(err, &corrupt) || errors.Is(err, fs.ErrNotExist)) && l.view.Load() != before
}

// plan pins segments from the one that holds from on and cuts sections.
func (l *Log) plan(f *Fetch, from int64, limit mark, bytesMax int64, oneAtLeast bool) error {
	l.use()
	v, i, err := l.pinAt(from)
	if err != nil {
		return err
	}
	for located := false; ; {
		s := v.segments[i]
		f.pins = append(f.pins, s)
		if err := s.load(); err != nil {
			return err
		}
		// Not beyond the pinned segment's own end: the bound may be older than a
		// truncation that the view is not.
		position, end := int64(0), min(limit.limitIn(s), s.size())
		if !located {
			at, err := s.locateOn(from, end)
			if err != nil {
				return err
			}
			position, located = at.position, at.bytes > 0
			if at.bytes > bytesMax {
				if !oneAtLeast {
					f.Release()
					return nil
				}
				bytesMax = at.bytes
			}
			s.noteReadEnd(from, at, bytesMax, end, limit)
		}
		if n := min(end-position, bytesMax); n > 0 {
			f.Sections = append(f.Sections, zerocopy.Section{File: s.data, Offset: position, Length: int(n), Behind: end - position - n})
			f.Bytes += int(n)
			bytesMax -= n
			if f.Upto, err = s.offsetBehind(position+n, limit); err != nil {
				return err
			}
		}
		i++
		// A segment may be empty, as Kafka's compaction leaves them, and more follow.
		if bytesMax < record.HeaderBytes || i == len(v.segments) || v.segments[i].base > limit.segment.base || !v.segments[i].pin() {
			return nil
		}
	}
}

// offsetBehind is an offset that no batch which begins below the position
// reaches, as near as the index tells.
func (s *segment) offsetBehind(position int64, limit mark) (int64, error) {
	if position >= limit.limitIn(s) {
		return min(s.endOffset(), limit.offset()), nil
	}
	near, err := s.offsets.LookupPosition(position - 1)
	if err != nil {
		return 0, err
	}
	_, next, ok, err := s.offsets.LookupPair(near.Offset)
	if !ok {
		next.Offset = s.endOffset()
	}
	return min(next.Offset, limit.offset()), err
}

// pinAt pins the segment that holds offset.
func (l *Log) pinAt(offset int64) (*view, int, error) {
	for {
		v := l.view.Load()
		i := v.find(offset)
		if i < 0 {
			return nil, 0, ErrClosed
		}
		// A failed pin means that a newer view is there: it is stored before the
		// old segment's reference is dropped.
		if v.segments[i].base > offset {
			return nil, 0, fmt.Errorf("%w: %d was just retired", ErrOffsetRange, offset)
		}
		if v.segments[i].pin() {
			return v, i, nil
		}
	}
}

// segmentAt is the segment that holds offset; the caller holds l.mu.
func (l *Log) segmentAt(offset int64) *segment {
	v := l.view.Load()
	return v.segments[v.find(offset)]
}

// Release gives the files back. f may be used again.
func (f *Fetch) Release() {
	for _, s := range f.pins {
		s.unpin()
	}
	clear(f.Sections)
	clear(f.pins)
	f.Sections, f.pins, f.Bytes = f.Sections[:0], f.pins[:0], 0
}
