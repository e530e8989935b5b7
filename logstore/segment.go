package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"moldau/index"
	"moldau/logstore/vfs"
)

// Suffixes of a segment's files.
const (
	logSuffix      = ".log"
	offsetsSuffix  = ".index"
	timesSuffix    = ".timeindex"
	txnSuffix      = ".txnindex"
	snapshotSuffix = ".snapshot"
	deletedSuffix  = ".deleted"
	cleanedSuffix  = ".cleaned"
	swapSuffix     = ".swap"
	cutSuffix      = ".cut"
)

const filePerm, dirPerm = 0o644, 0o755

// segmentFileName is a file of the segment that begins at base.
func segmentFileName(base int64, suffix string) string { return fmt.Sprintf("%020d%s", base, suffix) }

// parseSegmentFileName is the reverse for names of exactly that suffix.
func parseSegmentFileName(name, suffix string) (base int64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' || base > (1<<63-1-9)/10 {
			return 0, false
		}
		base = base*10 + int64(c-'0')
	}
	return base, true
}

// dataFile is a segment's open .log. It is counted apart from the segment,
// because truncation makes a new segment over the same file while readers may
// hold the old one.
type dataFile struct {
	vfs.File
	refs  atomic.Int32
	count *atomic.Int64 // of open files, which it is one of; nil outside
}

// countedIn has the file counted until it is closed.
func (f *dataFile) countedIn(open *atomic.Int64) {
	f.count = open
	open.Add(1)
}

func (f *dataFile) release() error {
	if f.refs.Add(-1) > 0 {
		return nil
	}
	if f.count != nil {
		f.count.Add(-1)
	}
	return f.File.Close()
}

// segment is one data file with its indexes. What a reader uses is fixed or
// atomic; the rest belongs to the holder of Log.mu. What each append touches comes
// first, within two cache lines: over thousands of logs each line is a miss.
type segment struct {
	base int64
	data *dataFile
	// A segment that was closed, or of a log that was opened at rest, opens its files
	// when they are needed: data, offsets and times may be used after load.
	owner    *Log // nil in all other segments
	complete bool // its indexes are those of a sealed segment
	loaded   atomic.Bool
	// places holds, for each bound, where it was last while it lay here.
	// places[LogEnd] is the segment's published end.
	places   [boundCount]atomic.Uint64
	readEnds readEnds
	// timestampMax is the largest record timestamp, -1 without records.
	timestampMax atomic.Int64
	tail         segmentTail // under Log.mu

	dir string // of the partition, relative to the file system's root
	// What is behind its files' names, while another process puts them in place.
	behind, txnsBehind string
	offsets            *index.Offsets
	times              *index.Times
	files              [2]*indexFile // of the indexes
	txns               *index.Txns
	txnFile            *indexFile // of txns
	loading            sync.Mutex
	mended             atomic.Bool // indexes were built anew, and have to be written

	// refs counts the store's reference and every pin. At zero the files are
	// closed. Invariant: it never rises from zero.
	refs    atomic.Int64
	firstMs atomic.Int64 // 1 more than the largest timestamp of the first batch, 0 unknown; of a sealed one
}

// segmentTail is what the writer knows of a segment.
type segmentTail struct {
	timestampFirst     int64 // of the first batch, -1 before it
	timestampMaxOffset int64 // last offset of the batch that holds timestampMax
	bytesSinceIndex    int64 // written since the last index entry
	full               bool  // an index takes no more entries
	sealed             bool  // complete, synced, its indexes mapped
	unread             bool  // loaded from a row: what is behind the last index entry has to be looked at
	createdMs          int64
	synced             int64 // position: bytes below it were synced
}

func (s *segment) end() place       { return place(s.places[LogEnd].Load()) }
func (s *segment) endOffset() int64 { return s.base + s.end().relative() }
func (s *segment) size() int64      { return s.end().position() }
func (s *segment) endMark() mark    { return mark{s, s.end()} }

func (s *segment) path(suffix string) string {
	behind := s.behind
	if suffix == txnSuffix {
		behind = s.txnsBehind
	}
	return s.dir + "/" + segmentFileName(s.base, suffix) + behind
}

// pin keeps the files open. It fails once the last reference is gone; the
// caller then loads the view again. Adding first and checking afterwards would
// revive a segment whose files are being closed.
func (s *segment) pin() bool {
	for {
		n := s.refs.Load()
		if n == 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// unpin drops a reference; whoever drops the last one closes the files. Errors
// of closing are of no use: what must be durable was synced before.
func (s *segment) unpin() {
	switch n := s.refs.Add(-1); {
	case n > 0:
		return
	case n < 0:
		panic("logstore: segment released twice")
	}
	if s.owner != nil && !s.loaded.Load() {
		return
	}
	s.abandon()
}

// restIndexes gives the descriptors of the indexes back, until they are next
// written.
func (s *segment) restIndexes() {
	for _, f := range s.files {
		f.rest()
	}
	s.txnFile.rest()
}

// createSegment makes the empty files of a segment that begins at base, or none
// at all: an empty segment left behind would be taken for the log's end. The
// directory is not synced.
func (l *Log) createSegment(base int64) (*segment, error) {
	s, err := l.newSegment(base)
	if err != nil {
		return nil, err
	}
	if err := s.bearIndexes(); err != nil {
		s.abandon()
		return nil, errors.Join(err, removeSegmentFiles(l.store.fs, l.dir, base, ""))
	}
	l.opened()
	return s, nil
}

// firstSegment is createSegment in a directory that has no segment. Its indexes' files
// are not made before they are flushed, which is two of the five things that a log is
// made of: where they are missing after a crash, they are built anew as they are above
// any recovery point. Elsewhere there could be others' of that name.
func (l *Log) firstSegment() (*segment, error) {
	s, err := l.newSegment(0)
	if err == nil {
		l.opened()
	}
	return s, err
}

// newSegment makes the segment, and of its files that of the data alone.
func (l *Log) newSegment(base int64) (*segment, error) {
	s := &segment{base: base, dir: l.dir}
	if err := s.openFiles(l.store, os.O_RDWR|os.O_CREATE|os.O_TRUNC); err != nil {
		return nil, errors.Join(err, removeSegmentFiles(l.store.fs, l.dir, base, ""))
	}
	for _, f := range s.files {
		f.unborn = true
	}
	o := l.indexOptions()
	o.Empty = true
	s.offsets = index.NewOffsets(s.files[0], base, o)
	s.times = index.NewTimes(s.files[1], base, o)
	s.reset(l.store.nowMs())
	s.tail.full = s.indexesFull()
	return s, nil
}

// indexesFull tells that the indexes take no more entries. An append asks tail.full.
func (s *segment) indexesFull() bool { return s.offsets.Full() || s.times.Full() }

func (s *segment) bearIndexes() error { return errors.Join(s.files[0].bear(), s.files[1].bear()) }

func (l *Log) indexOptions() index.Options {
	return index.Options{BytesMax: l.config.Load().SegmentIndexBytes}
}

func (s *segment) reset(nowMs int64) {
	s.refs.Store(1)
	s.timestampMax.Store(-1)
	s.tail = segmentTail{timestampFirst: -1, timestampMaxOffset: s.base, createdMs: nowMs}
}

// openFiles opens the data file and names the indexes'.
func (s *segment) openFiles(store *Store, flag int) error {
	fsys := store.fs
	data, err := fsys.OpenFile(s.path(logSuffix), flag, filePerm)
	if err != nil {
		return err
	}
	s.data = &dataFile{File: data}
	s.data.refs.Store(1)
	s.data.countedIn(&store.openFiles.count)
	s.beginTxns(fsys, flag == os.O_RDONLY)
	for i, suffix := range []string{offsetsSuffix, timesSuffix} {
		s.files[i] = &indexFile{fs: fsys, name: s.path(suffix), readOnly: flag == os.O_RDONLY}
	}
	return nil
}

// abandon closes what was opened of a segment, be it in part.
func (s *segment) abandon() {
	s.closeIndexes()
	if s.txns != nil {
		_ = s.txns.Close()
	}
	s.restIndexes()
	_ = s.data.release()
}

// closeIndexes unmaps the two indexes, if they are there and mapped.
func (s *segment) closeIndexes() {
	if s.offsets != nil {
		_ = s.offsets.Close()
	}
	if s.times != nil {
		_ = s.times.Close()
	}
}

// removeSegmentFiles unlinks all files of a segment, with suffix behind their names.
// What is gone already is no error, so that it can be tried again.
func removeSegmentFiles(fsys vfs.FS, dir string, base int64, suffix string) error {
	return removeFiles(fsys, dir, base, suffix, segmentSuffixes)
}

// removeFiles is removeSegmentFiles for some of the kinds.
func removeFiles(fsys vfs.FS, dir string, base int64, suffix string, kinds []string) error {
	var all error
	for _, kind := range kinds {
		err := fsys.Remove(dir + "/" + segmentFileName(base, kind) + suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// view is the list of a log's segments by base, and nothing else: a roll,
// truncation or deletion replaces it, an append does not.
type view struct{ segments []*segment }

func (v *view) active() *segment { return v.segments[len(v.segments)-1] }

// find is the index of the segment that holds offset, the first one if offset
// lies before all, -1 if there is none. Readers are mostly near the end.
func (v *view) find(offset int64) int {
	n := len(v.segments)
	if n == 0 || v.segments[n-1].base <= offset {
		return n - 1
	}
	low, high := 0, n-1
	for low < high {
		mid := int(uint(low+high) >> 1)
		if v.segments[mid].base <= offset {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return max(low-1, 0)
}
