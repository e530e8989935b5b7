package logstore

import (
	"context"
	"errors"
	"iter"

	"moldau/logstore/record"
)

// readAheadBytes is how much Records asks for at a time.
const readAheadBytes = 256 << 10

// Append appends records as one uncompressed batch, under the log's latest
// leader epoch, and returns the first one's offset once they are below the high
// watermark: durable, in a synced log. Records without a timestamp get the
// log's time. The batch-level API beneath is [Log.AppendLeader].
func (l *Log) Append(ctx context.Context, records ...record.Record) (first int64, err error) {
	b := record.NewBuilder(record.BuilderOptions{})
	for _, r := range records {
		if r.TimestampMs == 0 {
			r.TimestampMs = l.store.nowMs()
		}
		b.Append(r.TimestampMs, r.Key, r.Value, r.Headers...)
	}
	batch, err := b.Finish()
	if err != nil {
		return -1, l.wrap("append", err)
	}
	a, err := l.AppendLeader(batch, max(l.LatestEpoch(), 0))
	if err != nil {
		return -1, err
	}
	return a.First, l.wrap("append", l.Wait(ctx, HighWatermark, a.Last+1))
}

// Records yields the records from the offset from on, below the bound, and ends
// there. Control records are left out, and with the bound LastStable those of
// aborted transactions. A record is valid until the next one.
func (l *Log) Records(ctx context.Context, from int64, upto Bound) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		var f Fetch
		var it record.Iterator
		defer it.Close()
		var aborted []AbortedTransaction
		for ctx.Err() == nil {
			err := l.Read(&f, from, upto, readAheadBytes, true)
			if err == nil && upto == LastStable {
				aborted, err = l.AbortedTransactions(aborted[:0], from, f.Upto)
			}
			var batches []byte
			if err == nil {
				batches, err = f.copyOut()
			}
			if err != nil {
				f.Release()
				yield(record.Record{}, err)
				return
			}
			if len(batches) == 0 {
				return
			}
			next, more := l.yieldBatches(&it, batches, from, func(b record.Batch) bool { return !isAborted(aborted, b) }, yield)
			if !more {
				return
			}
			from = next
		}
		yield(record.Record{}, ctx.Err())
	}
}

// copyOut reads the sections into memory and releases f.
func (f *Fetch) copyOut() ([]byte, error) {
	defer f.Release()
	b := make([]byte, f.Bytes)
	n := 0
	for _, s := range f.Sections {
		m, err := s.File.ReadAt(b[n:n+s.Length], s.Offset)
		if n += m; m < s.Length {
			return nil, err
		}
	}
	return b, nil
}

// yieldBatches hands out the records of whole batches that are wanted, at and
// above from, and returns where to go on.
func (l *Log) yieldBatches(it *record.Iterator, batches []byte, from int64, wanted func(record.Batch) bool, yield func(record.Record, error) bool) (next int64, more bool) {
	for len(batches) > 0 {
		b, rest, err := record.Next(batches)
		if errors.Is(err, record.ErrShort) {
			return from, true // cut by the size of the read
		}
		if err == nil {
			err = b.Check()
		}
		if err == nil {
			err = it.Reset(b, l.store.opt.DecompressedBytesMax)
		}
		for err == nil && !b.Control() && wanted(b) && it.Next() {
			if r := it.Record(); r.Offset >= from && !yield(*r, nil) {
				return from, false
			}
		}
		if err == nil {
			err = it.Err()
		}
		if err != nil {
			yield(record.Record{}, l.wrap("read", &CorruptionError{l.dir, b.BaseOffset(), err}))
			return from, false
		}
		from, batches = b.LastOffset()+1, rest
	}
	return from, true
}
