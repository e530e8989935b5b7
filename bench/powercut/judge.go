package main

import (
	"slices"

	"moldau/logstore"
)

// judge compares what was found with what may and must be there. From then on
// what was found must be there, and nothing else may, with one exception.
//
// A batch that did not make it may have left its bytes in the last block of a
// file, behind the file's end. Where the log grows over them, and the new length
// reaches the disk, for another file's sake, before the new bytes do, the old
// ones are back: a ghost. It was attempted, it lies where it would have been, and
// nothing behind it was ever acknowledged, so it does no harm.
func (l *ledger) judge(found []foundLog) {
	seen := map[*logHistory]bool{}
	for i := range found {
		f := &found[i]
		if f.ID == (logstore.TopicID{}) && l.halfMade[f.Log] && f.End == 0 {
			l.counts.HalfMade++
			continue
		}
		h := l.logs[f.ID]
		if h == nil || h.name != f.Log {
			l.fault("%s with id %s is there, which was deleted or never made", f.Log, f.ID)
			continue
		}
		seen[h] = true
		h.is = there
		if f.Spoilt {
			continue // a fault that was told of
		}
		l.judgeLog(h, f)
	}
	for id, h := range l.logs {
		if seen[h] {
			continue
		}
		if h.is == there {
			l.fault("%s with id %s is not there", h.name, id)
		}
		delete(l.logs, id)
	}
}

func (l *ledger) judgeLog(h *logHistory, f *foundLog) {
	retained := configOf(h.name.Topic).RetentionBytes >= 0
	switch {
	case f.Start < h.start:
		l.fault("%s starts at %d, and had been advanced to %d", h.name, f.Start, h.start)
	case f.Start > h.advance && !retained:
		l.fault("%s starts at %d, and was never advanced beyond %d", h.name, f.Start, h.advance)
	case f.Start > h.advance && f.Bytes < retainedBytes/2:
		// It had retention.bytes, and then lost the batches in flight.
		l.fault("%s starts at %d, advanced to %d: retention left only %d bytes", h.name, f.Start, h.advance, f.Bytes)
	}
	if f.End != f.Start+int64(len(f.Hashes)) {
		l.fault("%s goes from %d to %d, with %d records", h.name, f.Start, f.End, len(f.Hashes))
	}
	l.walk(h, f)
	l.missing(h, f)
	h.start, h.advance, h.durable, h.cutting = f.Start, max(h.advance, f.Start), f.End, -1
}

// walk judges what is there.
func (l *ledger) walk(h *logHistory, f *foundLog) {
	last := map[*stream]int{}
	var open *batch // begun, not complete
	var index int   // of its record to come
	for i, hash := range f.Hashes {
		offset := f.Start + int64(i)
		p, ok := h.records[hash]
		if !ok {
			l.fault("%s: offset %d holds a record that nobody appended, or that was taken away", h.name, offset)
			open = nil
			continue
		}
		b := p.batch
		if open != nil && (b != open || p.index != index) {
			l.fault("%s: batch %d of stream %x breaks off at offset %d", h.name, open.N, open.Stream, offset)
		}
		if open == nil {
			l.begin(h, b, offset-int64(p.index), p.index > 0 && i > 0)
			s := h.streams[b.Stream]
			if n, ok := last[s]; ok && b.N != n+1 {
				l.fault("%s: at offset %d batch %d of stream %x follows %d", h.name, offset, b.N, b.Stream, n)
			}
			last[s] = b.N
		}
		if !slices.Contains(b.epochs, f.Epochs[i]) {
			l.fault("%s: offset %d is of epoch %d, appended with %d", h.name, offset, f.Epochs[i], b.epochs)
		}
		open, index = b, p.index+1
		if index == b.Count {
			open = nil
		}
	}
	if open != nil {
		l.fault("%s: batch %d of stream %x breaks off at the end, %d", h.name, open.N, open.Stream, f.End)
	}
}

// begin judges a batch by where it is.
func (l *ledger) begin(h *logHistory, b *batch, first int64, headless bool) {
	switch {
	case headless:
		l.fault("%s: batch %d of stream %x at %d is without its head", h.name, b.N, b.Stream, first)
	case b.found:
		l.fault("%s: batch %d of stream %x is there twice, at %d and %d", h.name, b.N, b.Stream, b.first, first)
	case b.first >= 0 && b.first != first:
		l.fault("%s: batch %d of stream %x, which lay at %d, is at %d", h.name, b.N, b.Stream, b.first, first)
	case b.ghost > 0 && first < b.ghost-1:
		l.fault("%s: batch %d of stream %x is at %d, and was not in the log when it ended at %d", h.name, b.N, b.Stream, first, b.ghost-1)
	case b.ghost > 0:
		l.counts.Ghosts++
	case b.first < 0:
		l.counts.UnknownFound++
	}
	b.first, b.found, b.ghost = first, true, 0
}

// missing judges what is not there, and prepares the next judgement.
func (l *ledger) missing(h *logHistory, f *foundLog) {
	for _, s := range h.streams {
		lost, anchored := 0, f.Start == 0 // behind something that is there
		for _, b := range s.batches {
			switch {
			case b.found:
				anchored = true
			case b.due && b.end() > f.Start:
				l.fault("%s: batch %d of stream %x, of %d records at %d, was acknowledged, and is lost: the log goes from %d to %d",
					h.name, b.N, b.Stream, b.Count, b.first, f.Start, f.End)
			case b.first >= 0 && b.end() <= f.Start:
			case b.ghost > 0:
			default:
				l.counts.UnknownLost++
				lost++
				if b.late {
					l.counts.LateLost++
				}
				b.first = -1
			}
		}
		// Who has more in flight than is remembered cannot resend, nor can who
		// does not know whether a batch was lost or lies below the start.
		idempotent := s.last.Producer >= 0
		s.ended = s.ended || !idempotent || lost > inFlightMax || lost > 0 && !anchored
	}
	h.forget(func(b *batch) bool {
		keep := b.found || b.first < 0
		if !b.found && h.streams[b.Stream].ended {
			if b.ghost == 0 {
				b.ghost = f.End + 1
			}
			keep = b.ghost == f.End+1
		}
		b.due, b.found, b.late = b.found, false, false
		return !keep
	})
}

// plans tells which producers go on, and what they must send again: up to the
// five last batches, as far as they are within reach of the log's memory.
func (l *ledger) plans() []streamPlan {
	var plans []streamPlan
	for _, h := range l.logs {
		reach := configOf(h.name.Topic).SegmentBytes / 2
		var ends []*batch
		for _, s := range h.streams {
			for _, b := range s.batches {
				if b.first >= 0 {
					ends = append(ends, b)
				}
			}
		}
		slices.SortFunc(ends, func(a, b *batch) int { return int(b.first - a.first) })
		behind := map[*batch]int64{}
		bytes := int64(0)
		for _, b := range ends {
			bytes += int64(b.bytes)
			behind[b] = bytes
		}
		for _, s := range h.streams {
			if s.ended {
				continue
			}
			p := streamPlan{Last: s.last}
			for i := len(s.batches) - 1; i >= 0 && len(p.Resend) < inFlightMax; i-- {
				b := s.batches[i]
				if b.first >= 0 && (b.first < h.start || behind[b] > reach) {
					break
				}
				p.Resend = append(p.Resend, b.spec)
			}
			slices.Reverse(p.Resend)
			plans = append(plans, p)
		}
	}
	return plans
}
