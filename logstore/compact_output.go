package logstore

import (
	"errors"
	"os"
	"slices"
	"time"

	"moldau/index"
	"moldau/logstore/record"
)

// compactOutput writes the segment that is to stand for a group, under names
// that no start takes for a log's.
type compactOutput struct {
	log     *Log
	segment *segment
	aborts  bool   // it has a transaction index
	newest  int64  // ms, of what it is made of: the file's time
	pending []byte // to be written at the end of the file
	size    int64  // with pending
	pace    func(bytes int64) error
	written *int64 // bytes, counted
}

// begin makes the files.
func (o *compactOutput) begin(l *Log, base, createdMs int64) error {
	s := &segment{base: base, dir: l.dir}
	data, err := l.store.fs.OpenFile(s.path(logSuffix)+cleanedSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return spaceError(err)
	}
	s.data = &dataFile{File: data}
	s.data.refs.Store(1)
	s.data.countedIn(&l.store.openFiles.count)
	s.reset(createdMs)
	for i, suffix := range []string{offsetsSuffix, timesSuffix} {
		s.files[i] = &indexFile{fs: l.store.fs, name: s.path(suffix) + cleanedSuffix}
	}
	s.offsets = index.NewOffsets(s.files[0], base, l.indexOptions())
	s.times = index.NewTimes(s.files[1], base, l.indexOptions())
	s.txnFile = &indexFile{fs: l.store.fs, name: s.path(txnSuffix) + cleanedSuffix, optional: true}
	s.txns = index.NewTxns(s.txnFile, base)
	o.log, o.segment, o.size, o.pending = l, s, 0, o.pending[:0]
	return spaceError(errors.Join(s.files[0].create(), s.files[1].create()))
}

// add appends a whole batch.
func (o *compactOutput) add(b record.Batch) error {
	if err := o.note(b); err != nil {
		return err
	}
	o.pending = append(o.pending, b...)
	o.size += int64(len(b))
	if len(o.pending) < scanWindowBytes {
		return nil
	}
	return o.flush()
}

func (o *compactOutput) note(b record.Batch) error {
	return o.segment.note(b, o.size, o.log.config.Load().IndexIntervalBytes)
}

// flush writes what is pending.
func (o *compactOutput) flush() error {
	n := int64(len(o.pending))
	if n == 0 {
		return nil
	}
	if err := o.pace(n); err != nil {
		return err
	}
	if _, err := o.segment.data.WriteAt(o.pending, o.size-n); err != nil {
		return spaceError(err)
	}
	*o.written += n
	o.pending = o.pending[:0]
	return nil
}

// copyLong appends a batch, of which b is the header, that no memory holds. pace is
// called for what is read.
func (o *compactOutput) copyLong(b compactedBatch, from *segment, pace func(bytes int64) error) error {
	if err := o.note(b.Batch); err != nil {
		return err
	}
	if err := o.flush(); err != nil {
		return err
	}
	for at := int64(0); at < b.bytes; {
		step := min(scanWindowBytes, b.bytes-at)
		o.pending = slices.Grow(o.pending[:0], int(step))[:step]
		if err := pace(step); err != nil {
			return err
		}
		if n, err := from.data.ReadAt(o.pending, b.position+at); n < len(o.pending) {
			return from.corrupt(b.position, err)
		}
		at += step
		o.size += step
		if err := o.flush(); err != nil {
			return err
		}
	}
	return nil
}

// finish makes the segment, which ends at an offset, whole and durable. aborts has
// it get a transaction index, if empty: the originals have one.
func (o *compactOutput) finish(end int64, aborts bool) error {
	if err := o.flush(); err != nil {
		return err
	}
	s := o.segment
	if o.aborts = aborts || s.txns.Len() > 0; o.aborts {
		if err := s.txnFile.create(); err != nil {
			return spaceError(err)
		}
	}
	if err := s.times.MaybeAppend(s.timestampMax.Load(), s.tail.timestampMaxOffset, true); err != nil {
		return err
	}
	// Or retention, where no record is left that has a time, would go by when it was
	// compacted. Before the sync, which makes this durable with the bytes.
	if err := o.log.store.fs.SetModTime(s.path(logSuffix)+cleanedSuffix, time.UnixMilli(o.newest)); err != nil {
		return err
	}
	if err := s.data.Sync(); err != nil {
		return err // nobody relies on this file yet
	}
	if err := s.sealIndexes(); err != nil {
		return spaceError(err)
	}
	s.tail.sealed, s.tail.synced = true, o.size
	s.places[LogEnd].Store(uint64(placeAt(end-s.base, o.size)))
	return nil
}

// leave gives up the output, and keeps its files.
func (o *compactOutput) leave() {
	o.segment.abandon()
	o.segment = nil
}

// discard gives up what was written, and was not promised.
func (o *compactOutput) discard() error {
	s := o.segment
	o.segment = nil
	if s == nil {
		return nil
	}
	s.abandon()
	err := removeFiles(o.log.store.fs, o.log.dir, s.base, cleanedSuffix, segmentSuffixes[:4])
	if err != nil {
		o.log.setLitter(true)
	}
	return err
}
