package logstore_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"moldau/logstore"
)

// history is what a log may hold, seen from the outside: what was tried, and
// how much of it was acknowledged. It is the naive model that crashes are
// judged by.
type history struct {
	values map[int64]string // by offset; of what was tried and not undone since
	epochs map[int64]int32  // by offset
	bases  map[int64]int64  // of the batch, by offset
	events []event          // of transactions
	end    int64            // nothing was tried at or above
	acked  int64            // everything below survives the loss of power
	// Everything below was written when the call returned, and survives the end
	// of the process.
	written int64
	// A start between these is right: acknowledged, and tried.
	start, startMax int64
	// restart, unless -1, is where a truncation that was not acknowledged may
	// have let the log begin anew, empty.
	restart int64
	// forgets tells that a truncation is under way that leaves the log empty. It may
	// then begin anew, without producers.
	forgets bool
	compactedHistory
}

func newHistory() *history {
	return &history{values: map[int64]string{}, epochs: map[int64]int32{}, bases: map[int64]int64{}, restart: -1,
		compactedHistory: compactedHistory{keys: map[int64]string{}, mayGo: map[int64]bool{}}}
}

func (hi *history) clone() *history {
	twin := *hi
	twin.values, twin.epochs, twin.bases = maps.Clone(hi.values), maps.Clone(hi.epochs), maps.Clone(hi.bases)
	twin.events = slices.Clone(hi.events)
	twin.keys, twin.mayGo = maps.Clone(hi.keys), maps.Clone(hi.mayGo)
	return &twin
}

// trying notes records at offsets that an append is about to take.
func (hi *history) trying(first int64, epoch int32, values ...string) {
	for i, v := range values {
		delete(hi.mayGo, first+int64(i))
		delete(hi.keys, first+int64(i))
		hi.values[first+int64(i)] = v
		hi.epochs[first+int64(i)] = epoch
		hi.bases[first+int64(i)] = first
	}
	hi.end = first + int64(len(values))
}

// cutting notes that a log which begins at start is about to be truncated, and
// returns where that ends it: behind the last whole batch below. A log that
// would end before its start begins anew.
func (hi *history) cutting(to, start int64) int64 {
	hi.start = start
	if base, ok := hi.bases[to]; ok && to >= start {
		if to = base; base < start {
			to, hi.restart = start, start
		}
	} else if to < start {
		hi.restart = to
	}
	kept := hi.lastBelow(to)
	hi.forgets = kept <= hi.start
	hi.acked, hi.written = min(hi.acked, kept), min(hi.written, kept)
	return to
}

// lastBelow is where the log ends without what lies at and above to.
func (hi *history) lastBelow(to int64) int64 {
	end := hi.start
	for o := range hi.values {
		if o < to {
			end = max(end, o+1)
		}
	}
	for _, e := range hi.events { // a marker has no value
		if e.first < to {
			end = max(end, e.last+1)
		}
	}
	return end
}

// cut notes that the truncation is durable.
func (hi *history) cut(to int64) {
	for o := range hi.values {
		if o >= to || hi.restart >= 0 {
			delete(hi.values, o)
			delete(hi.epochs, o)
			delete(hi.bases, o)
		}
	}
	hi.events = slices.DeleteFunc(hi.events, func(e event) bool { return e.first >= to || hi.restart >= 0 })
	if hi.restart >= 0 {
		hi.start, hi.startMax, hi.restart = to, to, -1
	}
	hi.end, hi.forgets = hi.lastBelow(to), false
	hi.acked, hi.written = hi.end, hi.end
}

// check tells what is wrong with a log that was opened. Below least nothing may
// be missing.
func (hi *history) check(l *logstore.Log, least int64) error {
	if err := l.Err(); err != nil {
		return fmt.Errorf("the log takes no appends: %w", err)
	}
	start, end := l.StartOffset(), l.Offset(logstore.LogEnd)
	if high := l.Offset(logstore.HighWatermark); high != end {
		return fmt.Errorf("ends at %d, but the high watermark is %d", end, high)
	}
	if hi.restart >= 0 && start == end && start == hi.restart {
		return nil
	}
	if hi.restart < 0 && (start < hi.start || start > hi.startMax) {
		return fmt.Errorf("starts at %d, not within %d to %d", start, hi.start, hi.startMax)
	}
	if hi.restart < 0 && (end < least || end > max(hi.end, start)) {
		return fmt.Errorf("ends at %d, not within %d to %d", end, least, hi.end)
	}
	if err := hi.checkRecords(l, start, end); err != nil {
		return err
	}
	return hi.checkTransactions(l, start, end)
}

func (hi *history) checkRecords(l *logstore.Log, start, end int64) error {
	next := start
	for r, err := range l.Records(context.Background(), start, logstore.LogEnd) {
		if err != nil {
			return err
		}
		if err := hi.missing(next, r.Offset); err != nil {
			return err
		}
		if want, ok := hi.values[r.Offset]; !ok || want != string(r.Value) {
			return fmt.Errorf("offset %d holds %q, want %q", r.Offset, r.Value, want)
		}
		if got, want := l.EpochOf(r.Offset), hi.epochs[r.Offset]; got != want {
			return fmt.Errorf("offset %d is of epoch %d, want %d", r.Offset, got, want)
		}
		next = r.Offset + 1
	}
	return hi.missing(next, end)
}

// missing tells of records between two neighbours.
func (hi *history) missing(from, to int64) error {
	for o := from; o < to; o++ {
		if v, ok := hi.values[o]; ok && !hi.mayGo[o] {
			return fmt.Errorf("offset %d, %q, is missing", o, v)
		}
	}
	return nil
}

// state is all of a log that two openings must agree on.
func state(t testing.TB, l *logstore.Log) string {
	t.Helper()
	producers, err := l.Producers()
	must(t, err)
	s := fmt.Sprintln(l.ID(), l.StartOffset(), l.Offset(logstore.LogEnd), l.Offset(logstore.LastStable), l.Segments(), producers, l.OpenTransactions())
	for r, err := range l.Records(context.Background(), l.StartOffset(), logstore.LogEnd) {
		must(t, err)
		s += fmt.Sprintln(r.Offset, r.TimestampMs, string(r.Key), string(r.Value), l.EpochOf(r.Offset))
	}
	return s
}
