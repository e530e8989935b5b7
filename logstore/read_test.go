package logstore_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// bytesOf copies what a fetch holds.
func bytesOf(t testing.TB, f *logstore.Fetch) []byte {
	t.Helper()
	var all []byte
	for _, s := range f.Sections {
		b := make([]byte, s.Length)
		if n, err := s.File.ReadAt(b, s.Offset); n < len(b) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
		all = append(all, b...)
	}
	if len(all) != f.Bytes {
		t.Fatalf("sections hold %d bytes, Fetch says %d", len(all), f.Bytes)
	}
	return all
}

// batchesIn is the base offsets of whole batches, and what is left over.
func batchesIn(t testing.TB, b []byte) (bases []int64, rest int) {
	t.Helper()
	for len(b) > 0 {
		batch, tail, err := record.Next(b)
		if errors.Is(err, record.ErrShort) {
			return bases, len(b)
		}
		must(t, err)
		must(t, batch.Check())
		bases = append(bases, batch.BaseOffset())
		b = tail
	}
	return bases, 0
}

// readLog has batches of 2 records at 0, 2, 4 ... 38, four to a segment, with an
// index entry for every other. All batches are of the same length.
func readLog(t *testing.T) (h *harness, l *logstore.Log, batch int) {
	b := batchOf(t, record.BuilderOptions{}, newClock().ms(), "00", 2)
	h = newHarness(t, func(c *logstore.Config) {
		c.SegmentBytes, c.IndexIntervalBytes = int64(4*len(b)), int64(len(b))
	})
	l = h.log()
	for i := range 20 {
		h.appendDurably(l, fmt.Sprintf("%02d", i), 2)
	}
	if len(l.Segments()) != 5 {
		t.Fatalf("%d segments", len(l.Segments()))
	}
	return h, l, len(b)
}

func TestRead(t *testing.T) {
	h, l, n := readLog(t)
	evens := func(from, to int64) (all []int64) {
		for o := from; o < to; o += 2 {
			all = append(all, o)
		}
		return all
	}
	check := func(t *testing.T) {
		for _, c := range []struct {
			from       int64
			bytesMax   int
			oneAtLeast bool
			bases      []int64
			rest       int
		}{
			{0, 1 << 20, false, evens(0, 40), 0},
			{1, 1 << 20, false, evens(0, 40), 0},     // from inside a batch
			{7, 1 << 20, false, evens(6, 40), 0},     // the segment's last record
			{8, 1 << 20, false, evens(8, 40), 0},     // a segment's first
			{13, 1 << 20, false, evens(12, 40), 0},   //
			{39, 1 << 20, false, evens(38, 40), 0},   // the last record
			{40, 1 << 20, true, nil, 0},              // the end
			{0, n, false, []int64{0}, 0},             // exactly one
			{0, n + 61, false, []int64{0}, 61},       // the second is cut
			{0, n - 1, false, nil, 0},                // less than one
			{0, n - 1, true, []int64{0}, 0},          // but one at least
			{3, 0, true, []int64{2}, 0},              //
			{3, 0, false, nil, 0},                    //
			{0, 4*n + 60, false, evens(0, 8), 0},     // too little of the next segment to be worth a header
			{0, 4*n + 61, false, evens(0, 8), 61},    //
			{5, 3*n + 10, false, evens(4, 8), -1},    // across segments
			{6, 5 * n, true, evens(6, 16), 0},        //
			{38, 10 * n, false, []int64{38}, 0},      //
			{0, 20*n - 1, true, evens(0, 38), n - 1}, //
		} {
			var f logstore.Fetch
			must(t, l.Read(&f, c.from, logstore.LogEnd, c.bytesMax, c.oneAtLeast))
			bases, rest := batchesIn(t, bytesOf(t, &f))
			if !slices.Equal(bases[:min(len(bases), len(c.bases))], c.bases) || c.rest >= 0 && (rest != c.rest || len(bases) != len(c.bases)) {
				t.Errorf("from %d, %d bytes, one at least %v: %v and %d bytes, want %v and %d", c.from, c.bytesMax, c.oneAtLeast, bases, rest, c.bases, c.rest)
			}
			if f.Bytes > max(c.bytesMax, n) || f.Start != 0 || f.LogEnd != 40 || f.HighWatermark != 40 {
				t.Errorf("from %d: %+v", c.from, f)
			}
			for _, s := range f.Sections {
				if end := s.Offset + int64(s.Length) + s.Behind; end != int64(4*n) {
					t.Errorf("from %d, %d bytes: %d are said to be behind those of a section, which makes %d, the segment has %d", c.from, c.bytesMax, s.Behind, end, 4*n)
				}
			}
			f.Release()
			if f.Bytes != 0 || len(f.Sections) != 0 {
				t.Errorf("released: %+v", f)
			}
		}
	}
	t.Run("active", check)
	h.store.Housekeep(h.clock.Now())
	t.Run("sealed", check)
	l = h.reopen()
	t.Run("reopened", check)
	l = h.powerCut()
	t.Run("recovered", check)
}

func TestReadOutOfRange(t *testing.T) {
	_, l, _ := readLog(t)
	must(t, l.AdvanceStart(5))
	for _, from := range []int64{-1, 0, 4, 41, 1 << 40} {
		var f logstore.Fetch
		err := l.Read(&f, from, logstore.HighWatermark, 1000, true)
		if !errors.Is(err, logstore.ErrOffsetRange) || f.Start != 5 || f.LogEnd != 40 || f.HighWatermark != 40 || f.Bytes != 0 {
			t.Errorf("from %d: %v, %+v", from, err, f)
		}
		f.Release()
	}
	var f logstore.Fetch
	must(t, l.Read(&f, 5, logstore.HighWatermark, 1000, true))
	if bases, _ := batchesIn(t, bytesOf(t, &f)); bases[0] != 4 {
		t.Errorf("from the start, in the middle of a batch: %v", bases)
	}
	f.Release()
}

// Each bound ends what is read by it.
func TestReadUpToEachBound(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Replicated, c.SegmentBytes, c.Durability = true, 250, logstore.OS })
	l := h.log()
	for i := range 6 {
		h.append(l, fmt.Sprint(i), 1)
		if i == 3 {
			must(t, l.Flush())
		}
	}
	must(t, l.SetHighWatermark(2))
	for bound, want := range map[logstore.Bound]int64{logstore.HighWatermark: 2, logstore.Durable: 4, logstore.LogEnd: 6} {
		if got := l.Offset(bound); got != want {
			t.Fatalf("bound %d is at %d, want %d", bound, got, want)
		}
		for from := int64(0); from <= 6; from++ {
			var f logstore.Fetch
			must(t, l.Read(&f, from, bound, 1<<20, true))
			bases, rest := batchesIn(t, bytesOf(t, &f))
			if len(bases) != int(max(0, want-from)) || rest != 0 || len(bases) > 0 && bases[0] != from {
				t.Errorf("bound %d, from %d: %v and %d bytes", bound, from, bases, rest)
			}
			if f.HighWatermark != 2 || f.LogEnd != 6 {
				t.Errorf("bounds in %+v", f)
			}
			f.Release()
		}
	}
}

// openFiles counts what is open through a fault, by name.
type openFiles struct {
	mu     sync.Mutex
	opened map[string]int
	closed map[string]int
}

func (o *openFiles) watch(f *vfs.Fault) {
	o.opened, o.closed = map[string]int{}, map[string]int{}
	f.SetHook(func(op vfs.Op) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.count(op)
		return nil
	})
}

func (o *openFiles) count(op vfs.Op) {
	switch op.Kind {
	case vfs.OpOpen, vfs.OpCreate:
		o.opened[op.Name]++
	case vfs.OpClose:
		o.closed[op.Name]++
	}
}

// left is the segments' files that are open.
func (o *openFiles) left() (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, n := range o.opened {
		if !strings.HasSuffix(name, ".log") && !strings.HasSuffix(name, "index") {
			continue // read once, or not there
		}
		switch left := n - o.closed[name]; {
		case left > 0:
			names = append(names, name)
		case left < 0:
			names = append(names, "closed twice: "+name)
		}
	}
	slices.Sort(names)
	return names
}

// Pinned bytes stay readable whatever happens to the log, and files are closed
// once, when the last of pin and log lets go.
func TestPinsOutliveTheirSegments(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *harness, l *logstore.Log)
		same bool // the bytes must be what they were, not only be there
	}{
		{"retention", func(h *harness, l *logstore.Log) {
			c := l.Config()
			c.RetentionBytes, c.FileDeleteDelayMs = 0, 0
			must(h.t, l.Configure(c))
			h.store.Housekeep(h.clock.Now())
			h.clock.add(1e9)
			h.store.Housekeep(h.clock.Now())
		}, true},
		{"start advanced", func(h *harness, l *logstore.Log) {
			must(h.t, l.AdvanceStart(40))
			h.store.Housekeep(h.clock.Now())
		}, true},
		{"delete", func(h *harness, l *logstore.Log) {
			must(h.t, h.store.Delete(tp))
			h.clock.add(120e9)
			h.store.Housekeep(h.clock.Now())
		}, true},
		{"close", func(h *harness, l *logstore.Log) { must(h.t, h.store.Close()) }, true},
		{"truncation behind", func(h *harness, l *logstore.Log) { must(h.t, l.TruncateTo(8)) }, false},
		{"truncation below the start", func(h *harness, l *logstore.Log) {
			must(h.t, l.AdvanceStart(20))
			must(h.t, l.TruncateTo(1))
			h.append(l, "x", 1)
		}, true},
		{"truncation to nothing", func(h *harness, l *logstore.Log) { must(h.t, l.TruncateTo(0)) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, l, _ := readLog(t)
			l = h.reopen() // so that every file is opened under the watch
			must(t, h.store.Close())
			h.fault = nil
			var files openFiles
			h.change = func(*logstore.Options) { files.watch(h.fault) }
			h.open()
			l, err := h.store.Log(tp)
			must(t, err)
			var one, two logstore.Fetch
			must(t, l.Read(&one, 0, logstore.HighWatermark, 1<<20, true))
			must(t, l.Read(&two, 4, logstore.HighWatermark, 200, true))
			before := bytesOf(t, &one)
			c.do(h, l)
			if c.same {
				if after := bytesOf(t, &one); !slices.Equal(after, before) {
					t.Fatal("pinned bytes changed")
				}
				bytesOf(t, &two)
			} else {
				for _, s := range one.Sections { // it may be short, but is not closed
					if _, err := s.File.ReadAt(make([]byte, 1), 0); err != nil && err != io.EOF {
						t.Fatalf("a pinned file: %v", err)
					}
				}
			}
			one.Release()
			bytesLeft := two.Sections
			if _, err := bytesLeft[0].File.ReadAt(make([]byte, 1), 0); err != nil && c.same {
				t.Fatalf("pinned by the other: %v", err)
			}
			two.Release()
			_ = h.store.Close()
			if left := files.left(); len(left) > 0 {
				t.Fatalf("open after all was let go: %v", left)
			}
		})
	}
}

// A read of an empty log, and of one that was closed or deleted.
func TestReadWithoutRecords(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	var f logstore.Fetch
	must(t, l.Read(&f, 0, logstore.HighWatermark, 100, true))
	if f.Bytes != 0 || f.LogEnd != 0 {
		t.Fatalf("%+v", f)
	}
	h.appendDurably(l, "a", 1)
	must(t, h.store.Close())
	if err := l.Read(&f, 0, logstore.HighWatermark, 100, true); !errors.Is(err, logstore.ErrClosed) {
		t.Fatalf("closed: %v", err)
	}
	if _, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, 0, "a", 1), 0); !errors.Is(err, logstore.ErrClosed) {
		t.Fatalf("closed: %v", err)
	}
	if err := l.Err(); !errors.Is(err, logstore.ErrClosed) {
		t.Fatal(err)
	}
}

// Every offset finds its batch, by indexes whose entries name the last offset of
// the batch they lead to, as Kafka's do.
func TestReadFromEveryOffset(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 900, 0 })
	l := h.log()
	var base []int64 // of the batch, by offset
	for i := range 30 {
		a := h.append(l, fmt.Sprint(i), 1+i%3)
		for range 1 + i%3 {
			base = append(base, a.First)
		}
	}
	check := func(t *testing.T) {
		var f logstore.Fetch
		for from := range int64(len(base)) {
			must(t, l.Read(&f, from, logstore.LogEnd, 1, true))
			if got, _ := batchesIn(t, bytesOf(t, &f)); !slices.Equal(got, base[from:from+1]) {
				t.Fatalf("from %d: batches %v, want %d", from, got, base[from])
			}
			f.Release()
		}
	}
	t.Run("active", check)
	h.store.Housekeep(h.clock.Now())
	t.Run("sealed", check)
	l = h.reopen()
	t.Run("reopened", check)
	entries := 0
	for _, name := range filesIn(t, h.mem, logDir, ".index") {
		file := readAll(t, h.mem, strings.TrimSuffix(name, ".index")+".log")
		first := record.Batch(file).BaseOffset()
		for e := readAll(t, h.mem, name); len(e) > 0; e = e[8:] {
			b := record.Batch(file[binary.BigEndian.Uint32(e[4:]):])
			if got := first + int64(binary.BigEndian.Uint32(e)); got != b.LastOffset() {
				t.Fatalf("%s: entry of offset %d leads to the batch that ends at %d", name, got, b.LastOffset())
			}
			entries++
		}
	}
	if entries < 20 {
		t.Fatalf("%d entries", entries)
	}
}
