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
		var it record.Iterator
		defer it.Close()
		err := l.eachBatch(ctx, from, upto, func(b record.Batch, aborted []AbortedTransaction) (more bool, err error) {
			if b.Control() || isAborted(aborted, b) {
				return true, nil
			}
			if err := it.Reset(b, l.store.opt.DecompressedBytesMax); err != nil {
				return false, err
			}
			for it.Next() {
				if r := it.Record(); r.Offset >= from && !yield(*r, nil) {
					return false, nil
				}
			}
			return true, it.Err()
		})
		if err != nil {
			yield(record.Record{}, err)
		}
	}
}

// Batches yields the batches from the one that holds the offset from on, below
// the bound, control batches and what was aborted among them. A batch is valid
// until the next one.
func (l *Log) Batches(ctx context.Context, from int64, upto Bound) iter.Seq2[record.Batch, error] {
	return func(yield func(record.Batch, error) bool) {
		err := l.eachBatch(ctx, from, upto, func(b record.Batch, _ []AbortedTransaction) (bool, error) { return yield(b, nil), nil })
		if err != nil {
			yield(nil, err)
		}
	}
}

// eachBatch calls visit with every batch, which it has checked, and what was
// aborted around there if the bound is LastStable. It ends where visit wants no
// more; an error of visit is one of the batch.
func (l *Log) eachBatch(ctx context.Context, from int64, upto Bound, visit func(record.Batch, []AbortedTransaction) (more bool, err error)) error {
	var f Fetch
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
			return err
		}
		if len(batches) == 0 {
			return nil
		}
		for len(batches) > 0 {
			b, rest, err := record.Next(batches)
			if errors.Is(err, record.ErrShort) {
				break // cut by the size of the read
			}
			more := true
			if err == nil {
				err = b.Check()
			}
			if err == nil {
				more, err = visit(b, aborted)
			}
			if err != nil {
				return l.wrap("read", &CorruptionError{l.dir, from, err})
			}
			if !more {
				return nil
			}
			from, batches = b.LastOffset()+1, rest
		}
	}
	return ctx.Err()
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
