package logstore

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"moldau/logstore/journal"
	"moldau/logstore/record"
)

// errRottenCommit tells that the journal has rotted.
var errRottenCommit = errors.New("a commit in the journal is not what was written")

// replayBuffers spares a start with many logs the making of a buffer for each.
var replayBuffers = sync.Pool{New: func() any { return new([]byte) }}

// replayJournal puts back what the journal holds and the log's own files lost.
func (r *recovery) replayJournal(c *journal.Catalog) error {
	buffer := replayBuffers.Get().(*[]byte)
	defer replayBuffers.Put(buffer)
	if err := r.sortPlaces(c, buffer); err != nil {
		return err
	}
	for _, at := range r.places {
		h, batches, err := c.Read(at, buffer)
		if err != nil {
			r.unread = err
			return err
		}
		if h.Kind != journal.Batches {
			continue
		}
		if err := r.take(h, batches); err != nil {
			return err
		}
	}
	return nil
}

// sortPlaces brings records into the order in which they were acknowledged: what a cut
// carries lies in the journal behind what came while it ran. That order is by offset, as
// the journal is cut before a truncation.
func (r *recovery) sortPlaces(c *journal.Catalog, buffer *[]byte) error {
	if !r.disordered {
		return nil
	}
	type entry struct {
		before int64
		at     journal.Place
	}
	entries := make([]entry, len(r.places))
	for i, at := range r.places {
		h, _, err := c.Read(at, buffer)
		if err != nil {
			r.unread = err
			return err
		}
		entries[i] = entry{h.EndBefore, at}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.before, b.before) })
	for i, e := range entries {
		r.places[i] = e.at
	}
	return nil
}

// take replays a record, or sets it aside if the log has rotted and cannot have it.
func (r *recovery) take(h journal.Header, batches []byte) error {
	err := r.replay(h, batches)
	if err == nil && r.fatal != nil && h.Last >= r.last().endOffset() {
		err = r.setAside(h, batches)
	}
	return err
}

// replay puts back what the journal holds of the log and its own files lost. It
// goes by offset, never by position: what the log ends with says what is next. A
// batch that does not follow is one too many lost. Where the log's own file holds
// another batch than the journal, above what is known to be synced, the journal
// is right: blocks behind the end of a file keep what was written before an
// earlier crash, and come to light when the file grows over them.
func (r *recovery) replay(h journal.Header, batches []byte) error {
	if r.fatal != nil {
		return nil
	}
	if h.Last < r.heldFrom() {
		return nil
	}
	// Mostly the log has all of it. A record that begins below what is looked at
	// cannot be compared whole: what lies above may still differ.
	if h.Last < r.last().endOffset() && len(batches) >= record.HeaderBytes && record.Batch(batches).BaseOffset() >= r.heldFrom() {
		if same, err := r.holds(batches); same || err != nil {
			return err
		}
	}
	next := h.EndBefore
	for rest := batches; len(rest) > 0 && r.fatal == nil; {
		b, tail, err := record.Next(rest)
		if err != nil {
			return r.fail(r.last().corrupt(r.last().size(), fmt.Errorf("journal: %w", err)))
		}
		if err := r.replayBatch(b, next); err != nil {
			return err
		}
		next, rest = b.LastOffset()+1, tail
	}
	return nil
}

// replayBatch is replay of one batch; next is where the log ended before it.
func (r *recovery) replayBatch(b record.Batch, next int64) error {
	if next < r.last().endOffset() {
		same, err := r.holds(b)
		if err != nil || same || r.fatal != nil {
			return err
		}
		if err := r.cutBack(next); err != nil || r.fatal != nil {
			return err
		}
	}
	if end := r.last().endOffset(); next != end || b.BaseOffset() < end {
		return r.fail(r.last().corrupt(r.last().size(), fmt.Errorf("the log ends at offset %d, its journal goes on behind %d", end, next)))
	}
	return r.append(b)
}

// cutBack ends the log at an offset where its own file holds what the journal
// knows better.
func (r *recovery) cutBack(offset int64) error {
	i := (&view{r.segments}).find(offset)
	s := r.segments[i]
	// By its name alone the journal may be that of a log which was deleted, or truncated.
	if offset < max(r.synced, r.point) || i < r.first || r.byName {
		return r.fail(s.corrupt(s.size(), fmt.Errorf("the journal has another batch at offset %d", offset)))
	}
	at, err := s.locate(offset, s.size())
	last := s.base - 1
	if err == nil && at.position > 0 {
		last, err = s.lastOffset(at.position)
	}
	if err == nil && last+1 != offset {
		// Base offsets are in no checksum: what leads past this one may be rot, and
		// what it hides is not in the journal.
		err = s.corrupt(at.position, fmt.Errorf("offset %d is followed by %d, the journal goes on at %d", last, at.base, offset))
	}
	if err != nil {
		return r.fail(err)
	}
	if err := r.dropSegments(i + 1); err != nil {
		return err
	}
	r.cut += s.size() - at.position
	r.reason = s.corrupt(at.position, errors.New("the journal has another batch"))
	r.window.forget()
	if err := s.data.Truncate(at.position); err != nil {
		return err
	}
	l := r.log
	s.freshIndexes(l.indexOptions())
	if _, err := s.rebuild(at.position, l.Config().IndexIntervalBytes); err != nil {
		return r.fail(err)
	}
	s.places[LogEnd].Store(uint64(placeAt(offset-s.base, at.position)))
	s.tail.sealed = false
	s.beginTxns(l.store.fs, false)
	r.badTxns = []*segment{s}
	if err := r.loadState(offset); err != nil {
		return err
	}
	// Which epochs begin from there on may be in no file yet, as the scan found them.
	from := r.heldFrom()
	l.epochs.dropAbove(from)
	return r.fail(r.assignEpochs(from, offset))
}

// heldFrom is the offset from which on the log's own files may lack what the
// journal holds. What lies below the recovery point, or was taken from the log's
// beginning, is not looked at.
func (r *recovery) heldFrom() int64 { return max(r.point, r.segments[0].base) }

// holds tells that the log has these bytes where their first batch is, or that
// they are not looked at.
func (r *recovery) holds(batches record.Batch) (bool, error) {
	base := batches.BaseOffset()
	if base < r.heldFrom() {
		return true, nil
	}
	s := r.segments[(&view{r.segments}).find(base)]
	if r.heldBy == s { // mostly the records follow each other in the file as well
		if same, err := r.holdsAt(s, r.heldTo, batches); same || err != nil {
			return same, err
		}
	}
	at, err := s.locate(base, s.size())
	if err != nil {
		return false, r.fail(err)
	}
	if at.bytes == 0 || at.base != base {
		return false, nil
	}
	return r.holdsAt(s, at.position, batches)
}

// holdsAt tells that the segment has these bytes at a position where a batch
// begins.
func (r *recovery) holdsAt(s *segment, position int64, batches record.Batch) (bool, error) {
	if int64(len(batches)) > s.size()-position {
		return false, nil
	}
	if have := r.window.bytes(s, position, int64(len(batches))); have != nil {
		if !bytes.Equal(have, batches) {
			return false, nil
		}
	} else if same, err := r.readsAs(s, position, batches); !same || err != nil {
		return same, err
	}
	r.heldBy, r.heldTo = s, position+int64(len(batches))
	return true, nil
}

// readsAs tells that the segment's file has these bytes at a position.
func (r *recovery) readsAs(s *segment, position int64, batches record.Batch) (bool, error) {
	window := r.window.borrow()
	for at := 0; at < len(batches); {
		want := batches[at:min(at+len(window), len(batches))]
		if n, err := s.data.ReadAt(window[:len(want)], position+int64(at)); n < len(want) {
			return false, err
		} else if !bytes.Equal(window[:n], want) {
			return false, nil
		}
		at += len(want)
	}
	return true, nil
}

// append adds a batch to the end.
func (r *recovery) append(b record.Batch) error {
	s := r.last()
	position := s.size()
	if position+int64(b.Size()) > 1<<31-1 || b.LastOffset()-s.base >= 1<<31-1 {
		return r.fail(s.corrupt(position, fmt.Errorf("the journal's batch at offset %d does not fit the segment", b.BaseOffset())))
	}
	if _, err := s.data.WriteAt(b, position); err != nil {
		return spaceError(err)
	}
	if err := errors.Join(s.note(b, position, r.log.Config().IndexIntervalBytes), r.note(b, s, position)); err != nil {
		return err
	}
	r.replayed += int64(b.Size())
	s.places[LogEnd].Store(uint64(placeAt(b.LastOffset()+1-s.base, position+int64(b.Size()))))
	return nil
}
