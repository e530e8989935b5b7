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

// scanWindow is what a log is scanned through. What it was last filled with serves
// for comparing the journal with.
type scanWindow struct {
	all      *[scanWindowBytes]byte // nil if not borrowed
	segment  *segment               // of which it holds bytes, nil if none
	from, to int64                  // positions of these
}

// borrow returns the buffer, of which nothing is known then.
func (w *scanWindow) borrow() []byte {
	if w.all == nil {
		w.all = scanWindows.Get().(*[scanWindowBytes]byte)
	}
	w.forget()
	return w.all[:]
}

func (w *scanWindow) giveBack() {
	if w.all != nil {
		scanWindows.Put(w.all)
	}
	*w = scanWindow{}
}

// holds notes what was read into the buffer. Invariant: what lies below to in the
// segment's file is not changed while the window is believed.
func (w *scanWindow) holds(s *segment, from, to int64) {
	w.segment, w.from, w.to = s, from, to
}

func (w *scanWindow) forget() { w.segment = nil }

// bytes are those of a segment at a position, nil if they are not all there.
func (w *scanWindow) bytes(s *segment, position, n int64) []byte {
	if w.segment != s || position < w.from || position+n > w.to {
		return nil
	}
	return w.all[position-w.from : position-w.from+n]
}

// errHole tells that a segment does not end where the next one begins.
var errHole = errors.New("segments do not touch")

// errShort tells that a log that was closed cleanly lacks what was flushed.
var errShort = errors.New("the log ends below its recovery point: segments are missing")

// recoverTail finds the end of the log: from the last index entry after a clean
// close, otherwise from the recovery point, reading every byte.
func (r *recovery) recoverTail() error {
	if r.clean {
		if err := r.findEnd(r.last()); err != nil {
			return err
		}
		end := r.last().endOffset()
		if err := r.loadState(end); err != nil {
			return err
		}
		return r.failShort(end)
	}
	first := (&view{r.segments}).find(r.point)
	r.first = first
	if err := r.reread(r.segments[first:]); err != nil {
		return err
	}
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
		last := i == len(r.segments)-1
		if whole && !last {
			whole = r.touches(s, r.segments[i+1].base)
		}
		if r.fatal != nil {
			r.segments, r.unreached = r.segments[:i+1], r.segments[i+1:]
			break
		}
		if !whole {
			return r.cutTail(i)
		}
		if last {
			break
		}
		next := r.segments[i+1].base
		s.places[LogEnd].Store(uint64(placeAt(next-s.base, s.size())))
		if err := r.sealRebuilt(s); err != nil {
			return err
		}
	}
	return nil
}

// touches tells that a segment ends where the next one may begin.
func (r *recovery) touches(s *segment, next int64) bool {
	end := s.endOffset()
	if end == next || end < next && next <= r.cleaned {
		return true
	}
	r.reason = s.corrupt(s.size(), errHole)
	if r.fatal == nil && min(end, next) < r.synced {
		_ = r.fail(r.reason)
	}
	return false
}

// cutTail ends the log where the scan of a segment ended. The segments behind go first:
// what a crash between left would be a hole, and those are legal where another program
// was here.
func (r *recovery) cutTail(i int) error {
	s := r.segments[i]
	end := s.size()
	size, err := s.data.Size()
	if err != nil {
		return err
	}
	r.cut += size - end
	cut := end < size && !r.log.store.opt.ReadOnly
	if cut {
		err = r.keepCut(s, end, size)
	}
	if err == nil {
		err = r.dropSegments(i + 1)
	}
	if err == nil && cut {
		err = s.data.Truncate(end)
	}
	return err
}

// failShort notes that a log which was closed cleanly ends below its recovery
// point. Offsets from there on were acknowledged, and are not to be given away
// again. A point below the end is only old, and what is below the start of the log
// is missed by nobody.
func (r *recovery) failShort(end int64) error {
	if !r.clean || r.point <= max(end, r.log.start.Load()) {
		return nil
	}
	s := r.last()
	return r.fail(s.corrupt(s.size(), fmt.Errorf("%w: %d, not %d", errShort, end, r.point)))
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

// scanSegment reads every batch from position on, enters it everywhere, and
// moves the published end behind it. It reports whether the whole file is good.
func (r *recovery) scanSegment(s *segment, position int64) (whole bool, err error) {
	size, err := s.data.Size()
	if err != nil {
		return false, err
	}
	sc := &batchScanner{file: s.data, position: position, size: size, buffer: r.window.borrow()}
	defer func() { r.window.holds(s, sc.filled.from, min(sc.filled.to, s.size())) }()
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
	r.reason = s.corrupt(end, sc.bad)
	return false, nil
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
	l.epochs.truncateHead(l.start.Load()) // the scan may have begun below
	if l.store.opt.ReadOnly {
		return nil
	}
	for _, s := range r.segments[r.first:] {
		if r.secured {
			break
		}
		if err := s.data.Sync(); err != nil {
			return err
		}
	}
	end := r.last().endOffset()
	above := func(at int64) bool { return at > end }
	drops := r.fatal == nil && slices.ContainsFunc(r.snapshots, above)
	if drops {
		if err := l.dropSnapshots(above); err != nil {
			return err
		}
	}
	if r.secured && !drops {
		return nil
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
		if err := r.assignEpochs(r.segments[0].base, end); err != nil {
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
	// Where its data is rotten what an index says may be all that is left of a marker.
	if s := r.segments[r.first]; r.fatal == nil && !r.clean && s.base < r.point && !slices.Contains(r.badTxns, s) && !s.txnsEndHolds() {
		r.badTxns = append(r.badTxns, s)
	}
	return r.fail(r.rebuildTxns(end))
}

// assignEpochs reads the epochs off the headers from one offset up to another.
func (r *recovery) assignEpochs(from, end int64) error {
	return walkHeaders(r.segments, from, end, func(b record.Batch) {
		if b.LeaderEpoch() >= 0 {
			r.log.epochs.assign(b.LeaderEpoch(), b.BaseOffset())
		}
	})
}
