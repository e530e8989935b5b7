package logstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"moldau/index"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// statLog is a log on the way through its files.
type statLog struct {
	LogStat
	st    *stat
	files *partitionFiles
	root  checkedRoot

	known    int64           // offset of the snapshot that producers were read from
	seen     map[int64]bool  // producers
	open     map[int64]int64 // first offsets of open transactions, by producer
	buffer   []byte
	recovery int64
}

func newStatLog(st *stat, files *partitionFiles, root checkedRoot) *statLog {
	l := &statLog{st: st, files: files, root: root, seen: map[int64]bool{}, open: map[int64]int64{}, buffer: make([]byte, 64<<10)}
	l.Directory, l.TimestampMin, l.TimestampMax = files.dir, -1, -1
	if l.Log = files.tp.String(); files.tp.Topic == "" {
		l.Log = path.Base(files.dir)
	}
	return l
}

func (l *statLog) read() error {
	l.RecoveryPoint = -1
	if point, ok := l.root.offset(recoveryPointFile, l.files.tp); ok {
		l.RecoveryPoint, l.recovery = point, point
	}
	if len(l.files.bases) > 0 {
		l.Start, l.End = l.files.bases[0], l.files.bases[0]
	}
	l.CompactedUpto = -1
	if upto, ok := l.root.offset(cleanerOffsetFile, l.files.tp); ok {
		l.CompactedUpto = upto
	}
	if start, ok := l.root.offset(startOffsetFile, l.files.tp); ok {
		l.Start = max(l.Start, start)
	}
	l.snapshot()
	for _, base := range l.files.bases {
		l.Segments++
		l.End = max(l.End, base)
		if err := l.segment(base); err != nil {
			return err
		}
		l.indexes(base)
	}
	l.beside()
	l.Producers = len(l.seen)
	for _, id := range slices.Sorted(maps.Keys(l.open)) {
		l.Open = append(l.Open, OpenTxn{id, l.open[id]})
	}
	return nil
}

// note tells what could not be read. A file that is gone meanwhile is none of
// these: a live store retires segments.
func (l *statLog) note(name string, err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.Notes = append(l.Notes, fmt.Sprintf("%s: %v", path.Base(name), err))
	}
}

// snapshot reads the producers as of the newest snapshot that is whole.
func (l *statLog) snapshot() {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(l.files.names))) {
		at, ok := parseSegmentFileName(name, snapshotSuffix)
		if !ok {
			continue
		}
		text, err := readFile(l.st.fs, l.files.file(name))
		if err != nil {
			continue
		}
		ps, err := decodeSnapshot(text, at, 0, 0)
		if err != nil {
			continue
		}
		l.known = at
		for id, p := range ps.byID {
			if l.seen[id] = true; p.txnFirst >= 0 {
				l.open[id] = p.txnFirst
			}
		}
		return
	}
}

// segment reads the headers of a segment's batches.
func (l *statLog) segment(base int64) error {
	name := l.files.file(segmentFileName(base, logSuffix))
	f, err := l.st.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		l.note(name, err)
		return nil
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		l.note(name, err)
		return nil
	}
	l.DataBytes += size
	window := l.buffer[:0]
	for at := int64(0); at < size; {
		if len(window) < record.HeaderBytes {
			n, err := f.ReadAt(l.buffer[:min(int64(len(l.buffer)), size-at)], at)
			if err != nil && !errors.Is(err, io.EOF) {
				l.note(name, err)
				return nil
			}
			window = l.buffer[:n]
		}
		b := record.Batch(window)
		if len(b) < record.HeaderBytes || b.Magic() != 2 || b.Size() < record.HeaderBytes || int64(b.Size()) > size-at || b.LastOffset() < b.BaseOffset() {
			l.TornBytes += size - at
			return l.st.progress(name, size-at)
		}
		bytes := int64(b.Size())
		l.batch(name, f, b[:record.HeaderBytes], at)
		window = window[min(bytes, int64(len(window))):]
		at += bytes
		if err := l.st.progress(name, bytes); err != nil {
			return err
		}
	}
	return nil
}

// batch counts a batch, of which b is the header.
func (l *statLog) batch(name string, f vfs.File, b record.Batch, at int64) {
	l.Batches++
	l.Records += int64(max(b.Count(), 0))
	l.End = max(l.End, b.LastOffset()+1)
	if b.LastOffset() >= l.recovery {
		l.BytesBehind += int64(b.Size())
	}
	if l.CompactedUpto >= 0 && b.LastOffset() >= l.CompactedUpto {
		l.DirtyBytes += int64(b.Size())
	}
	if b.HasDeleteHorizon() {
		l.Horizons++
	}
	if b.Count() == 0 {
		l.Emptied++
	}
	c := CodecStat{b.Codec().String(), 1, int64(b.Size()) - record.HeaderBytes, -1}
	first := b.BaseTimestamp()
	if b.LogAppendTime() || b.HasDeleteHorizon() {
		first = b.MaxTimestamp()
	}
	if b.Codec() == record.None {
		c.Unpacked = c.Bytes
	}
	if l.st.o.Deep && b.Count() > 0 {
		whole := make(record.Batch, b.Size())
		if n, err := f.ReadAt(whole, at); n < len(whole) {
			l.note(name, err)
		} else if w, err := whole.Walk(record.WalkOptions{Gaps: true, UnpackedBytesMax: l.st.o.DecompressedBytesMax}); err != nil {
			l.note(name, fmt.Errorf("at byte %d: %w", at, err))
		} else {
			c.Unpacked, first = w.UnpackedBytes, w.MinTimestamp
		}
	}
	l.codec(c)
	l.TimestampMax = max(l.TimestampMax, b.MaxTimestamp())
	if first >= 0 && (l.TimestampMin < 0 || first < l.TimestampMin) {
		l.TimestampMin = first
	}
	if b.LastOffset() >= l.known {
		l.producer(name, f, b, at)
	}
}

// producer goes on with the producers' state behind the snapshot.
func (l *statLog) producer(name string, f vfs.File, b record.Batch, at int64) {
	id := b.ProducerID()
	switch {
	case id < 0:
	case b.Control():
		kind, err := markerAt(f, b, at)
		if l.note(name, err); err == nil && (kind == record.ControlAbort || kind == record.ControlCommit) {
			delete(l.open, id)
		}
	default:
		l.seen[id] = true
		if _, open := l.open[id]; b.Transactional() && !open {
			l.open[id] = b.BaseOffset()
		}
	}
}

// indexes counts the entries of a segment's indexes.
func (l *statLog) indexes(base int64) {
	l.index(base, offsetsSuffix, func(f vfs.File) error {
		x, err := index.OpenOffsets(f, base, false, index.Options{})
		if err == nil {
			l.OffsetEntries += x.Len()
			err = x.Close()
		}
		return err
	})
	l.index(base, timesSuffix, func(f vfs.File) error {
		x, err := index.OpenTimes(f, base, false, index.Options{})
		if err == nil {
			l.TimeEntries += x.Len()
			err = x.Close()
		}
		return err
	})
	l.index(base, txnSuffix, func(f vfs.File) error {
		for _, err := range index.AbortedTxns(f, base) {
			if err != nil {
				return err
			}
			l.Aborted++
		}
		return nil
	})
}

func (l *statLog) index(base int64, suffix string, count func(vfs.File) error) {
	if !l.files.has(base, suffix) {
		return
	}
	name := l.files.file(segmentFileName(base, suffix))
	f, err := l.st.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		l.note(name, err)
		return
	}
	defer f.Close()
	if size, err := f.Size(); err == nil {
		l.IndexBytes += size
	}
	l.note(name, count(f))
}

// beside looks at what belongs to the log as a whole, and what no segment has.
func (l *statLog) beside() {
	if l.files.names[epochFile] {
		text, err := readFile(l.st.fs, l.files.file(epochFile))
		var entries []epochEntry
		if err == nil {
			entries, err = decodeEpochs(text)
		}
		l.note(epochFile, err)
		for _, e := range entries {
			l.Epochs = append(l.Epochs, EpochStat{e.epoch, e.start})
		}
	}
	for name := range l.files.names {
		files, bytes := &l.CutFiles, &l.CutBytes
		if strings.HasSuffix(name, deletedSuffix) {
			files, bytes = &l.DeletedFiles, &l.DeletedBytes
		} else if !strings.HasSuffix(name, cutSuffix) {
			continue
		}
		*files++
		if info, err := l.st.fs.Stat(l.files.file(name)); err == nil {
			*bytes += info.Size()
		}
	}
}
