package logstore

import (
	"errors"
	"fmt"
	"io"

	"moldau/logstore/record"
)

// compactedBatch is a batch on its way through a compaction.
type compactedBatch struct {
	record.Batch // whole, unless bad says that it is too large: then the header
	position     int64
	bytes        int64
	bad          error // why its records cannot be read: it stays as it is
}

// errBatchTooLarge tells of a batch for which there is no memory.
var errBatchTooLarge = errors.New("batch is larger than what one may unpack to")

// compactReadBytes is how much is read at a time: little enough to be in the
// processor's own cache still when it is checked and walked, while a larger window
// goes out to memory and back; and as much as one read ahead of the disk.
const compactReadBytes = 128 << 10

// batchReader reads the batches of a sealed segment, whole, one after the other.
// Its window grows to the largest of them, within bytesMax, and is kept.
type batchReader struct {
	input    compactInput
	position int64 // of the batch to come
	next     int64 // least offset that it may have
	until    int64 // position, between batches, behind which nothing is read
	window   []byte
	buffer   []byte
	bytesMax int64
	pace     func(bytes int64) error // called for all that is read
}

// begin goes to a segment's batch at a position.
func (r *batchReader) begin(in compactInput, position int64) {
	r.input, r.position, r.next, r.until, r.window = in, position, in.base, in.size(), nil
}

// pass goes on behind batches that are next, and not read.
func (r *batchReader) pass(s stretch) {
	r.position, r.next = int64(s.position)+int64(s.bytes), s.base+int64(s.records)
	r.window = r.window[min(int(s.bytes), len(r.window)):]
}

// read returns the batch to come; none, with no error, behind the last. Where
// headers do not line up nothing can be told from what follows: that is an error.
func (r *batchReader) read() (b compactedBatch, ok bool, err error) {
	size := r.input.size()
	if r.position >= size {
		return b, false, nil
	}
	if len(r.window) < record.HeaderBytes {
		if err := r.fill(compactReadBytes); err != nil {
			return b, false, err
		}
	}
	whole, rest, err := record.Next(r.window)
	if errors.Is(err, record.ErrShort) && len(r.window) >= record.HeaderBytes {
		if n := int64(record.Batch(r.window).Size()); n > size-r.position {
			return b, false, r.input.corrupt(r.position, err)
		} else if n > r.bytesMax {
			return r.skip(n)
		} else if err = r.fill(max(n, compactReadBytes)); err != nil {
			return b, false, err
		}
		whole, rest, err = record.Next(r.window)
	}
	if err != nil {
		return b, false, r.input.corrupt(r.position, err)
	}
	b = compactedBatch{whole, r.position, int64(len(whole)), whole.Check()}
	r.window = rest
	return b, true, r.passed(&b)
}

// skip returns a batch of which only the header is read.
func (r *batchReader) skip(bytes int64) (compactedBatch, bool, error) {
	b := compactedBatch{record.Batch(r.window[:record.HeaderBytes]), r.position, bytes, errBatchTooLarge}
	r.window = nil
	return b, true, r.passed(&b)
}

// passed goes on behind a batch. Its offsets are in no checksum.
func (r *batchReader) passed(b *compactedBatch) error {
	if b.BaseOffset() < r.next || b.LastOffset() < b.BaseOffset() || b.LastOffset() >= r.input.end {
		return r.input.corrupt(b.position, fmt.Errorf("offsets %d to %d, not within %d to %d", b.BaseOffset(), b.LastOffset(), r.next, r.input.end))
	}
	r.position, r.next = b.position+b.bytes, b.LastOffset()+1
	return nil
}

// fill reads n bytes from position on, or what there is up to until. What was
// returned before is overwritten.
func (r *batchReader) fill(n int64) error {
	if int64(len(r.buffer)) < n {
		r.buffer = make([]byte, n)
	}
	left := copy(r.buffer, r.window)
	want := min(n, r.until-r.position)
	if err := r.pace(want - int64(left)); err != nil {
		return err
	}
	got, err := r.input.data.ReadAt(r.buffer[left:want], r.position+int64(left))
	r.window = r.buffer[:left+got]
	if int64(len(r.window)) < want {
		if err == nil || errors.Is(err, io.EOF) {
			err = record.ErrShort
		}
		return r.input.corrupt(r.position, err)
	}
	return nil
}
