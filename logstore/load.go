package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"moldau/index"
	"moldau/logstore/manifest"
	"moldau/logstore/record"
)

// closedSegment is a segment whose files nobody has needed yet.
func (l *Log) closedSegment(known manifest.Segment, sealed bool) *segment {
	s := &segment{base: known.Base, dir: l.dir, owner: l, complete: sealed}
	s.reset(l.store.nowMs())
	s.places[LogEnd].Store(uint64(placeAt(known.End-known.Base, known.Bytes)))
	s.timestampMax.Store(known.TimestampMax)
	s.tail.timestampMaxOffset = known.TimestampMaxOffset
	s.tail.sealed, s.tail.unread = sealed, !sealed
	return s
}

// load opens a segment's files, if that was not done yet. The caller holds a
// pin, or the store's reference under Log.mu.
func (s *segment) load() error {
	if s.owner == nil || s.loaded.Load() {
		return nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.loaded.Load() {
		return nil
	}
	flag := os.O_RDWR
	if s.owner.store.opt.ReadOnly {
		flag = os.O_RDONLY
	}
	if err := s.openFiles(s.owner.store, flag); err != nil {
		if isShortage(err) {
			s.owner.store.shedAnyway()
		}
		return err
	}
	// The end is where the log came to rest: only an append moves it, and that
	// has loaded the segment before.
	loading := loading{s, s.size(), s.complete, nil}
	if err := loading.run(); err != nil {
		s.abandon()
		return err
	}
	s.loaded.Store(true)
	s.owner.opened()
	return nil
}

// isOpen tells that the segment holds a descriptor.
func (s *segment) isOpen() bool { return s.owner == nil || s.loaded.Load() }

// loading is the first use of a segment of a log at rest. Indexes are believed as
// far as they are consistent; others are built anew, in memory, and written by
// mend.
type loading struct {
	*segment
	bytes  int64 // of data
	sealed bool
	beside *segment // over the same files, to build indexes by: what the writer knows of the segment is its own
}

func (g *loading) run() error {
	found, err := g.data.Size()
	if err != nil {
		return err
	}
	if found < g.bytes {
		return g.corrupt(found, fmt.Errorf("the file ends, the manifest says at %d", g.bytes))
	}
	defer g.restIndexes()
	badIndexes, err := g.openIndexes()
	if err != nil {
		return err
	}
	g.beside = &segment{base: g.base, dir: g.dir, data: g.data, files: g.files, offsets: g.offsets, times: g.times, txns: g.txns, txnFile: g.txnFile}
	g.beside.reset(0)
	g.beside.places[LogEnd].Store(uint64(g.end()))
	if badIndexes {
		if err := g.rebuild(); err != nil {
			return err
		}
	}
	badTxns, err := g.openTxns()
	if err == nil && badTxns {
		err = g.rebuildTxns()
	}
	if err == nil && (badIndexes || badTxns) {
		g.owner.store.enqueue(task{kind: taskMend, log: g.owner})
	}
	return err
}

func (g *loading) openIndexes() (bad bool, err error) {
	o := g.owner.indexOptions()
	var err1, err2 error
	g.offsets, err1 = index.OpenOffsets(g.files[0], g.base, g.sealed, o)
	g.times, err2 = index.OpenTimes(g.files[1], g.base, g.sealed, o)
	for _, err := range []error{err1, err2} {
		if err != nil && !errors.Is(err, index.ErrCorrupt) {
			return false, err
		}
	}
	return err1 != nil || err2 != nil || g.indexesIncomplete(g.bytes, g.owner.Config().IndexIntervalBytes), nil
}

func (g *loading) rebuild() error {
	g.beside.freshIndexes(g.owner.indexOptions())
	_, err := g.beside.rebuild(g.bytes, g.owner.Config().IndexIntervalBytes)
	if err == nil {
		err = g.beside.times.MaybeAppend(g.beside.timestampMax.Load(), g.beside.tail.timestampMaxOffset, true)
	}
	g.closeIndexes() // those that were believed may be mapped
	g.offsets, g.times = g.beside.offsets, g.beside.times
	g.mended.Store(true)
	return err
}

func (g *loading) openTxns() (bad bool, err error) {
	if _, err := g.owner.store.fs.Stat(g.path(txnSuffix)); err != nil {
		return false, ignore(err, fs.ErrNotExist)
	}
	txns := g.txns
	if g.sealed {
		txns, err = index.OpenTxns(g.txnFile, g.base, true)
	} else {
		txns, err = index.ReviveTxns(g.txnFile, g.base, g.endOffset())
	}
	if errors.Is(err, index.ErrCorrupt) || errors.Is(err, index.ErrVersion) {
		return true, nil
	}
	if err == nil {
		g.txns = txns
	}
	return false, err
}

func (g *loading) rebuildTxns() error {
	// As of the base: of the log's segments only those before this one are read.
	ps, err := g.owner.loadProducers(g.base)
	if err != nil {
		return err
	}
	g.mended.Store(true)
	return walkBatches([]*segment{g.beside}, g.base, g.endOffset(), func(b record.Batch, at mark) error {
		return g.noteEnd(ps.update(b, at, 0))
	})
}

// mend writes the indexes that were built anew when a segment was loaded.
func (l *Log) mend() error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	if err := l.touchDurably(); err != nil {
		return err
	}
	for _, s := range l.view.Load().segments {
		if !s.mended.Load() {
			continue
		}
		err := s.syncIndexes()
		if err == nil && s.tail.sealed {
			err = s.sealIndexes()
		}
		if err != nil {
			return l.final(err)
		}
		s.mended.Store(false)
	}
	return nil
}

// loadTail learns what the writer must know of the active segment. What lies in
// its file behind the log's end was never part of the log and goes: an append
// that is shorter would leave its rest. The caller holds l.mu.
//
// It goes durably, before anything is appended, and when the log is in the dirty set:
// of a cut that a crash undoes, recovery would find what was lost before behind, or in
// place of, what was appended since. So that may come back as long as nothing was.
func (l *Log) loadTail() error {
	s := l.active()
	if !s.tail.unread {
		return nil
	}
	err := l.final(l.readTail(s))
	var corrupt *CorruptionError
	if errors.As(err, &corrupt) {
		err = l.poison(err)
	}
	s.tail.unread = err != nil
	return err
}

func (l *Log) readTail(s *segment) error {
	if err := s.load(); err != nil {
		return err
	}
	found, err := s.data.Size()
	if err == nil && found > s.size() {
		if err = l.touch(); err == nil {
			if err = s.data.Truncate(s.size()); err == nil {
				err = s.data.Sync()
			}
			if err != nil {
				err = &syncError{err} // who tries again may find nothing to cut
			}
		}
	}
	end := s.endOffset()
	surplus := s.offsets.Len() > 0 && s.offsets.Last().Offset >= end || s.times.Len() > 0 && s.times.Last().Offset >= end
	if err == nil && surplus { // as in the data: a crash took the records, and the note that the log changed
		if err = l.touch(); err == nil {
			err = errors.Join(s.offsets.Truncate(end), s.times.Truncate(end))
		}
	}
	if err == nil {
		err = s.resumeFrom(s.offsets.Last(), s.size())
	}
	if err == nil {
		err = s.readFirst()
	}
	return err
}

// loadState loads the producers' state of a log that was opened at rest. The
// caller holds l.mu.
func (l *Log) loadState() error {
	if l.producers != nil {
		return nil
	}
	ps, err := l.loadProducers(l.Offset(LogEnd))
	if err != nil {
		return err
	}
	if l.seen != nil {
		ps.recall(l.seen)
	}
	l.producers, l.seen = ps, nil
	return nil
}

// ready is writable for who is about to append: what an append needs is loaded,
// and not too much waits for being sealed. The caller holds l.mu, which may be
// given up meanwhile.
func (l *Log) ready() error {
	l.use()
	err := l.awaitSealer()
	if err == nil {
		err = l.writable()
	}
	if err == nil {
		err = l.loadTail()
	}
	if err == nil {
		err = l.loadState()
	}
	return err
}
