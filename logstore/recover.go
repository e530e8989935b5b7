package logstore

import (
	"errors"
	"io/fs"
	"math"
	"sync/atomic"

	"moldau/index"
	"moldau/logstore/journal"
	"moldau/logstore/manifest"
	"moldau/logstore/record"
)

// recovery opens one log's files and finds out where it truly ends.
//
// Below the recovery point everything was synced, indexes included, and is
// believed as far as it is consistent. Above it only batches whose CRC holds
// are, in an unbroken row; the rest is cut, and indexes are built anew. After a
// clean close the recovery point is the end.
type recovery struct {
	tp         TopicPartition
	log        *Log
	failed     error // why the log is not opened
	clean      bool
	distrusted bool  // a sync of the files may have failed
	point      int64 // recovery point
	high       int64 // high watermark as it was noted, for replicated logs
	cleaned    int64 // below it holes between segments are legal: Kafka compacted up to here, or wrote all of it

	// What the journal and the row say.
	synced      int64 // the log's own files were, up to here: bad bytes below are rot
	journaled   int64 // end of what the journal holds
	lost        bool  // a record of the journal is of which nobody knows whose it was
	known       *manifest.Row
	quarantined bool            // by an earlier open
	byName      bool            // the manifest is lost: the journal's records are of a log of this name
	places      []journal.Place // of its records in the journal
	disordered  bool            // one lies behind what came after it
	unread      error           // why one of them could not be read
	finished    bool            // the log has its segments

	live      *liveNames // of a directory that is only read
	snapshots []int64    // of producers, that the directory was found with
	first     int        // of the segments that were scanned
	segments  []*segment
	unreached []*segment // behind a fatal fault: neither served nor touched
	scanned   int64      // bytes
	replayed  int64      // bytes
	cut       int64      // bytes
	reason    error      // for cutting
	badTxns   []*segment // whose transaction indexes are to be built anew
	aside     aside      // of the journal
	heldBy    *segment   // has the last of the journal's records that were compared
	heldTo    int64      // position behind it
	kept      []string   // files that hold what was cut and may have been whole
	window    scanWindow
	scan      *scan // for whoever watches
	secured   bool  // what was found is synced
	sound     bool  // no fault was found in the files themselves
	fatal     error // corruption below the recovery point: the log is served as far as it goes, and takes no appends
}

// abandon closes what a failed opening has opened. It may be called again.
func (r *recovery) abandon() {
	r.log.store.openFiles.unlist(r.log)
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
	r.segments, r.unreached = nil, nil
}

func (r *recovery) last() *segment { return r.segments[len(r.segments)-1] }

// open opens the files. What the journal says of the log may not be known yet.
func (r *recovery) open(ahead *atomic.Int64) error {
	if err := r.readID(); err != nil {
		return err
	}
	if err := r.openFound(); err != nil {
		return err
	}
	r.readAhead(ahead)
	return nil
}

// recover finds the end of what is in the files, and puts back what the journal
// holds.
func (r *recovery) recover(c *journal.Catalog) error {
	defer r.window.giveBack()
	err := r.findTail()
	if err == nil {
		err = r.replayJournal(c)
	}
	if asideErr := r.closeAside(err != nil); err == nil {
		err = asideErr
	}
	return err
}

func (r *recovery) findTail() error {
	if len(r.segments) == 0 {
		if err := r.startEmpty(); err != nil {
			return err
		}
		return r.failShort(r.last().endOffset())
	}
	l := r.log
	l.start.Store(max(l.start.Load(), r.segments[0].base))
	return r.recoverTail()
}

// openFound opens the segments that are there.
func (r *recovery) openFound() error {
	if r.log.store.opt.ReadOnly {
		return r.openLive()
	}
	bases, err := r.tidy()
	if err != nil || len(bases) == 0 {
		return err
	}
	return r.openSegments(bases)
}

// readID reads the topic's id. Where its file is missing the row may have it.
func (r *recovery) readID() error {
	l := r.log
	text, err := readFile(l.store.fs, l.file(partitionMetaFile))
	if errors.Is(err, fs.ErrNotExist) {
		if r.known != nil {
			l.id, l.idUnwritten = r.known.TopicID, r.known.TopicID != TopicID{}
		}
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
	r.sound = r.fatal == nil
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
	r.unreached = nil
	l.begin(r.segments...)
	if l.Config().Replicated {
		l.restoreHighWatermark(r.high)
		if err := r.fail(l.recallDecided()); err != nil {
			return err
		}
	}
	l.settleAnew()
	if r.fatal != nil {
		r.quarantine()
		l.saveID()
	}
	l.dirty = !r.clean
	if r.fatal == nil { // a directory without segments has nothing that a point can be of
		l.standing.recovery = min(l.standing.recovery, l.Offset(LogEnd))
	}
	if r.clean && r.fatal == nil {
		l.standing.recovery = l.Offset(LogEnd)
	}
	if r.cleaned == math.MaxInt64 {
		l.standing.holesBelow = l.Offset(LogEnd)
	}
	r.finished = true
	return nil
}

// tell lets others know of the log, which from here on is not given up any more.
func (r *recovery) tell() {
	l := r.log
	l.mu.Lock()
	l.askRetention(l.store.nowMs())
	l.mu.Unlock()
	if !r.clean && !l.store.opt.ReadOnly {
		l.store.emit(LogRecovered{l.tp, r.point, l.Offset(LogEnd), r.scanned, r.replayed, r.cut, r.reason, r.kept})
	}
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

// dropSegments removes segments behind a cut, newest first, each durably.
func (r *recovery) dropSegments(from int) error {
	gone := r.segments[from:]
	r.segments = r.segments[:from]
	defer release(gone)
	for i := len(gone) - 1; i >= 0; i-- {
		size, err := gone[i].data.Size()
		if err != nil {
			return err
		}
		if r.cut += size; r.log.store.opt.ReadOnly {
			continue
		}
		if size > 0 {
			err = r.keepSegment(gone[i])
		}
		if err == nil {
			err = r.log.dropFiles(gone[i : i+1])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keepSegment has the bytes of a segment stay, under a name that neither we nor Kafka
// take for a log.
func (r *recovery) keepSegment(s *segment) error {
	name, err := r.cutName(s)
	if err == nil {
		err = r.log.store.fs.Rename(s.path(logSuffix), name)
	}
	if err == nil {
		r.kept = append(r.kept, name)
	}
	return err
}
