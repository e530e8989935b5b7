package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"moldau/logstore/record"
)

// scanWindowBytes is how much recovery reads at a time: large enough for disk
// and CRC to run at their speed.
const scanWindowBytes = 1 << 20

// scanWindows spares a start with many logs the making of a window for each.
var scanWindows = sync.Pool{New: func() any { return new([scanWindowBytes]byte) }}

// errHole tells that a segment does not end where the next one begins.
var errHole = errors.New("segments do not touch")

// recoverTail finds the end of the log: from the last index entry after a clean
// close, otherwise from the recovery point, reading every byte.
func (r *recovery) recoverTail() error {
	if r.clean {
		if err := r.findEnd(r.last()); err != nil {
			return err
		}
		return r.loadState(r.last().endOffset())
	}
	first := (&view{r.segments}).find(r.point)
	r.first = first
	s := r.segments[first]
	position, err := r.resume(s)
	if err != nil {
		return err
	}
	if err := r.loadState(s.endOffset()); err != nil {
		return err
	}
	if r.fatal != nil {
		// Nothing behind the fault may be judged, let alone cut.
		r.segments, r.unreached = r.segments[:first+1], r.segments[first+1:]
		return nil
	}
	defer r.watch(first, position)()
	for i := first; i < len(r.segments); i++ {
		if i > first {
			s, position = r.segments[i], 0
			s.freshIndexes(r.log.indexOptions())
			s.places[LogEnd].Store(0)
		}
		whole, err := r.scanSegment(s, position)
		if err != nil {
			return err
		}
		if i == len(r.segments)-1 {
			break
		}
		next := r.segments[i+1].base
		end := s.endOffset()
		if whole && (end < next && next > r.cleaned || end > next) {
			r.reason, whole = s.corrupt(s.size(), errHole), false
			if r.fatal == nil && min(end, next) < r.synced {
				_ = r.fail(r.reason)
			}
		}
		if r.fatal != nil {
			r.segments, r.unreached = r.segments[:i+1], r.segments[i+1:]
			break
		}
		if !whole {
			if err := r.dropSegments(i + 1); err != nil {
				return err
			}
			break
		}
		s.places[LogEnd].Store(uint64(placeAt(next-s.base, s.size())))
		if err := r.sealRebuilt(s); err != nil {
			return err
		}
	}
	return nil
}

// watch shows how much is to be scanned, until the function returned is called.
func (r *recovery) watch(first int, position int64) (end func()) {
	bytes := -position
	for _, s := range r.segments[r.first:] {
		if size, err := s.data.Size(); err == nil {
			bytes += size
		}
	}
	p := r.log.store.opt.Progress
	r.scan = p.begin(r.log.tp, bytes)
	return func() { p.end(r.scan) }
}

// findEnd sets the last segment's end by the headers behind its last index
// entry, and builds its indexes where they are missing.
func (r *recovery) findEnd(s *segment) error {
	size, last := s.size(), s.offsets.Last()
	if s.offsets.Len() == 0 || last.Position > size {
		s.freshIndexes(r.log.indexOptions())
		end, err := s.rebuild(size, r.log.Config().IndexIntervalBytes)
		s.places[LogEnd].Store(uint64(end))
		if err == nil && last.Position > size {
			err = s.corrupt(size, fmt.Errorf("the index goes on to byte %d", last.Position))
		}
		return r.fail(err)
	}
	end := placeAt(last.Offset+1-s.base, last.Position)
	_, err := s.scan(last.Position, size, func(at batchAt) bool {
		end = placeAt(at.last+1-s.base, at.position+at.bytes)
		return false
	})
	s.places[LogEnd].Store(uint64(end))
	if err := ignore(err, errNoBatch); err != nil {
		return r.fail(err)
	}
	return r.fail(s.resumeFrom(last, end.position()))
}

// resume prepares the segment that holds the recovery point and returns the
// position from which on it is to be scanned. Its published end is set there.
// What begins at the point was perhaps never synced: it is not looked at here.
func (r *recovery) resume(s *segment) (int64, error) {
	if s.base >= r.point {
		s.freshIndexes(r.log.indexOptions())
		s.places[LogEnd].Store(0)
		return 0, nil
	}
	size := s.size()
	if s.offsets.Last().Position > size {
		s.freshIndexes(r.log.indexOptions())
	}
	if err := errors.Join(s.offsets.Truncate(r.point), s.times.Truncate(r.point)); err != nil {
		return 0, err
	}
	end, err := s.endBelow(r.point, size)
	if err != nil && s.offsets.Len() > 0 {
		s.freshIndexes(r.log.indexOptions()) // an entry may have pointed between batches
		end, err = s.endBelow(r.point, size)
	}
	if err := r.fail(err); err != nil { // headers below the recovery point do not line up
		return 0, err
	}
	s.timestampMax.Store(-1)
	s.tail.timestampMaxOffset = s.base
	if s.offsets.Len() == 0 || !s.indexEndsHold(end.position()) {
		s.freshIndexes(r.log.indexOptions())
		_, err = s.rebuild(end.position(), r.log.Config().IndexIntervalBytes)
	} else {
		err = s.resumeFrom(s.offsets.Last(), end.position())
	}
	s.places[LogEnd].Store(uint64(end))
	return end.position(), r.fail(err)
}

// endBelow walks the headers of the batches below an offset to where they end.
// That they do not reach it, with nothing or no batch behind them, is an error.
func (s *segment) endBelow(offset, size int64) (place, error) {
	near, err := s.offsets.Lookup(offset - 1)
	if err != nil {
		return 0, err
	}
	var header [record.HeaderBytes]byte
	position, next := near.Position, s.base
	for next < offset {
		end := placeAt(next-s.base, position)
		if position >= size {
			return end, s.corrupt(position, fmt.Errorf("the log ends at offset %d, below its recovery point %d", next, offset))
		}
		b, err := record.ReadHeader(s.data, position, size, &header)
		switch {
		case err != nil:
			return end, s.corrupt(position, err)
		case b.BaseOffset() < next || b.LastOffset() < b.BaseOffset():
			return end, s.corrupt(position, fmt.Errorf("base offset %d after %d", b.BaseOffset(), next))
		case near.Position > 0 && position == near.Position && b.LastOffset() != near.Offset:
			return end, s.corrupt(position, fmt.Errorf("the index names offset %d here", near.Offset))
		case b.BaseOffset() >= offset: // a gap
			return placeAt(offset-s.base, position), nil
		case b.LastOffset() >= offset:
			return placeAt(b.BaseOffset()-s.base, position), nil
		}
		position, next = position+int64(b.Size()), b.LastOffset()+1
	}
	return placeAt(next-s.base, position), nil
}

// indexEndsHold tells that the last entries of the indexes say of the batches
// below size what is so. Of entries that were written behind the recovery point
// and not synced, one may look as if it were older: zeros in place of the first
// name the segment's first offset. Entries behind one such do not.
func (s *segment) indexEndsHold(size int64) bool {
	if last := s.offsets.Last(); s.offsets.Len() > 0 {
		var header [record.HeaderBytes]byte
		b, err := record.ReadHeader(s.data, last.Position, size, &header)
		if err != nil || b.LastOffset() != last.Offset {
			return false
		}
	}
	if s.times.Len() == 0 {
		return true
	}
	last := s.times.Last()
	at, err := s.locate(last.Offset, size)
	return err == nil && at.bytes > 0 && at.base <= last.Offset && at.timestampMax == last.TimestampMs
}

// lastOffset is the last offset below position size.
func (s *segment) lastOffset(size int64) (int64, error) {
	last := s.base - 1
	if err := s.load(); err != nil {
		return last, err
	}
	near, err := s.offsets.LookupPosition(size - 1)
	if err != nil {
		return last, err
	}
	_, err = s.scan(near.Position, size, func(at batchAt) bool { last = at.last; return false })
	return last, ignore(err, errNoBatch)
}

// scanSegment reads every batch from position on, enters it everywhere, and
// moves the published end behind it. It reports whether the whole file was
// good.
func (r *recovery) scanSegment(s *segment, position int64) (whole bool, err error) {
	size, err := s.data.Size()
	if err != nil {
		return false, err
	}
	window := scanWindows.Get().(*[scanWindowBytes]byte)
	defer scanWindows.Put(window)
	sc := &batchScanner{file: s.data, position: position, size: size, buffer: window[:]}
	interval := r.log.Config().IndexIntervalBytes
	for {
		b, at, err := sc.next()
		if err != nil {
			return false, err // of the device
		}
		if b == nil {
			break
		}
		if b.BaseOffset() < s.endOffset() || b.LastOffset() < b.BaseOffset() || b.LastOffset()-s.base >= 1<<31-1 {
			sc.bad = fmt.Errorf("base offset %d after %d", b.BaseOffset(), s.endOffset())
			break
		}
		if s.endOffset() < r.synced && b.LastOffset() >= r.synced {
			// A batch ended there when it was synced. Base offsets are in no checksum.
			sc.bad = fmt.Errorf("base offset %d after %d, past offset %d that was synced", b.BaseOffset(), s.endOffset(), r.synced)
			break
		}
		if err := errors.Join(s.note(b, at, interval), r.note(b, s, at)); err != nil {
			sc.bad = err
			break
		}
		r.scan.scanned.Add(int64(b.Size()))
		s.places[LogEnd].Store(uint64(placeAt(b.LastOffset()+1-s.base, at+int64(b.Size()))))
	}
	end := s.size()
	r.scanned += end - position
	if end == size {
		return true, nil
	}
	if s.endOffset() < max(r.synced, r.point) {
		// The disk had said that this was safe: it is no torn tail.
		return false, r.fail(s.corrupt(end, sc.bad))
	}
	r.cut += size - end
	r.reason = s.corrupt(end, sc.bad)
	if r.log.store.opt.ReadOnly {
		return false, nil
	}
	if err := r.keepCut(s, end, size); err != nil {
		return false, err
	}
	return false, s.data.Truncate(end)
}

// note enters a recovered batch into the log's state.
func (r *recovery) note(b record.Batch, s *segment, position int64) error {
	if epoch := b.LeaderEpoch(); epoch >= 0 {
		r.log.epochs.assign(epoch, b.BaseOffset())
	}
	at := mark{s, placeAt(b.BaseOffset()-s.base, position)}
	return s.noteEnd(r.log.producers.update(b, at, r.log.store.nowMs()))
}

// secure syncs what the scan found: after kill -9 it may live in the page cache
// only, and nobody may see what a power cut could still take back.
func (r *recovery) secure() error {
	l := r.log
	if r.clean {
		return nil
	}
	l.epochs.dropAbove(r.last().endOffset())
	if l.store.opt.ReadOnly {
		return nil
	}
	for _, s := range r.segments[r.first:] {
		if err := s.data.Sync(); err != nil {
			return err
		}
	}
	if r.fatal != nil {
		return l.store.fs.SyncDir(l.dir)
	}
	end := r.last().endOffset()
	above := func(at int64) bool { return at > end }
	if slices.ContainsFunc(r.snapshots, above) {
		if err := l.dropSnapshots(above); err != nil {
			return err
		}
	}
	return l.store.fs.SyncDir(l.dir)
}

// loadState loads epochs and producers as they were at end, which is where the
// scan goes on.
func (r *recovery) loadState(end int64) error {
	l := r.log
	text, err := readFile(l.store.fs, l.file(epochFile))
	var entries []epochEntry
	if err == nil {
		entries, err = decodeEpochs(text)
	}
	rebuild := err != nil && r.segments[0].size() > 0
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errCheckpoint) {
		return err
	}
	l.epochs.set(entries)
	l.epochs.dirty = rebuild
	l.epochs.dropAbove(end)
	if rebuild {
		if err := r.rebuildEpochs(end); err != nil {
			return r.fail(err)
		}
	}
	l.epochs.truncateHead(l.start.Load())
	ps, err := l.loadProducersAmong(r.snapshots, r.segments, end)
	if err != nil {
		l.producers.txns.begin(&transaction{producerID: -1, first: -1}) // there may be one anywhere
		return r.fail(err)
	}
	l.producers = ps
	if s := r.segments[r.first]; !r.clean && s.base < r.point && !slices.Contains(r.badTxns, s) && !s.txnsEndHolds() {
		r.badTxns = append(r.badTxns, s)
	}
	return r.fail(r.rebuildTxns(end))
}

// rebuildEpochs reads the epochs off all headers below end.
func (r *recovery) rebuildEpochs(end int64) error {
	return walkHeaders(r.segments, r.segments[0].base, end, func(b record.Batch) {
		if b.LeaderEpoch() >= 0 {
			r.log.epochs.assign(b.LeaderEpoch(), b.BaseOffset())
		}
	})
}
