package index_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"moldau/index"
)

// What Apache Kafka 4.3.1 wrote for the entries below; FORMAT.md explains it.
const (
	goldenOffsets = "000000090000104a" + "0000001e00002134" + "7fffffff7fffffff"
	goldenTimes   = "000000000000000000000009" + "0000018bcfe5687b0000001e" + "0000018bcfe5687c7fffffff"
	goldenTxns    = "0000" + "0000000000000007" + "00000000000003de" + "00000000000003e9" + "00000000000003ea" +
		"0000" + "0000000000000008" + "00000000000003eb" + "00000000000003f2" + "00000000000003f3"
)

const goldenBase = 1000

var (
	goldenOffsetEntries = []index.OffsetPosition{
		{Offset: 1009, Position: 4170}, {Offset: 1030, Position: 8500}, {Offset: goldenBase + math.MaxInt32, Position: math.MaxInt32},
	}
	goldenTimeEntries = []index.TimestampOffset{
		{TimestampMs: 0, Offset: 1009}, {TimestampMs: 1700000000123, Offset: 1030}, {TimestampMs: 1700000000124, Offset: goldenBase + math.MaxInt32},
	}
	goldenTxnEntries = []index.AbortedTxn{
		{ProducerID: 7, FirstOffset: 990, LastOffset: 1001, LastStableOffset: 1002},
		{ProducerID: 8, FirstOffset: 1003, LastOffset: 1010, LastStableOffset: 1011},
	}
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSpecificationShowsTheGoldenBytes keeps FORMAT.md and these tests at one.
func TestSpecificationShowsTheGoldenBytes(t *testing.T) {
	spec, err := os.ReadFile("FORMAT.md")
	noError(t, err)
	packed := strings.NewReplacer(" ", "", "\n", "").Replace(string(spec))
	for _, golden := range []string{goldenOffsets, goldenTimes, goldenTxns} {
		if !strings.Contains(packed, golden) {
			t.Errorf("FORMAT.md does not show %s", golden)
		}
	}
}

func TestGoldenWrite(t *testing.T) {
	var offsets, times memFile
	x := index.NewOffsets(&offsets, goldenBase, index.Options{})
	for _, e := range goldenOffsetEntries {
		noError(t, x.Append(e.Offset, e.Position))
	}
	noError(t, x.Flush())
	wantBytes(t, offsets.data, unhex(t, goldenOffsets))

	y := index.NewTimes(&times, goldenBase, index.Options{})
	for _, e := range goldenTimeEntries {
		noError(t, y.MaybeAppend(e.TimestampMs, e.Offset, false))
	}
	noError(t, y.Flush())
	wantBytes(t, times.data, unhex(t, goldenTimes))
}

func TestGoldenRead(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		for _, padding := range []int{0, 1, 5000} { // in entries
			t.Run(fmt.Sprintf("sealed=%v/padding=%d", sealed, padding), func(t *testing.T) {
				f := &memFile{data: append(unhex(t, goldenOffsets), make([]byte, 8*padding)...)}
				x, err := index.OpenOffsets(f, goldenBase, sealed, index.Options{})
				noError(t, err)
				if got := offsetEntries(t, x); !slices.Equal(got, goldenOffsetEntries) {
					t.Errorf("offsets %v, want %v", got, goldenOffsetEntries)
				}
				if x.Padded() != int64(8*padding) || x.Bytes() != 24 {
					t.Errorf("offsets: %d bytes, %d padded", x.Bytes(), x.Padded())
				}

				f = &memFile{data: append(unhex(t, goldenTimes), make([]byte, 12*padding)...)}
				y, err := index.OpenTimes(f, goldenBase, sealed, index.Options{})
				noError(t, err)
				if got := timeEntries(t, y); !slices.Equal(got, goldenTimeEntries) {
					t.Errorf("times %v, want %v", got, goldenTimeEntries)
				}
				if y.Padded() != int64(12*padding) || y.Bytes() != 36 {
					t.Errorf("times: %d bytes, %d padded", y.Bytes(), y.Padded())
				}
			})
		}
	}
}

// TestPaddingIsCutAtFirstFlush holds the normalisation of what a killed Kafka
// left, and that reading alone writes nothing.
func TestPaddingIsCutAtFirstFlush(t *testing.T) {
	f := &memFile{data: append(unhex(t, goldenOffsets)[:16], make([]byte, 8*100)...)}
	x, err := index.OpenOffsets(f, goldenBase, false, index.Options{})
	noError(t, err)
	noError(t, x.Append(goldenBase+math.MaxInt32, math.MaxInt32))
	if len(f.data) != 8*102 {
		t.Fatalf("%d bytes before Flush", len(f.data))
	}
	noError(t, x.Flush())
	wantBytes(t, f.data, unhex(t, goldenOffsets))
}

func TestAllZeros(t *testing.T) {
	tests := []struct {
		name    string
		entries int // zeros in the file
		want    int // entries found
	}{
		{"empty", 0, 0},
		{"one entry is one", 1, 1},
		{"two are padding", 2, 0},
		{"preallocated", 10 << 20 / 12, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, err := index.OpenOffsets(&memFile{data: make([]byte, 8*tt.entries)}, 5, false, index.Options{})
			noError(t, err)
			y, err := index.OpenTimes(&memFile{data: make([]byte, 12*tt.entries)}, 5, false, index.Options{})
			noError(t, err)
			if x.Len() != tt.want || y.Len() != tt.want {
				t.Errorf("%d and %d entries, want %d", x.Len(), y.Len(), tt.want)
			}
			if tt.want == 1 && (x.Last() != index.OffsetPosition{Offset: 5} || y.Last() != index.TimestampOffset{Offset: 5}) {
				t.Errorf("last %v, %v", x.Last(), y.Last())
			}
		})
	}
}

// TestGarbage holds what is refused. The formats have no reserved bits but the
// signs: nothing in an entry may be negative.
func TestGarbage(t *testing.T) {
	offsets := []struct{ name, data string }{
		{"torn entry", "000000090000104a" + "0000001e000021"},
		{"negative offset", "800000090000104a"},
		{"negative position", "00000009ffffffff"},
		{"offset repeats", "000000090000104a" + "000000090000204a"},
		{"offset goes back", "000000090000104a" + "000000080000204a"},
		{"position repeats", "000000090000104a" + "0000000a0000104a"},
		{"position goes back", "000000090000104a" + "0000000a00001049"},
		{"zeros between entries", "000000090000104a" + "0000000000000000" + "0000001e00002134"},
		{"zeros before the end", "000000090000104a" + "0000000000000001"},
	}
	for _, tt := range offsets {
		t.Run("offsets/"+tt.name, func(t *testing.T) {
			for _, sealed := range []bool{false, true} {
				_, err := index.OpenOffsets(&memFile{data: unhex(t, tt.data)}, goldenBase, sealed, index.Options{})
				wantError(t, err, index.ErrCorrupt)
			}
		})
	}
	times := []struct{ name, data string }{
		{"torn entry", "0000018bcfe5687b0000001e" + "0000018bcfe5687c"},
		{"no timestamp", "ffffffffffffffff00000009"},
		{"negative offset", "0000018bcfe5687b8000001e"},
		{"timestamp repeats", "0000018bcfe5687b0000001e" + "0000018bcfe5687b0000001f"},
		{"timestamp goes back", "0000018bcfe5687b0000001e" + "0000018bcfe5687a0000001f"},
		{"offset goes back", "0000018bcfe5687b0000001e" + "0000018bcfe5687c0000001d"},
	}
	for _, tt := range times {
		t.Run("times/"+tt.name, func(t *testing.T) {
			for _, sealed := range []bool{false, true} {
				_, err := index.OpenTimes(&memFile{data: unhex(t, tt.data)}, goldenBase, sealed, index.Options{})
				wantError(t, err, index.ErrCorrupt)
			}
		})
	}
}

// TestTimesAcceptsRepeatedOffset: Kafka's TimeIndex does.
func TestTimesAcceptsRepeatedOffset(t *testing.T) {
	data := unhex(t, "0000018bcfe5687b0000001e"+"0000018bcfe5687c0000001e")
	x, err := index.OpenTimes(&memFile{data: data}, goldenBase, false, index.Options{})
	noError(t, err)
	if want := (index.TimestampOffset{TimestampMs: 1700000000124, Offset: 1030}); x.Last() != want {
		t.Errorf("last %v, want %v", x.Last(), want)
	}
}

func TestTxns(t *testing.T) {
	entry := goldenTxns[:68]
	tests := []struct {
		name, data string
		want       int // entries before the error
		err        error
	}{
		{"none", "", 0, nil},
		{"golden", goldenTxns, 2, nil},
		{"newer version", "0001" + entry[4:], 0, index.ErrVersion},
		{"negative version", "ffff" + entry[4:], 0, index.ErrVersion},
		{"torn", goldenTxns[:len(goldenTxns)-2], 1, index.ErrCorrupt},
		{"shorter than one", "0000", 0, index.ErrCorrupt},
		{"same twice", entry + entry, 1, index.ErrCorrupt},
		{"negative producer", "0000" + "ffffffffffffffff" + entry[20:], 0, index.ErrCorrupt},
		{"negative first", entry[:20] + "ffffffffffffffff" + entry[36:], 0, index.ErrCorrupt},
		{"negative stable", entry[:52] + "ffffffffffffffff", 0, index.ErrCorrupt},
		{"first above last", entry[:20] + "00000000000003ea" + entry[36:], 0, index.ErrCorrupt},
		{"ends before the base", entry[:36] + "00000000000003e7" + entry[52:], 0, index.ErrCorrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readTxns(&memFile{data: unhex(t, tt.data)})
			wantError(t, err, tt.err)
			if !slices.Equal(got, goldenTxnEntries[:tt.want]) {
				t.Errorf("%v, want the first %d", got, tt.want)
			}
		})
	}
}

// TestTxnsInChunks crosses the reader's buffer.
func TestTxnsInChunks(t *testing.T) {
	const n = 1000
	f := &memFile{}
	for i := range n {
		first, last := fmt.Sprintf("%016x", goldenBase+i-1), fmt.Sprintf("%016x", goldenBase+i)
		f.data = append(f.data, unhex(t, "0000"+"0000000000000007"+first+last+last)...)
	}
	got, err := readTxns(f)
	noError(t, err)
	if len(got) != n || got[n-1].LastOffset != goldenBase+n-1 {
		t.Errorf("%d entries", len(got))
	}
	for range index.AbortedTxns(f, goldenBase) { // may be left at any entry
		break
	}
	f.size = int64(len(f.data) + 34) // claims more than it holds
	if got, err = readTxns(f); len(got) != 768 {
		t.Errorf("%d entries before the missing bytes", len(got))
	}
	wantError(t, err, index.ErrCorrupt)
	f.failRead = true
	_, err = readTxns(f)
	wantError(t, err, errDisk)
	f.failSize = true
	_, err = readTxns(f)
	wantError(t, err, errDisk)
}

func readTxns(f index.File) (txns []index.AbortedTxn, err error) {
	for txn, err := range index.AbortedTxns(f, goldenBase) {
		if err != nil {
			return txns, err
		}
		txns = append(txns, txn)
	}
	return txns, nil
}

func offsetEntries(t testing.TB, x *index.Offsets) []index.OffsetPosition {
	t.Helper()
	entries := make([]index.OffsetPosition, x.Len())
	for i := range entries {
		var err error
		entries[i], err = x.Entry(i)
		noError(t, err)
	}
	return entries
}

func timeEntries(t testing.TB, x *index.Times) []index.TimestampOffset {
	t.Helper()
	entries := make([]index.TimestampOffset, x.Len())
	for i := range entries {
		var err error
		entries[i], err = x.Entry(i)
		noError(t, err)
	}
	return entries
}
