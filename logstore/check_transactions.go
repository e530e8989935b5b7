package logstore

import (
	"errors"
	"slices"

	"moldau/index"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// checkedTransactions follows the transactions of a log from batch to batch, as
// a leader does, so that each segment's transaction index can be compared.
type checkedTransactions struct {
	producers *producers
	// exact tells that nothing was missed. After a gap, as compaction leaves them,
	// or where the beginning is unknown, a transaction may have begun earlier than
	// it seems, or have no record left.
	exact bool
}

// beginTransactions takes up the producers as they were where the log begins.
func (l *checkedLog) beginTransactions() {
	l.txns = checkedTransactions{producers: newProducers(0), exact: true}
	if len(l.files.bases) == 0 || l.files.bases[0] == 0 {
		return
	}
	first := l.files.bases[0]
	text, err := readFile(l.fs, l.files.file(segmentFileName(first, snapshotSuffix)))
	if err == nil {
		var ps *producers
		if ps, err = decodeSnapshot(text, first, 0, 0); err == nil {
			l.txns.producers = ps
		}
	}
	l.txns.exact = err == nil
}

// abortMarker is one in the segment being checked.
type abortMarker struct {
	producerID, offset int64
	of                 *transaction // nil if none was open
	exact              bool         // all was known when it came
	free               bool         // it has a delete horizon: compaction found no data of its transaction
}

// transaction notes what a sound batch means to transactions.
func (s *checkedSegment) transaction(f vfs.File, b record.Batch, at int64) {
	if b.ProducerID() < 0 || !b.Transactional() && !b.Control() {
		return
	}
	if b.Control() && len(b) < b.Size() && b.Size() <= endMarkerBytesMax {
		whole := make(record.Batch, b.Size())
		if n, err := f.ReadAt(whole, at); n < len(whole) {
			s.find(Fault, s.file, at, "cannot be read: %v", err)
			return
		}
		b = whole
	}
	ended := s.txns.producers.update(b, mark{}, 0)
	if end, ok := endOf(b); b.Control() && ok && !end.commit {
		s.aborts = append(s.aborts, abortMarker{b.ProducerID(), b.BaseOffset(), ended, s.txns.exact && s.gaps == 0, b.HasDeleteHorizon()})
	}
}

// transactions compares the transaction index, which a segment without an aborted
// transaction lacks, with the markers in the segment.
func (s *checkedSegment) transactions() {
	if s.gaps > 0 || s.broken {
		s.txns.exact = false
	}
	name := s.files.file(segmentFileName(s.base, txnSuffix))
	var entries []index.AbortedTxn
	if s.files.has(s.base, txnSuffix) {
		f, _ := s.open(name)
		if f == nil {
			return
		}
		defer f.Close()
		for txn, err := range index.AbortedTxns(f, s.base) {
			switch {
			case errors.Is(err, index.ErrCorrupt), errors.Is(err, index.ErrVersion):
				s.find(s.txnSeverity(s.next), name, 0, "%v", err)
				return
			case err != nil:
				s.find(Fault, name, 0, "cannot be read: %v", err)
				return
			}
			entries = append(entries, txn)
		}
	}
	for _, e := range entries {
		s.abortedTxn(name, e)
	}
	if s.broken {
		return
	}
	for _, a := range s.aborts {
		named := func(e index.AbortedTxn) bool { return e.LastOffset == a.offset }
		if a.of != nil && !a.free && !slices.ContainsFunc(entries, named) {
			s.find(s.txnSeverity(a.offset), name, 0, "lacks the transaction of producer %d from %d, aborted at %d", a.producerID, a.of.first, a.offset)
		}
	}
}

// txnSeverity is a Note for what a start builds anew from the markers.
func (s *checkedSegment) txnSeverity(marker int64) Severity {
	if !s.clean && marker >= s.recovery {
		return Note
	}
	return Fault
}

// abortedTxn compares one entry with the marker that it names.
func (s *checkedSegment) abortedTxn(name string, e index.AbortedTxn) {
	severity := s.txnSeverity(e.LastOffset)
	i := slices.IndexFunc(s.aborts, func(a abortMarker) bool { return a.offset == e.LastOffset })
	if i < 0 {
		switch {
		case e.LastOffset >= s.next:
			s.find(severity, name, 0, "names an aborted transaction that ends at %d, past the segment's end %d", e.LastOffset, s.next)
		case !s.broken:
			if s.gaps > 0 {
				severity = Note // the marker lay there; what was aborted still is
			}
			s.find(severity, name, 0, "names an aborted transaction that ends at %d, where no abort marker is", e.LastOffset)
		}
		return
	}
	a := s.aborts[i]
	switch {
	case a.producerID != e.ProducerID:
		s.find(severity, name, 0, "names producer %d for the transaction aborted at %d, the marker says %d", e.ProducerID, e.LastOffset, a.producerID)
	case a.of == nil && a.exact:
		s.find(severity, name, 0, "names a transaction of producer %d, aborted at %d, that never began", e.ProducerID, e.LastOffset)
	case a.of != nil && (e.FirstOffset > a.of.first || a.exact && e.FirstOffset < a.of.first):
		s.find(severity, name, 0, "lets the transaction aborted at %d begin at %d, but it began at %d", e.LastOffset, e.FirstOffset, a.of.first)
	case a.of != nil && (e.LastStableOffset > a.of.stable || a.exact && e.LastStableOffset < a.of.stable):
		s.find(severity, name, 0, "has %d for the last stable offset at the marker at %d, but it was %d", e.LastStableOffset, e.LastOffset, a.of.stable)
	}
}
