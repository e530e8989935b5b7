package logstore

import (
	"errors"
	"fmt"
	"io"

	"moldau/logstore/record"
)

// A walk asks for little at first, since a caller may want one record, and for
// eight times as much at each further read, up to readAheadBytes.
const (
	readFirstBytes = 4 << 10
	readAheadBytes = 256 << 10
)

// batchWalk reads a log batch by batch and checks each, its base offset too:
// that is in no checksum, and a wrong one would give good records other offsets.
// It may leave gaps, as compaction does, but never goes back, and lies within
// what its segment covers.
type batchWalk struct {
	log      *Log
	from     int64         // offset that is wanted next
	ended    int64         // where the batch before did, -1 if that binds nothing
	seen     *view         // as of the last read
	sections []walkSection // of what was read, and not yet walked
	ahead    int           // bytes to ask for
	buffer   []byte        // of the last read, which the next one overwrites
	fetch    Fetch         // kept for its memory
}

// walkSection is what was read of one segment.
type walkSection struct {
	segment  *segment
	position int64 // of the bytes that are left
	bytes    []byte
	limit    int64 // offset that no batch in it reaches
}

// begin begins a walk, in the memory of the one before.
func (w *batchWalk) begin(l *Log, from int64) {
	*w = batchWalk{log: l, from: from, ended: -1, buffer: w.buffer, fetch: w.fetch}
}

// end lets go of all but the memory.
func (w *batchWalk) end() { w.begin(nil, 0) }

// read reads what comes next below the bound, if anything, and returns an offset
// that no batch of it reaches.
func (w *batchWalk) read(upto Bound) (upper int64, err error) {
	f := &w.fetch
	defer f.Release()
	if v := w.log.view.Load(); v != w.seen {
		w.seen, w.ended = v, -1 // after a truncation a batch may begin before the last one ended
	}
	w.sections = w.sections[:0]
	w.ahead = min(max(readFirstBytes, 8*w.ahead), readAheadBytes)
	if err := w.log.Read(f, w.from, upto, w.ahead, true); err != nil {
		return 0, err
	}
	if cap(w.buffer) < f.Bytes {
		w.buffer = make([]byte, f.Bytes)
	}
	b, i := w.buffer[:f.Bytes], 0
	for _, section := range f.Sections {
		for section.File != f.pins[i].data { // empty ones have no section
			i++
		}
		n := section.Length
		if m, err := section.File.ReadAt(b[:n], section.Offset); m < n {
			if errors.Is(err, io.EOF) {
				err = f.pins[i].corrupt(section.Offset+int64(m), record.ErrShort)
			}
			if w.log.cutSince(w.seen, err) {
				return w.read(upto)
			}
			return 0, w.log.wrap("read", err)
		}
		p := walkSection{f.pins[i], section.Offset, b[:n:n], f.Upto}
		if i+1 < len(f.pins) {
			p.limit = f.pins[i+1].base
		}
		w.sections, b = append(w.sections, p), b[n:]
	}
	return f.Upto, nil
}

// next is the next batch, nil where another read is due.
func (w *batchWalk) next() (record.Batch, error) {
	for len(w.sections) > 0 {
		p := &w.sections[0]
		if len(p.bytes) == 0 {
			w.sections = w.sections[1:]
			continue
		}
		b, rest, err := record.Next(p.bytes)
		if errors.Is(err, record.ErrShort) {
			break // cut by the size of the read
		}
		if err == nil {
			err = b.Check()
		}
		if err == nil {
			err = w.checkOffsets(b, rest)
		}
		if err != nil {
			if err = p.segment.corrupt(p.position, err); w.log.cutSince(w.seen, err) {
				break
			}
			return nil, err
		}
		p.position, p.bytes = p.position+int64(len(b)), rest
		w.ended = b.LastOffset() + 1
		w.from = w.ended
		return b, nil
	}
	w.sections = w.sections[:0]
	return nil, nil
}

// checkOffsets checks a batch against what lies before and behind it. Where two
// contradict each other the one that does not continue the row is wrong.
func (w *batchWalk) checkOffsets(b record.Batch, rest []byte) error {
	p, base := &w.sections[0], b.BaseOffset()
	if base < max(w.ended, p.segment.base) {
		return fmt.Errorf("base offset %d, the segment begins at %d, the batch before ends at %d", base, p.segment.base, w.ended)
	}
	limit := p.limit
	if len(rest) >= 8 && base != w.ended {
		limit = min(limit, record.Batch(rest).BaseOffset())
	}
	if base >= limit || b.LastOffset() >= limit {
		return fmt.Errorf("base offset %d, what is behind begins at %d", base, limit)
	}
	return nil
}

// corrupt is an error of the last batch that next returned.
func (w *batchWalk) corrupt(b record.Batch, err error) error {
	p := &w.sections[0]
	return p.segment.corrupt(p.position-int64(len(b)), err)
}
