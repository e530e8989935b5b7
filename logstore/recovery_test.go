package logstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// opened is a store over a tree that a test has tampered with.
type opened struct {
	store  *logstore.Store
	log    *logstore.Log
	events *events
}

// openTree opens a tree as a harness with that configuration would.
func (h *harness) openTree(t *testing.T, mem *vfs.Mem) opened {
	t.Helper()
	e := &events{}
	options := logstore.Options{FS: mem, Clock: h.clock, Manual: true, Log: h.config, Events: e.add, Rand: newRand()}
	if h.files > 0 {
		options.OpenFilesMax = h.files
	}
	s, err := logstore.Open("data", options)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	l, err := s.Log(tp)
	must(t, err)
	return opened{s, l, e}
}

// recovered is the one report of what an unclean open found.
func (o opened) recovered(t *testing.T) logstore.LogRecovered {
	t.Helper()
	all := eventsOf[logstore.LogRecovered](o.events)
	if len(all) != 1 {
		t.Fatalf("events %v, want one LogRecovered", all)
	}
	return all[0]
}

// goesOn appends to a recovered log and finds it again after a power cut.
func (o opened) goesOn(t *testing.T, h *harness, mem *vfs.Mem, before []string) {
	t.Helper()
	a, err := o.log.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "on", 1), max(0, o.log.LatestEpoch()))
	must(t, err)
	must(t, o.log.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
	want := append(slices.Clone(before), "on-0")
	wantValues(t, values(t, o.log, logstore.HighWatermark), want...)
	crashed := mem.Crash()
	wantValues(t, values(t, h.openTree(t, crashed).log, logstore.HighWatermark), want...)
}

const firstLog = logDir + "/00000000000000000000.log"

// torn is a log of three batches in one file, and where the last one begins.
func torn(t *testing.T) (h *harness, file []byte, lastAt int) {
	h = newHarness(t, nil)
	l := h.log()
	h.appendDurably(l, "a", 2)
	h.appendDurably(l, "b", 2)
	lastAt = int(l.Bytes())
	h.appendDurably(l, "c", 3)
	return h, readAll(t, h.mem, firstLog), lastAt
}

func TestTornTail(t *testing.T) {
	h, file, lastAt := torn(t)
	whole := []string{"a-0", "a-1", "b-0", "b-1", "c-0", "c-1", "c-2"}
	cases := []struct {
		name string
		file []byte
		good int // bytes
		want []string
	}{
		{"whole", file, len(file), whole},
		{"cut between batches", file[:lastAt], lastAt, whole[:4]},
		{"base offset goes back", append(slices.Clone(file), file[lastAt:]...), len(file), whole},
		{"last batch twice, cut", append(slices.Clone(file), file[lastAt:len(file)-1]...), len(file), whole},
		{"length beyond the file", append(slices.Clone(file), longBatch(file[lastAt:])...), len(file), whole},
		{"old magic", append(slices.Clone(file), withByte(file[lastAt:], 16, 1)...), len(file), whole},
		{"everything but the first header zeroed", append(slices.Clone(file[:61]), make([]byte, len(file)-61)...), 0, nil},
		{"empty", nil, 0, nil},
	}
	for cut := lastAt + 1; cut < len(file); cut++ {
		cases = append(cases, struct {
			name string
			file []byte
			good int
			want []string
		}{fmt.Sprint("cut at byte ", cut), file[:cut], lastAt, whole[:4]})
	}
	for n := 1; n < 130; n += 7 {
		for fill, b := range map[string]byte{"zeros": 0, "garbage": 0xa5} {
			tail := bytes.Repeat([]byte{b}, n)
			cases = append(cases, struct {
				name string
				file []byte
				good int
				want []string
			}{fmt.Sprint(n, " bytes of ", fill, " behind"), append(slices.Clone(file), tail...), len(file), whole})
		}
	}
	// Base offset and epoch are not covered by the CRC: a gap, or another epoch,
	// cannot be told from what a follower may write.
	for at := lastAt + 8; at < len(file); at++ {
		if at < lastAt+12 || at >= lastAt+16 {
			cases = append(cases, struct {
				name string
				file []byte
				good int
				want []string
			}{fmt.Sprint("bit flipped in byte ", at), withByte(file, at, file[at]^0x10), lastAt, whole[:4]})
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			mem := h.mem.Clone()
			overwrite(t, mem, firstLog, c.file)
			o := h.openTree(t, mem)
			wantValues(t, values(t, o.log, logstore.HighWatermark), c.want...)
			r := o.recovered(t)
			if r.BytesCut != int64(len(c.file)-c.good) || (r.Reason != nil) != (r.BytesCut > 0) || r.End != int64(len(c.want)) {
				t.Fatalf("recovered %+v, want %d bytes cut", r, len(c.file)-c.good)
			}
			var corrupt *logstore.CorruptionError
			if r.Reason != nil && (!errors.As(r.Reason, &corrupt) || corrupt.Offset != int64(c.good)) {
				t.Fatalf("reason %v, want corruption at byte %d", r.Reason, c.good)
			}
			if got := readAll(t, mem, firstLog); !bytes.Equal(got, c.file[:c.good]) {
				t.Fatalf("the file has %d bytes, want the first %d", len(got), c.good)
			}
			o.goesOn(t, h, mem, c.want)
		})
	}
}

func withByte(b []byte, at int, to byte) []byte {
	b = slices.Clone(b)
	b[at] = to
	return b
}

// longBatch is a batch whose length field reaches far beyond it.
func longBatch(b []byte) []byte { return withByte(b, 9, 0x10) }

// A batch longer than what recovery reads at a time.
func TestTornLongBatch(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.MaxMessageBytes = 4 << 20 })
	l := h.log()
	h.appendDurably(l, "a", 1)
	lastAt := int(l.Bytes())
	b := record.NewBuilder(record.BuilderOptions{})
	b.Append(h.clock.ms(), nil, bytes.Repeat([]byte("x"), 5<<19))
	batch, err := b.Finish()
	must(t, err)
	a, err := l.AppendLeader(batch, 0)
	must(t, err)
	must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
	file := readAll(t, h.mem, firstLog)
	for _, c := range []struct {
		name string
		file []byte
		end  int64
	}{
		{"whole", file, 2},
		{"cut", file[:len(file)-1], 1},
		{"flipped in the first window", withByte(file, lastAt+100, 'y'), 1},
		{"flipped in the last window", withByte(file, len(file)-10, 'y'), 1},
		{"magic", withByte(file, lastAt+16, 3), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := h.mem.Clone()
			overwrite(t, mem, firstLog, c.file)
			if end := h.openTree(t, mem).log.Offset(logstore.LogEnd); end != c.end {
				t.Fatalf("ends at %d, want %d", end, c.end)
			}
		})
	}
}

// manySegments is a log of several segments, sealed but for the last, of which
// nothing was closed. Every append has one record; names are those of offsets.
func manySegments(t *testing.T, appends int) (h *harness, l *logstore.Log) {
	h = newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 600, 100 })
	l = h.log()
	for i := range appends {
		a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms()+int64(i*7%50), fmt.Sprint(i), 1), int32(i/10))
		must(t, err)
		must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
	}
	h.store.Housekeep(h.clock.Now())
	if n := len(l.Segments()); n < 4 {
		t.Fatalf("%d segments", n)
	}
	return h, l
}

func names(from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprint(i, "-0"))
	}
	return all
}

func logFile(s logstore.SegmentInfo) string { return fmt.Sprintf("%s/%020d.log", logDir, s.Base) }

// Above the recovery point a bad batch ends the log, whatever follows.
func TestBadBytesAboveTheRecoveryPointAreCut(t *testing.T) {
	h, l := manySegments(t, 30)
	segments := l.Segments()
	batch := int(segments[0].Bytes / (segments[0].End - segments[0].Base))
	for _, c := range []struct {
		name   string
		tamper func(t *testing.T, mem *vfs.Mem)
		end    int64
	}{
		{"CRC in the first segment", func(t *testing.T, mem *vfs.Mem) {
			b := readAll(t, mem, logFile(segments[0]))
			overwrite(t, mem, logFile(segments[0]), withByte(b, 2*batch+70, b[2*batch+70]^1))
		}, 2},
		{"CRC of a segment's first batch", func(t *testing.T, mem *vfs.Mem) {
			b := readAll(t, mem, logFile(segments[2]))
			overwrite(t, mem, logFile(segments[2]), withByte(b, 70, b[70]^1))
		}, segments[2].Base},
		{"a segment is gone", func(t *testing.T, mem *vfs.Mem) {
			removeFile(t, mem, logFile(segments[1]))
		}, segments[1].Base},
		{"a segment ends a batch early", func(t *testing.T, mem *vfs.Mem) {
			b := readAll(t, mem, logFile(segments[1]))
			overwrite(t, mem, logFile(segments[1]), b[:len(b)-batch])
		}, segments[1].End - 1},
		{"a segment is empty", func(t *testing.T, mem *vfs.Mem) {
			overwrite(t, mem, logFile(segments[1]), nil)
		}, segments[1].Base},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := h.mem.Clone()
			c.tamper(t, mem)
			o := h.openTree(t, mem)
			want := names(0, int(c.end))
			wantValues(t, values(t, o.log, logstore.HighWatermark), want...)
			if r := o.recovered(t); r.BytesCut == 0 || r.Reason == nil || r.End != c.end {
				t.Fatalf("recovered %+v", r)
			}
			if o.log.EpochOf(c.end) != int32(c.end-1)/10 {
				t.Fatalf("epoch of the end is %d", o.log.EpochOf(c.end))
			}
			// What went is out of the log, and where it was whole it is kept and told.
			for _, name := range filesIn(t, mem, logDir, "") {
				base := strings.TrimPrefix(name, logDir+"/")
				if strings.HasSuffix(name, ".cut") {
					if !slices.Contains(o.recovered(t).Kept, name) {
						t.Errorf("%s was kept and not told", name)
					}
				} else if base[0] == '0' && base[:20] > fmt.Sprintf("%020d", c.end) {
					t.Errorf("%s was left", name)
				}
			}
			o.goesOn(t, h, mem, want)
		})
	}
}
