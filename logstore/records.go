package logstore

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"moldau/logstore/record"
)

// Append appends records as one uncompressed batch, under the log's latest leader
// epoch, and returns the first one's offset once they are below the high watermark:
// durable, in a synced log. They are in the log all together or not at all.
// Records without a timestamp get the log's time; their Offset is not looked at.
// There must be one at least.
//
// With a context that cannot end Append syncs by itself, where nobody else is at it:
// that saves a lone producer two hand-overs.
//
// After an error of ctx the records are in the log and may become durable yet; to
// append them again, and not twice, there is [Log.AppendOnce]. The other errors are
// those of [Log.AppendLeader], which is the batch-level API beneath. In a log with
// Config.Replicated Append waits for [Log.SetHighWatermark].
func (l *Log) Append(ctx context.Context, records ...record.Record) (first int64, err error) {
	return l.appendRecords(ctx, nil, records)
}

// AppendOnce is Append for a producer that numbers its records: those that were
// appended before, with the same numbers, are not appended again, and first is
// where they are. So what failed, by ctx or with the process, is just repeated.
//
// The numbers of a producer, p.ID, which is not negative, go up by one with each record, and from 2^31-1
// to 0; p.BaseSequence is that of the first record. Its last five batches are
// remembered, also by an open, and are to be repeated as they were. Whoever has lost
// count asks [Log.Producers]. ErrSequence tells that numbers were left out, or are
// older than that; ErrProducerEpoch that a p.Epoch above this one was seen: a
// successor fences its predecessor by a higher one, and begins at 0.
//
// A producer of which the log knows nothing may begin at any number. The log knows
// of a producer until Options.ProducerExpiryMs after its last append.
func (l *Log) AppendOnce(ctx context.Context, p record.Producer, records ...record.Record) (first int64, err error) {
	return l.appendRecords(ctx, &p, records)
}

// builders are those of batches that Append has built: memory that is touched for
// the first time costs more than all else of an append.
var builders = sync.Pool{New: func() any { return new(record.Builder) }}

// builderBytesKept is the largest batch whose memory is kept for others.
const builderBytesKept = 1 << 20

func (l *Log) appendRecords(ctx context.Context, p *record.Producer, records []record.Record) (first int64, err error) {
	// A commit cannot be left halfway: who may have to leave does not run one.
	a, run, err := l.appendBuilt(p, records, ctx.Done() == nil)
	if run {
		l.store.committer.runOnce()
	}
	if err != nil {
		return -1, err
	}
	return a.First, l.wrap("append", l.Wait(ctx, HighWatermark, a.Last+1))
}

// appendBuilt appends a batch of the records; see lead.
func (l *Log) appendBuilt(p *record.Producer, records []record.Record, claim bool) (a Appended, run bool, err error) {
	switch {
	case len(records) == 0:
		return a, false, l.wrap("append", &RecordError{Index: -1, Reason: "no records", Err: ErrInvalidRecord})
	case p != nil && p.ID < 0:
		return a, false, l.wrap("append", &RecordError{Index: -1, Reason: fmt.Sprintf("producer id %d", p.ID), Err: ErrInvalidRecord})
	}
	b := builders.Get().(*record.Builder)
	defer func() {
		if b.Size() <= builderBytesKept {
			builders.Put(b)
		}
	}()
	b.Reset(record.BuilderOptions{Producer: p})
	nowMs := l.store.nowMs()
	for _, r := range records {
		if r.TimestampMs == 0 {
			r.TimestampMs = nowMs
		}
		b.Append(r.TimestampMs, r.Key, r.Value, r.Headers...)
	}
	batch, err := b.Finish()
	if err != nil {
		return a, false, l.wrap("append", err)
	}
	return l.lead(batch, max(l.LatestEpoch(), 0), AppendOptions{}, claim)
}

// Records yields the records from the offset from on, below the bound, and ends
// there: an error, if there is one, comes last. Control records are left out, and
// with the bound LastStable those of aborted transactions. A record is valid until
// the next one.
//
// The bound is where it stands when the last record below it was yielded, so that
// a log that grows is read on. ErrOffsetRange tells that from is below the start
// offset, which retention may just have moved, or above the end; a
// *CorruptionError that a batch is not what was written.
func (l *Log) Records(ctx context.Context, from int64, upto Bound) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		var r recordWalk
		defer r.it.Close()
		if _, _, err := l.eachRecord(ctx, &r, from, upto, yield); err != nil {
			yield(record.Record{}, err)
		}
	}
}

// RecordAt returns the record at an offset below the bound, or the first one behind
// it where there is none: compaction has taken it, or a transaction's marker is there,
// or, below LastStable, what was aborted. ok is false where there is none either. The
// record is the caller's. Errors are those of Records.
func (l *Log) RecordAt(ctx context.Context, offset int64, upto Bound) (r record.Record, ok bool, err error) {
	w := recordWalks.Get().(*recordWalk)
	defer w.keep()
	_, _, err = l.eachRecord(ctx, w, offset, upto, func(found record.Record, _ error) bool {
		r, ok = found.Clone(), true
		return false
	})
	return r, ok, err
}

// recordWalks are those of reads that are over.
var recordWalks = sync.Pool{New: func() any { return new(recordWalk) }}

// keep lets another read have the memory, unless it is much.
func (r *recordWalk) keep() {
	r.it.Close()
	if r.batches.end(); cap(r.batches.buffer) <= readAheadBytes {
		recordWalks.Put(r)
	}
}

// Follow is Records that does not end at the bound but waits there for more, until
// ctx ends, or the log does, by [Store.Close] or [Store.Delete]: with ctx's error,
// or ErrClosed. In a store that is only read nothing more comes: it ends with
// ErrReadOnly. Waiting takes no goroutine.
func (l *Log) Follow(ctx context.Context, from int64, upto Bound) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		var r recordWalk
		defer r.it.Close()
		for {
			end := l.Offset(upto)
			next, more, err := l.eachRecord(ctx, &r, from, upto, yield)
			if err == nil && more {
				// Below the bound there may be no batch to go on behind: a gap.
				from = max(next, end)
				err = l.wrap("follow", l.Wait(ctx, upto, from+1))
			}
			if err != nil {
				yield(record.Record{}, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// recordWalk is what a walk by records reuses.
type recordWalk struct {
	batches batchWalk
	it      record.Iterator
}

// eachRecord yields what Records does, but for an error at the end. next is the
// offset behind the last batch, more false where the caller wants no more.
func (l *Log) eachRecord(ctx context.Context, r *recordWalk, from int64, upto Bound, yield func(record.Record, error) bool) (next int64, more bool, err error) {
	it := &r.it
	next, more = from, true
	err = l.eachBatch(ctx, &r.batches, from, upto, func(b record.Batch, aborted []AbortedTransaction) (bool, error) {
		next = b.LastOffset() + 1
		if b.Control() || isAborted(aborted, b) {
			return true, nil
		}
		if err := it.Reset(b, l.store.opt.DecompressedBytesMax); err != nil {
			return false, err
		}
		for it.Next() {
			if r := it.Record(); r.Offset >= from && !yield(*r, nil) {
				more = false
				return false, nil
			}
		}
		return true, it.Err()
	})
	return next, more, err
}

// Batches yields the batches from the one that holds the offset from on, below
// the bound, control batches and what was aborted among them. A batch is valid
// until the next one.
func (l *Log) Batches(ctx context.Context, from int64, upto Bound) iter.Seq2[record.Batch, error] {
	return func(yield func(record.Batch, error) bool) {
		var w batchWalk
		err := l.eachBatch(ctx, &w, from, upto, func(b record.Batch, _ []AbortedTransaction) (bool, error) { return yield(b, nil), nil })
		if err != nil {
			yield(nil, err)
		}
	}
}

// eachBatch calls visit with every batch, which it has checked, and what was
// aborted around there if the bound is LastStable. It ends where visit wants no
// more; an error of visit is one of the batch.
func (l *Log) eachBatch(ctx context.Context, w *batchWalk, from int64, upto Bound, visit func(record.Batch, []AbortedTransaction) (more bool, err error)) error {
	w.begin(l, from)
	var aborted []AbortedTransaction
	for ctx.Err() == nil {
		upper, err := w.read(upto)
		if err != nil || len(w.sections) == 0 {
			return err
		}
		if upto == LastStable {
			if aborted, err = l.AbortedTransactions(aborted[:0], w.from, upper); err != nil {
				return err
			}
			if start := l.start.Load(); start > w.from { // nobody knows any more what was aborted there
				return l.wrap("read", fmt.Errorf("%w: %d, the log begins at %d by now", ErrOffsetRange, w.from, start))
			}
		}
		for {
			b, err := w.next()
			if err != nil {
				return l.wrap("read", err)
			}
			if b == nil {
				break
			}
			if more, err := visit(b, aborted); err != nil {
				return l.wrap("read", w.corrupt(b, err))
			} else if !more {
				return nil
			}
		}
	}
	return ctx.Err()
}
