package logstore

import (
	"cmp"
	"errors"
	"slices"

	"moldau/index"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// A start drops what the transaction indexes say above the recovery point, also of
// a log that it then finds to be corrupt, and builds them anew from the markers. A
// repair that raises the point has to do that itself: no later start will.

// reachesAbove tells that a start looks into a segment behind the recovery point, or
// as the last one below: of that it drops the transaction index too, if it cannot read
// the last marker. None will once the repair has raised the point.
func (l *repairLog) reachesAbove(s *repairSegment) bool {
	return l.touched && !l.clean && s.limit > l.point()
}

// point is the recovery point that the log was found with.
func (l *repairLog) point() int64 {
	point, _ := l.root.offset(recoveryPointFile, l.files.tp)
	return point
}

// planTxns has a transaction index built anew if it is malformed, names what lies
// past the segment's end, or may lack what only a start would enter. Where nothing
// is to be said no file is made.
func (l *repairLog) planTxns(s *repairSegment, name string, there bool) error {
	found, malformed, err := l.readTxns(s, name, there)
	problem := cmp.Or(malformed, l.faulty[name])
	if err != nil || problem == "" && !l.reachesAbove(s) {
		return err
	}
	entries, err := l.abortedIn(s, found)
	if err != nil || !there && len(entries) == 0 || malformed == "" && slices.Equal(entries, found) {
		return err // what the checker finds wrong may be what it cannot know
	}
	if problem == "" {
		problem = "does not say what the abort markers do, and no start will build it anew"
	}
	b, err := encodeTxns(s.base, entries)
	if err != nil {
		return l.r.ofFile(err)
	}
	l.planRewrite(name, problem, "built anew from the data", phaseIndex, b)
	return nil
}

func encodeTxns(base int64, entries []index.AbortedTxn) ([]byte, error) {
	var file memoryFile
	txns := index.NewTxns(&file, base)
	for _, txn := range entries {
		if err := txns.Append(txn); err != nil {
			return nil, err
		}
	}
	err := txns.Flush()
	return file.b, err
}

// readTxns reads a transaction index. One that is malformed says nothing.
func (l *repairLog) readTxns(s *repairSegment, name string, there bool) (found []index.AbortedTxn, problem string, err error) {
	if !there {
		return nil, "", nil
	}
	err = l.withFile(name, func(f vfs.File, _ int64) error {
		for txn, err := range index.AbortedTxns(f, s.base) {
			switch {
			case errors.Is(err, index.ErrCorrupt), errors.Is(err, index.ErrVersion):
				found, problem = nil, err.Error()
				return nil
			case err != nil:
				return err
			case txn.LastOffset >= s.scan.end(s.base):
				problem = "names a transaction past the segment's end"
			}
			found = append(found, txn)
		}
		return nil
	})
	return found, problem, err
}

// abortedIn is what the transaction index of a segment shall say: what the abort
// markers do that stay, and what was found in the index and has lost its marker.
// What was aborted stays aborted. Where a batch stands that is no such marker, or
// one that ends nothing, the index was wrong.
func (l *repairLog) abortedIn(s *repairSegment, found []index.AbortedTxn) ([]index.AbortedTxn, error) {
	if l.aborted == nil {
		if err := l.readMarkers(); err != nil {
			return nil, err
		}
	}
	byMarker := func(a, b index.AbortedTxn) int { return cmp.Compare(a.LastOffset, b.LastOffset) }
	told := l.aborted[s]
	left := slices.DeleteFunc(slices.Clone(found), func(txn index.AbortedTxn) bool {
		i, known := slices.BinarySearchFunc(told, txn, byMarker)
		if known && told[i].ProducerID == txn.ProducerID && told[i].FirstOffset < txn.FirstOffset {
			told[i] = txn // the marker that ended the one before it is lost
		}
		return known || txn.LastOffset >= s.scan.end(s.base)
	})
	if len(left) == 0 {
		return told, nil
	}
	err := l.headersOf(s, func(b record.Batch) error {
		left = slices.DeleteFunc(left, func(txn index.AbortedTxn) bool {
			return b.BaseOffset() <= txn.LastOffset && txn.LastOffset <= b.LastOffset()
		})
		return nil
	})
	all := slices.Concat(told, left)
	slices.SortFunc(all, byMarker)
	return all, err
}

// readMarkers follows the log's transactions from its start, or from the producer
// snapshot there, to the abort markers in each segment.
func (l *repairLog) readMarkers() error {
	aborted := map[*repairSegment][]index.AbortedTxn{}
	producers := l.producersAtStart()
	err := l.headers(func(s *repairSegment, b record.Batch) error {
		if b.ProducerID() < 0 || !b.Transactional() && !b.Control() {
			return nil
		}
		if t := producers.update(b, mark{}, 0); t != nil && t.aborted {
			aborted[s] = append(aborted[s], index.AbortedTxn{
				ProducerID: t.producerID, FirstOffset: t.first, LastOffset: t.marker, LastStableOffset: t.stable,
			})
		}
		return nil
	})
	if err == nil {
		l.aborted = aborted
	}
	return err
}

// producersAtStart are the producers as they were where the log starts.
func (l *repairLog) producersAtStart() *producers {
	base := l.staying()[0].base
	text, err := readFile(l.r.fs, l.files.file(segmentFileName(base, snapshotSuffix)))
	if err == nil {
		if ps, err := decodeSnapshot(text, base, 0, 0); err == nil {
			return ps
		}
	}
	return newProducers(0)
}
