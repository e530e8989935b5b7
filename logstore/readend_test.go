package logstore_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// oneSegment has batches of 2 records at 0, 2, 4 ... 38, with an index entry for one in
// eight, and tells of the lengths of reads of its file.
func oneSegment(t *testing.T) (h *harness, l *logstore.Log, batch int, reads func() []int64) {
	batch = len(batchOf(t, record.BuilderOptions{}, newClock().ms(), "00", 2))
	h = newHarness(t, func(c *logstore.Config) { c.IndexIntervalBytes = int64(8 * batch) })
	l = h.log()
	for i := range 20 {
		h.append(l, fmt.Sprintf("%02d", i), 2)
	}
	var lengths []int64
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpRead && strings.HasSuffix(op.Name, ".log") {
			lengths = append(lengths, op.Length)
		}
		return nil
	})
	return h, l, batch, func() []int64 {
		defer func() { lengths = nil }()
		return slices.Clone(lengths)
	}
}

// readBases reads once, and returns the base offsets of the whole batches.
func readBases(t *testing.T, l *logstore.Log, from int64, bytesMax int) []int64 {
	t.Helper()
	var f logstore.Fetch
	must(t, l.Read(&f, from, logstore.LogEnd, bytesMax, true))
	defer f.Release()
	bases, _ := batchesIn(t, bytesOf(t, &f))
	return bases
}

// Who reads on where a read ended costs one header, in the log and at its end.
func TestReadOnReadsOneHeader(t *testing.T) {
	h, l, n, reads := oneSegment(t)
	plan := func(from int64, bytesMax int) {
		t.Helper()
		var f logstore.Fetch
		must(t, l.Read(&f, from, logstore.LogEnd, bytesMax, true))
		f.Release()
	}
	header := []int64{record.HeaderBytes}
	for from := int64(2); from < 40; from += 2 {
		plan(from, n+80) // one whole, and of the next a part
		if got := reads(); from > 2 && !slices.Equal(got, header) {
			t.Errorf("from %d, reads of %v bytes", from, got)
		}
	}
	for range 3 {
		at := h.append(l, "later", 2).First
		for range 2 { // two consumers
			plan(at, 1<<20)
			if got := reads(); !slices.Equal(got, header) {
				t.Errorf("at the end, from %d, reads of %v bytes", at, got)
			}
		}
	}
}

// A place that the header there contradicts is not believed, for base offset and length
// are in no CRC: what a walk to it takes for damage, a read at it does as well.
func TestReadEndThatAHeaderContradicts(t *testing.T) {
	h, l, n, _ := oneSegment(t)
	readBases(t, l, 8, n) // notes that 10 begins behind it
	file, err := h.mem.OpenFile(firstLog, os.O_RDWR, 0)
	must(t, err)
	_, err = file.WriteAt(binary.BigEndian.AppendUint64(nil, 2), int64(5*n)) // the base offset, of 10
	must(t, err)
	must(t, file.Close())
	var f logstore.Fetch
	defer f.Release()
	err = l.Read(&f, 10, logstore.LogEnd, n, true)
	if corrupt := (*logstore.CorruptionError)(nil); !errors.As(err, &corrupt) || corrupt.Offset != int64(5*n) {
		t.Errorf("%v, %+v", err, f.Sections)
	}
}

// Where reads ended is forgotten with what a truncation takes away.
func TestReadEndsBeforeTruncation(t *testing.T) {
	h, l, n, reads := oneSegment(t)
	for from := int64(0); from < 40; from += 2 {
		readBases(t, l, from, n)
	}
	must(t, l.TruncateTo(6))
	want := []int64{0, 2, 4}
	for i := range 30 {
		want = append(want, h.append(l, fmt.Sprint("other", i), 1+i%3).First)
	}
	reads()
	// Backwards: no read notes a place that a later one looks up.
	for from := int64(39); from > 0; from-- {
		var f logstore.Fetch
		must(t, l.Read(&f, from, logstore.LogEnd, 0, true))
		for _, length := range reads() {
			if length == record.HeaderBytes {
				t.Errorf("from %d: a header at a place that is no more", from)
			}
		}
		at, _ := slices.BinarySearch(want, from+1)
		if got, _ := batchesIn(t, bytesOf(t, &f)); !slices.Equal(got, want[at-1:at]) {
			t.Errorf("from %d: %v", from, got)
		}
		f.Release()
		reads()
	}
}

// A reader that a truncation overtakes knows a bound that is none any more, and leaves
// nothing of it behind.
func TestReadEndOfABoundThatIsGone(t *testing.T) {
	h, l, n, reads := oneSegment(t)
	var f logstore.Fetch
	must(t, l.PlanAfter(func() {
		must(t, l.TruncateTo(6))
		for l.Bytes() < int64(25*n) {
			h.append(l, strings.Repeat("x", n/3), 1)
		}
		h.append(l, "y", 40)
	}, &f, 6, logstore.LogEnd, 1<<20))
	f.Release()
	if l.Offset(logstore.LogEnd) < 41 {
		t.Fatal("the old end was not passed")
	}
	reads()
	readBases(t, l, 40, 0)
	if got := reads(); got[0] == record.HeaderBytes {
		t.Error("the old bound's place is looked at")
	}
}
