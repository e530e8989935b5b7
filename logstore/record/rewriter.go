package record

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Rewriter makes of a batch what compaction leaves of it: fewer records, at the
// offsets and with the bytes that they had, and perhaps a delete horizon. It
// reuses its memory. The zero value is ready for [Rewriter.Reset].
//
// All that a batch says of its producer, and its first and last offset, stay as
// they are: they tell which sequence numbers were seen. The base timestamp stays
// too, unless a horizon takes its place; so a record is copied and not encoded
// anew.
type Rewriter struct {
	of        Batch
	horizonMs int64
	buf       []byte // header, then records
	run       Span   // records to be copied together, behind those in buf
	packed    []byte // the finished batch where a codec is set
	count     int32
	maxTime   int64 // ms
	err       error
}

// Reset begins a batch that is made of another one, which must not change until
// Finish. horizonMs, unless 0, is when tombstones and markers may go; 0 keeps the
// horizon that there is, or none.
func (w *Rewriter) Reset(of Batch, horizonMs int64) {
	*w = Rewriter{of: of, horizonMs: horizonMs, buf: append(w.buf[:0], of[:HeaderBytes]...), packed: w.packed, maxTime: -1}
}

// Keep takes over the record that it, which goes through the same batch, is at.
func (w *Rewriter) Keep(it *Iterator) {
	if w.err != nil {
		return
	}
	w.endRun()
	if int64(len(w.buf))+int64(len(it.body.bytes))+varintBytesMax+varlongBytesMax > math.MaxInt32 {
		w.err = fmt.Errorf("%w for one batch", ErrTooLarge)
		return
	}
	w.count++
	w.maxTime = max(w.maxTime, it.record.TimestampMs)
	from := it.body.bytes
	if w.horizonMs == 0 || w.of.LogAppendTime() { // whose records have no time of their own
		w.buf = append(appendVarint(w.buf, int32(len(from))), from...)
		return
	}
	// Deltas are to the horizon now.
	delta := it.record.TimestampMs - w.horizonMs
	length := 1 + varlongBytes(delta) + len(from) - it.body.timeEnd
	w.buf = append(appendVarint(w.buf, int32(length)), from[0])
	w.buf = append(appendVarlong(w.buf, delta), from[it.body.timeEnd:]...)
}

// KeepSpan takes over the record that lies there, as it is: the batch is uncompressed
// and gets no horizon. What stays together is copied together, and not before
// something that does not.
func (w *Rewriter) KeepSpan(s Span) {
	if s.from != w.run.to {
		w.endRun()
		w.run.from = s.from
	}
	w.run.to = s.to
	w.count++
	w.maxTime = max(w.maxTime, s.timestampMs)
}

func (w *Rewriter) endRun() {
	w.buf = append(w.buf, w.of.Payload()[w.run.from:w.run.to]...)
	w.run = Span{}
}

// Count is the number of records kept.
func (w *Rewriter) Count() int { return int(w.count) }

// Finish completes the batch, which is valid until Reset. With no record kept it
// is [AppendEmpty]'s.
func (w *Rewriter) Finish() (Batch, error) {
	if w.err != nil {
		return nil, w.err
	}
	if w.count == 0 {
		w.buf = AppendEmpty(w.buf[:0], w.of)
		return w.buf, nil
	}
	w.endRun()
	batch := Batch(w.buf)
	if codec := w.of.Codec(); codec != None {
		packed, err := Compress(append(w.packed[:0], w.buf[:HeaderBytes]...), codec, 0, w.buf[HeaderBytes:])
		if err != nil {
			return nil, err
		}
		w.packed, batch = packed, packed
	}
	if len(batch) > math.MaxInt32 {
		return nil, fmt.Errorf("%w for one batch", ErrTooLarge)
	}
	binary.BigEndian.PutUint32(batch[atLength:], uint32(len(batch)-lengthEnd))
	binary.BigEndian.PutUint32(batch[atCount:], uint32(w.count))
	if !batch.LogAppendTime() {
		batch.SetMaxTimestamp(w.maxTime)
	}
	if w.horizonMs != 0 {
		batch.SetAttributes(batch.Attributes() | deleteHorizon)
		batch.SetBaseTimestamp(w.horizonMs)
	}
	batch.SetCRC(batch.ComputeCRC())
	return batch[:len(batch):len(batch)], nil
}
