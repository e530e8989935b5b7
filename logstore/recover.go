package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"

	"moldau/index"
	"moldau/logstore/record"
)

// recovery opens one log's files and finds out where it truly ends.
//
// Below the recovery point everything was synced, indexes included, and is
// believed as far as it is consistent. Above it only batches whose CRC holds
// are, in an unbroken row; the rest is cut, and indexes are built anew. After a
// clean close the recovery point is the end.
type recovery struct {
	tp      TopicPartition
	log     *Log
	failed  error // why the log is not opened
	clean   bool
	point   int64 // recovery point
	high    int64 // high watermark as it was noted, for replicated logs
	cleaned int64 // below it holes between segments are legal: Kafka compacted up to here, or wrote all of it

	// What the journal says.
	synced    int64 // the log's own files were, up to here: bad bytes below are rot
	journaled int64 // end of what it holds
	rotten    bool  // a record of this log is
	lost      bool  // a record is of which nobody knows whose it was

	first     int // of the segments that were scanned
	segments  []*segment
	unreached []*segment // behind a fatal fault: neither served nor touched
	scanned   int64      // bytes
	replayed  int64      // bytes
	cut       int64      // bytes
	reason    error      // for cutting
	badTxns   []*segment // whose transaction indexes are to be built anew
	aside     aside      // of the journal
	kept      []string   // files that hold what was cut and may have been whole
	scan      *scan      // for whoever watches
	fatal     error      // corruption below the recovery point: the log is served as far as it goes, and takes no appends
}

// abandon closes what a failed opening has opened.
func (r *recovery) abandon() {
	for _, s := range append(r.segments, r.unreached...) {
		_ = s.txns.Close()
		if s.offsets != nil {
			_ = s.offsets.Close()
		}
		if s.times != nil {
			_ = s.times.Close()
		}
		s.abandon()
	}
}

func (r *recovery) last() *segment { return r.segments[len(r.segments)-1] }

// open opens the files and finds the end of what is in them.
func (r *recovery) open() error {
	if err := r.readID(); err != nil {
		return err
	}
	bases, err := r.tidy()
	if err != nil {
		return err
	}
	if len(bases) == 0 {
		return r.startEmpty()
	}
	if err := r.openSegments(bases); err != nil {
		return err
	}
	l := r.log
	l.start.Store(max(l.start.Load(), r.segments[0].base))
	return r.recoverTail()
}

// readID reads the topic's id.
func (r *recovery) readID() error {
	l := r.log
	text, err := readFile(l.store.fs, l.file(partitionMetaFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		l.id, err = decodePartitionMeta(text)
	}
	return err
}

// finish makes what was found, and put back from the journal, durable and the
// log's.
func (r *recovery) finish() error {
	l := r.log
	if err := r.checkJournaled(); err != nil {
		return err
	}
	if end := r.last().endOffset(); r.fatal == nil && l.start.Load() > end {
		// In os mode the start offset is durable before the records below it are.
		// Nothing that is left is of interest.
		if err := r.dropSegments(0); err != nil {
			return err
		}
		if err := r.startEmpty(); err != nil {
			return err
		}
	} else if err := r.secure(); err != nil {
		return err
	}
	if err := r.fail(r.last().readFirst()); err != nil {
		return err
	}
	release(r.unreached)
	l.begin(r.segments...)
	if l.Config().Replicated {
		l.restoreHighWatermark(r.high)
		if err := r.fail(l.recallDecided()); err != nil {
			return err
		}
	}
	l.settleAnew()
	if r.fatal != nil {
		_ = l.poison(r.fatal)
	}
	l.dirty = !r.clean
	if r.clean {
		l.standing.recovery = l.Offset(LogEnd)
	}
	if r.cleaned == math.MaxInt64 {
		l.standing.holesBelow = l.Offset(LogEnd)
	}
	l.askRetention(l.store.nowMs())
	if !r.clean && !l.store.opt.ReadOnly {
		l.store.emit(LogRecovered{l.tp, r.point, l.Offset(LogEnd), r.scanned, r.replayed, r.cut, r.reason, r.kept})
	}
	return nil
}

// checkJournaled tells that the log lacks what was acknowledged.
func (r *recovery) checkJournaled() error {
	if r.fatal != nil || r.log.store.opt.ReadOnly {
		return nil
	}
	end := r.last().endOffset()
	switch {
	case end < r.synced:
		return r.fail(r.last().corrupt(r.last().size(), fmt.Errorf("the log ends at offset %d, but was synced up to %d", end, r.synced)))
	case end < r.journaled:
		return r.fail(r.last().corrupt(r.last().size(), fmt.Errorf("the log ends at offset %d, its journal at %d", end, r.journaled)))
	case r.lost && !r.clean:
		return r.fail(r.last().corrupt(r.last().size(), errRottenCommit))
	}
	return nil
}

// readFirst learns the time from which segment.ms counts.
func (s *segment) readFirst() error {
	var header [record.HeaderBytes]byte
	if s.size() == 0 {
		return nil
	}
	b, err := record.ReadHeader(s.data, 0, s.size(), &header)
	if err != nil {
		return s.corrupt(0, err)
	}
	s.tail.timestampFirst = b.MaxTimestamp()
	return nil
}

// restoreHighWatermark puts the high watermark back where a checkpoint says, or
// at the start of the batch before.
func (l *Log) restoreHighWatermark(offset int64) {
	offset = max(offset, l.start.Load())
	s := l.segmentAt(offset)
	at, err := s.locate(offset, s.size())
	if err != nil || offset >= l.Offset(LogEnd) {
		return
	}
	l.bounds[HighWatermark].store(mark{s, placeAt(max(min(offset, at.base), s.base)-s.base, at.position)})
}

// startEmpty gives a log without segments its first.
func (r *recovery) startEmpty() error {
	l := r.log
	base := l.start.Load()
	if l.store.opt.ReadOnly {
		s := &segment{base: base, dir: l.dir, data: &dataFile{File: emptyFile{}}, files: [2]*indexFile{{}, {}}}
		s.data.refs.Store(1)
		s.beginTxns(l.store.fs, true)
		l.producers = newProducers(l.store.opt.ProducerExpiryMs)
		s.reset(l.store.nowMs())
		s.offsets, s.times = index.NewOffsets(emptyFile{}, base, index.Options{}), index.NewTimes(emptyFile{}, base, index.Options{})
		r.segments, r.first = []*segment{s}, 0
		return nil
	}
	if err := l.forgetProducers(); err != nil {
		return err
	}
	s, err := l.createSegment(base)
	if err != nil {
		return err
	}
	r.segments, r.first = []*segment{s}, 0
	return l.store.fs.SyncDir(l.dir)
}

// openSegments opens the files of all segments, and believes the indexes of
// those below the recovery point.
func (r *recovery) openSegments(bases []int64) error {
	for _, base := range bases {
		s := &segment{base: base, dir: r.log.dir}
		if err := r.openFiles(s); err != nil {
			return err
		}
		r.segments = append(r.segments, s)
		s.reset(r.log.store.nowMs())
		size, err := s.data.Size()
		if err != nil {
			return err
		}
		if size > math.MaxInt32 {
			return &CorruptionError{s.path(logSuffix), size, record.ErrTooLarge}
		}
		s.places[LogEnd].Store(uint64(placeAt(0, size)))
	}
	if err := r.dropLeftovers(); err != nil {
		return err
	}
	for i, s := range r.segments {
		below, completed := false, false
		if i < len(r.segments)-1 {
			next := r.segments[i+1].base
			s.places[LogEnd].Store(uint64(placeAt(min(next-s.base, math.MaxUint32), s.size())))
			below = r.clean || next < r.point
			completed = !below && next == r.point
		}
		if err := r.openIndexes(s, below); err != nil {
			return err
		}
		if err := r.openTxns(s, below); err != nil {
			return err
		}
		if completed {
			if err := r.complete(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropLeftovers removes empty segments that lie within the one before: a roll
// failed there, its clearing up too, and the log went on without it. Others that
// are empty are Kafka's, which compaction has left.
func (r *recovery) dropLeftovers() error {
	for i := len(r.segments) - 1; i > 0; i-- {
		s, before, last := r.segments[i], r.segments[i-1], int64(-1)
		if s.size() > 0 {
			continue
		}
		_, _ = before.scan(0, before.size(), func(at batchAt) bool { last = at.last; return false })
		if last < s.base {
			continue // what could not be read is found later
		}
		r.segments = slices.Delete(r.segments, i, i+1)
		s.abandon()
		if !r.log.store.opt.ReadOnly {
			if err := r.log.dropFiles([]*segment{s}); err != nil {
				return err
			}
		}
	}
	return nil
}

// openFiles opens a segment's files.
func (r *recovery) openFiles(s *segment) error {
	flag := os.O_RDWR
	if r.log.store.opt.ReadOnly {
		flag = os.O_RDONLY
	}
	return s.openFiles(r.log.store.fs, flag)
}

// openIndexes opens the indexes of a segment. sealed says that it lies wholly
// below the recovery point. What is missing or inconsistent is left empty for
// rebuild.
func (r *recovery) openIndexes(s *segment, sealed bool) error {
	defer s.restIndexes()
	o := r.log.indexOptions()
	var err1, err2 error
	s.offsets, err1 = index.OpenOffsets(s.files[0], s.base, sealed, o)
	s.times, err2 = index.OpenTimes(s.files[1], s.base, sealed, o)
	for _, err := range []error{err1, err2} {
		if err != nil && !errors.Is(err, index.ErrCorrupt) {
			return err
		}
	}
	if err1 == nil && err2 == nil && !s.indexesIncomplete(s.size(), r.log.Config().IndexIntervalBytes) {
		s.timestampMax.Store(s.times.Last().TimestampMs)
		s.tail.timestampMaxOffset = s.times.Last().Offset
		s.tail.sealed = sealed
		return nil
	}
	s.freshIndexes(o)
	if !sealed {
		return nil // scanned, and built, with the tail
	}
	if _, err := s.rebuild(s.size(), r.log.Config().IndexIntervalBytes); err != nil {
		return r.fail(err)
	}
	return r.sealRebuilt(s)
}

// indexesIncomplete tells that an index file is missing, or was emptied: a segment
// with records has a time entry, unless none of them has a timestamp.
func (s *segment) indexesIncomplete(size, intervalBytes int64) bool {
	return size > 0 && s.times.Len() == 0 || size > 2*intervalBytes && s.offsets.Len() == 0
}

func (s *segment) freshIndexes(o index.Options) {
	if s.offsets != nil {
		_ = s.offsets.Close()
	}
	if s.times != nil {
		_ = s.times.Close()
	}
	s.offsets = index.NewOffsets(s.files[0], s.base, o)
	s.times = index.NewTimes(s.files[1], s.base, o)
	s.timestampMax.Store(-1)
	s.tail.timestampMaxOffset, s.tail.bytesSinceIndex = s.base, 0
}

// rebuild enters the batches below limit into empty indexes, by their headers,
// and returns where they end.
func (s *segment) rebuild(limit, intervalBytes int64) (end place, err error) {
	var header [record.HeaderBytes]byte
	next := s.base
	for position := int64(0); ; {
		end = placeAt(next-s.base, position)
		if position >= limit {
			return end, nil
		}
		b, err := record.ReadHeader(s.data, position, limit, &header)
		if err == nil && b.BaseOffset() < next {
			err = errors.New("base offset goes back")
		}
		if err == nil {
			err = s.note(b, position, intervalBytes)
		}
		if err != nil {
			return end, s.corrupt(position, err)
		}
		next = b.LastOffset() + 1
		position += int64(b.Size())
	}
}

// complete seals a segment that ends at the recovery point: that was written when
// it was still active, and its last time index entry may be missing since.
func (r *recovery) complete(s *segment) error {
	var err error
	if s.offsets.Len() > 0 && s.indexEndsHold(s.size()) {
		err = s.resumeFrom(s.offsets.Last(), s.size())
	} else {
		s.freshIndexes(r.log.indexOptions())
		_, err = s.rebuild(s.size(), r.log.Config().IndexIntervalBytes)
	}
	if err != nil {
		return r.fail(err)
	}
	return r.sealRebuilt(s)
}

// sealRebuilt completes the indexes of a segment that gets no more appends.
func (r *recovery) sealRebuilt(s *segment) error {
	if err := s.times.MaybeAppend(s.timestampMax.Load(), s.tail.timestampMaxOffset, true); err != nil {
		return err
	}
	if r.log.store.opt.ReadOnly {
		return nil
	}
	defer s.restIndexes()
	s.tail.sealed = true
	return errors.Join(s.offsets.Seal(), s.times.Seal(), s.txns.Seal())
}

// fail notes corruption below the recovery point, where nothing may be cut. Any
// other error ends the opening.
func (r *recovery) fail(err error) error {
	if err == nil {
		return nil
	}
	var c *CorruptionError
	if !errors.As(err, &c) {
		return err
	}
	r.fatal = errors.Join(r.fatal, err)
	return nil
}

// dropSegments removes segments behind a cut, newest first.
func (r *recovery) dropSegments(from int) error {
	gone := r.segments[from:]
	r.segments = r.segments[:from]
	defer release(gone)
	for _, s := range gone {
		size, err := s.data.Size()
		if err != nil {
			return err
		}
		if r.cut += size; size == 0 || r.log.store.opt.ReadOnly {
			continue
		}
		// Its bytes stay, under a name that neither we nor Kafka take for a log.
		name, err := r.cutName(s)
		if err == nil {
			err = r.log.store.fs.Rename(s.path(logSuffix), name)
		}
		if err != nil {
			return err
		}
		r.kept = append(r.kept, name)
	}
	if r.log.store.opt.ReadOnly {
		return nil
	}
	return r.log.dropFiles(gone)
}
