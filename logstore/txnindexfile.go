package logstore

import (
	"errors"
	"io/fs"
	"math"

	"moldau/index"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// The transaction index of a segment lives in memory while the segment is
// written, as the other two do, and its file is made when it is first flushed
// with something in it. Sealed, it is mapped like them.

// beginTxns gives a segment an empty transaction index. A file is neither
// looked for nor made.
func (s *segment) beginTxns(fsys vfs.FS, readOnly bool) {
	s.txnFile = &indexFile{fs: fsys, name: s.path(txnSuffix), readOnly: readOnly, optional: true}
	s.txns = index.NewTxns(s.txnFile, s.base)
}

// copyTxns gives a shortened segment the transactions of old that end below end.
func (s *segment) copyTxns(old *segment, fsys vfs.FS, end int64) (err error) {
	s.txnFile = &indexFile{fs: fsys, name: s.path(txnSuffix) + cleanedSuffix, optional: true}
	s.txns, err = old.txns.CopyTo(s.txnFile, end)
	return err
}

// replaceTxns puts the file that copyTxns has begun, and a flush has written, in
// the place of the old one; with nothing in it there shall be none.
func (s *segment) replaceTxns(fsys vfs.FS) error {
	if s.txns.Len() > 0 {
		return s.txnFile.rename(s.path(txnSuffix))
	}
	s.txnFile.name = s.path(txnSuffix) // nothing was opened yet
	return s.removeTxns(fsys)
}

// removeTxns removes the file, which most segments do not have.
func (s *segment) removeTxns(fsys vfs.FS) error {
	name := s.path(txnSuffix)
	if _, err := fsys.Stat(name); err != nil {
		return ignore(err, fs.ErrNotExist)
	}
	return fsys.Remove(name)
}

// openTxns opens the transaction index of a segment; below the recovery point it
// is believed as far as it is consistent, and what is above is dropped. One that
// is not is left for rebuildTxns.
func (r *recovery) openTxns(s *segment, sealed bool) error {
	defer s.txnFile.rest()
	fsys := r.log.store.fs
	if !r.clean && s.base >= r.point {
		if r.log.store.opt.ReadOnly {
			return nil
		}
		return s.removeTxns(fsys)
	}
	if _, err := fsys.Stat(s.path(txnSuffix)); err != nil {
		return ignore(err, fs.ErrNotExist)
	}
	var err error
	var txns *index.Txns
	if sealed {
		txns, err = index.OpenTxns(s.txnFile, s.base, true)
	} else {
		believed := r.point
		if r.clean {
			believed = math.MaxInt64
		}
		txns, err = index.ReviveTxns(s.txnFile, s.base, believed)
	}
	if errors.Is(err, index.ErrCorrupt) || errors.Is(err, index.ErrVersion) {
		r.badTxns = append(r.badTxns, s)
		return nil
	}
	if err == nil {
		s.txns = txns
	}
	return err
}

// txnsEndHolds is indexEndsHold for the transaction index: its last entry names
// an abort marker.
func (s *segment) txnsEndHolds() bool {
	last, ok := s.txns.Last()
	if !ok {
		return true
	}
	at, err := s.locate(last.LastOffset, s.size())
	if err != nil || at.bytes == 0 || at.base != last.LastOffset || at.bytes > endMarkerBytesMax {
		return false
	}
	b, err := s.readBatch(at)
	if err != nil || b.ProducerID() != last.ProducerID || !b.Control() {
		return false
	}
	marker, ok := endOf(b)
	return ok && !marker.commit
}

// rebuildTxns builds anew the transaction indexes that could not be believed, from
// the batches below end.
func (r *recovery) rebuildTxns(end int64) error {
	for _, s := range r.badTxns {
		if err := r.rebuildTxnsOf(s, end); err != nil {
			return err
		}
	}
	return nil
}

// rebuildTxnsOf is rebuildTxns of a segment. Where none is found a transaction index
// is believed to be empty: the new one takes the old one's place complete and
// synced, so that a crash leaves one of the two.
func (r *recovery) rebuildTxnsOf(s *segment, end int64) error {
	store := r.log.store
	ps, err := r.log.loadProducersAmong(r.snapshots, r.segments, s.base)
	if err != nil {
		return err
	}
	s.beginTxns(store.fs, store.opt.ReadOnly)
	if !store.opt.ReadOnly {
		s.txnFile.isNamed(s.path(txnSuffix) + cleanedSuffix)
	}
	i := (&view{r.segments}).find(s.base)
	err = walkBatches(r.segments[i:i+1], s.base, end, func(b record.Batch, at mark) error {
		return s.noteEnd(ps.update(b, at, 0))
	})
	if err != nil || store.opt.ReadOnly {
		return err
	}
	defer s.txnFile.rest()
	if err := errors.Join(s.txns.Flush(), s.txns.Sync()); err != nil {
		return err
	}
	if err := errors.Join(s.replaceTxns(store.fs), store.fs.SyncDir(s.dir)); err != nil {
		return err
	}
	if s.tail.sealed {
		return s.txns.Seal()
	}
	return nil
}

// noteEnd enters an aborted transaction into the index of the segment that holds
// its marker.
func (s *segment) noteEnd(ended *transaction) error {
	if ended == nil || !ended.aborted {
		return nil
	}
	return s.txns.Append(index.AbortedTxn{
		ProducerID:  ended.producerID,
		FirstOffset: ended.first, LastOffset: ended.marker, LastStableOffset: ended.stable,
	})
}
