package logstore

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strings"
)

// tidy finishes what a crash interrupted among the files, by Kafka's rules, and
// returns the bases of the segments.
func (r *recovery) tidy() ([]int64, error) {
	l := r.log
	names, err := l.store.fs.ReadDir(l.dir)
	if err != nil {
		return nil, err
	}
	t := tidying{foreign: r.cleaned == math.MaxInt64}
	for _, n := range names {
		t.sort(n.Name())
	}
	if !l.store.opt.ReadOnly {
		if err := t.apply(l); err != nil {
			return nil, err
		}
	}
	r.snapshots = t.snapshots
	slices.Sort(t.bases)
	return slices.Compact(t.bases), nil
}

// tidying is what is to be done about the files with suffixes.
type tidying struct {
	foreign       bool    // another program was the last to keep the directory
	bases         []int64 // of .log files
	swaps         []int64 // of .log.swap files
	doomed        []string
	indexSwaps    []string
	indexes       []string // those in place
	snapshots     []int64  // of .snapshot files
	cleanedLowest int64    // smallest base of a .cleaned file, plus one; 0 for none
}

func (t *tidying) sort(name string) {
	base, isLog := parseSegmentFileName(name, logSuffix)
	_, isOffsets := parseSegmentFileName(name, offsetsSuffix)
	_, isTimes := parseSegmentFileName(name, timesSuffix)
	_, isTxns := parseSegmentFileName(name, txnSuffix)
	snapshot, isSnapshot := parseSegmentFileName(name, snapshotSuffix)
	swap, isSwap := parseSegmentFileName(name, logSuffix+swapSuffix)
	cleaned, isCleaned := parseSegmentFileName(name, logSuffix+cleanedSuffix)
	switch {
	case isLog:
		t.bases = append(t.bases, base)
	case isSnapshot:
		t.snapshots = append(t.snapshots, snapshot)
	case isOffsets, isTimes, isTxns:
		t.indexes = append(t.indexes, name)
	case isSwap:
		t.swaps = append(t.swaps, swap)
	case strings.HasSuffix(name, swapSuffix):
		t.indexSwaps = append(t.indexSwaps, name)
	case strings.HasSuffix(name, cleanedSuffix), strings.HasSuffix(name, deletedSuffix), strings.HasSuffix(name, ".tmp"):
		if isCleaned && (t.cleanedLowest == 0 || cleaned+1 < t.cleanedLowest) {
			t.cleanedLowest = cleaned + 1
		}
		t.doomed = append(t.doomed, name)
	}
}

// apply puts complete swaps in place and removes the rest. A swap at or above a
// .cleaned file belongs to a split that was not complete.
func (t *tidying) apply(l *Log) error {
	fsys := l.store.fs
	for _, base := range t.swaps {
		if t.cleanedLowest > 0 && base >= t.cleanedLowest-1 {
			t.doomed = append(t.doomed, segmentFileName(base, logSuffix+swapSuffix))
			continue
		}
		if err := t.putInPlace(l, base); err != nil {
			return err
		}
	}
	if err := t.finishIndexes(l); err != nil {
		return err
	}
	for _, name := range t.doomed {
		if err := fsys.Remove(l.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(t.swaps)+len(t.doomed)+len(t.indexSwaps) == 0 {
		return nil
	}
	return fsys.SyncDir(l.dir)
}

// finishIndexes dooms the indexes that are of no segment, and those of swaps: to
// build them anew is cheaper than to tell whether they are complete. Only which
// transactions were aborted cannot always be told from what compaction leaves:
// ours puts that in place before the data, and one that is left is of a swap that
// was not complete; Kafka's does it last.
func (t *tidying) finishIndexes(l *Log) error {
	segments := map[string]bool{}
	for _, base := range t.bases {
		segments[segmentFileName(base, "")] = true
	}
	isSegment := func(name string) bool { return segments[strings.TrimSuffix(name, path.Ext(name))] }
	for _, name := range t.indexes {
		if !isSegment(name) {
			t.doomed = append(t.doomed, name)
		}
	}
	for _, name := range t.indexSwaps {
		name = strings.TrimSuffix(name, swapSuffix)
		if path.Ext(name) != txnSuffix {
			t.doomed = append(t.doomed, name+swapSuffix, name) // what has the name may be of another segment
			continue
		}
		if !t.foreign || !isSegment(name) {
			t.doomed = append(t.doomed, name+swapSuffix)
			continue
		}
		if err := l.store.fs.Rename(l.file(name+swapSuffix), l.file(name)); err != nil {
			return err
		}
	}
	return nil
}

// putInPlace lets a swapped segment take the place of those that it covers.
func (t *tidying) putInPlace(l *Log, base int64) error {
	fsys := l.store.fs
	name := l.file(segmentFileName(base, logSuffix))
	end, err := swapEnd(l, base)
	if err != nil {
		return err
	}
	if err := t.replace(l, base); err != nil {
		return err
	}
	for _, other := range t.bases {
		if other > base && other < end {
			if err := removeSegmentFiles(fsys, l.dir, other, ""); err != nil {
				return err
			}
		}
	}
	t.bases = slices.DeleteFunc(t.bases, func(other int64) bool { return other == base || other > base && other < end })
	t.bases = append(t.bases, base)
	// The originals are gone for good before the swap has its name: both together
	// would overlap.
	if err := fsys.SyncDir(l.dir); err != nil {
		return err
	}
	return fsys.Rename(name+swapSuffix, name)
}

// replace removes the files of the segment that begins where a swap does. Its data
// may be gone already, and what lay beside it not. The producers were the same.
//
// Where one of the originals had a transaction index, ours has one, too, if empty:
// so that what has the name, where no swap has, is its own.
func (t *tidying) replace(l *Log, base int64) error {
	fsys, name := l.store.fs, segmentFileName(base, txnSuffix)
	if err := removeFiles(fsys, l.dir, base, "", segmentSuffixes[:3]); err != nil {
		return err
	}
	if i := slices.Index(t.indexSwaps, name+swapSuffix); i >= 0 {
		t.indexSwaps = slices.Delete(t.indexSwaps, i, i+1)
		t.indexes = append(t.indexes, name)
		return fsys.Rename(l.file(name+swapSuffix), l.file(name))
	}
	if t.foreign {
		return ignore(fsys.Remove(l.file(name)), fs.ErrNotExist)
	}
	return nil
}

// swapEnd is the offset up to which a swapped segment stands for others.
func swapEnd(l *Log, base int64) (end int64, err error) {
	f, err := l.store.fs.OpenFile(l.file(segmentFileName(base, logSuffix))+swapSuffix, os.O_RDONLY, 0)
	if err != nil {
		return base, err
	}
	s := &segment{base: base, dir: l.dir, data: &dataFile{File: f}}
	size, err := f.Size()
	end = base
	if err == nil {
		_, err = s.scan(0, size, func(at batchAt) bool { end = at.last + 1; return false })
	}
	return end, errors.Join(ignore(err, errNoBatch), f.Close())
}

// ignore is err, unless it is what.
func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}
