package index_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"moldau/index"
)

func TestOffsetsAppend(t *testing.T) {
	const base = 100
	tests := []struct {
		name             string
		offset, position int64
		want             error
	}{
		{"next", 111, 501, nil},
		{"largest", base + math.MaxInt32, math.MaxInt32, nil},
		{"same offset", 110, 501, index.ErrOrder},
		{"lower offset", 109, 501, index.ErrOrder},
		{"same position", 111, 500, index.ErrOrder},
		{"lower position", 111, 499, index.ErrOrder},
		{"below the base", base - 1, 501, index.ErrOverflow},
		{"offset too far", base + math.MaxInt32 + 1, 501, index.ErrOverflow},
		{"position too far", 111, math.MaxInt32 + 1, index.ErrOverflow},
		{"negative position", 111, -1, index.ErrOverflow},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := index.NewOffsets(&memFile{}, base, index.Options{})
			noError(t, x.Append(110, 500))
			wantError(t, x.Append(tt.offset, tt.position), tt.want)
			want := index.OffsetPosition{Offset: 110, Position: 500}
			if tt.want == nil {
				want = index.OffsetPosition{Offset: tt.offset, Position: tt.position}
			}
			if x.Last() != want {
				t.Errorf("last %v, want %v", x.Last(), want)
			}
		})
	}
}

func TestTimesMaybeAppend(t *testing.T) {
	const base = 100
	tests := []struct {
		name              string
		timestamp, offset int64
		want              error
		added             bool
	}{
		{"next", 1001, 111, nil, true},
		{"next of the same offset", 1001, 110, nil, true},
		{"same", 1000, 110, nil, false},
		{"same timestamp", 1000, 111, nil, false},
		{"lower timestamp", 999, 111, nil, false},
		{"none", index.NoTimestamp, 111, nil, false},
		{"lower offset", 1001, 109, index.ErrOrder, false},
		{"below the base", 1001, base - 1, index.ErrOverflow, false},
		{"offset too far", 1001, base + math.MaxInt32 + 1, index.ErrOverflow, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := index.NewTimes(&memFile{}, base, index.Options{})
			noError(t, x.MaybeAppend(index.NoTimestamp, 105, false)) // leaves the index empty
			noError(t, x.MaybeAppend(1000, 110, false))
			wantError(t, x.MaybeAppend(tt.timestamp, tt.offset, false), tt.want)
			want := []index.TimestampOffset{{TimestampMs: 1000, Offset: 110}}
			if tt.added {
				want = append(want, index.TimestampOffset{TimestampMs: tt.timestamp, Offset: tt.offset})
			}
			if got := timeEntries(t, x); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

func TestFull(t *testing.T) {
	x := index.NewOffsets(&memFile{}, 0, index.Options{BytesMax: 8*3 + 7})
	for i := range int64(3) {
		if x.Full() {
			t.Fatalf("full at %d entries", i)
		}
		noError(t, x.Append(i+1, i+1))
	}
	if !x.Full() {
		t.Error("not full")
	}
	wantError(t, x.Append(9, 9), index.ErrFull)

	y := index.NewTimes(&memFile{}, 0, index.Options{BytesMax: 12*3 + 11})
	for i := range int64(2) {
		if y.Full() {
			t.Fatalf("full at %d entries", i)
		}
		noError(t, y.MaybeAppend(i+1, i+1, false))
	}
	if !y.Full() {
		t.Error("no room kept for the final entry")
	}
	wantError(t, y.MaybeAppend(9, 9, false), index.ErrFull)
	noError(t, y.MaybeAppend(9, 9, true))
	noError(t, y.MaybeAppend(10, 10, true)) // a limit lowered since must not cost the largest timestamp
	if want := (index.TimestampOffset{TimestampMs: 10, Offset: 10}); y.Last() != want {
		t.Errorf("last %v, want %v", y.Last(), want)
	}

	if x := index.NewOffsets(&memFile{}, 0, index.Options{BytesMax: 7}); !x.Full() {
		t.Error("has room for an entry in 7 bytes")
	}
}

func TestFlushWritesOnlyWhatIsMissing(t *testing.T) {
	f := &memFile{data: bytes.Repeat([]byte{0xff}, 100)} // another index's remains
	x := index.NewOffsets(f, 0, index.Options{})
	if len(f.data) != 100 {
		t.Fatal("cut before the first Flush")
	}
	noError(t, x.Flush())
	wantBytes(t, f.data, nil)
	noError(t, x.Append(1, 2))
	wantBytes(t, f.data, nil)
	noError(t, x.Flush())
	wantBytes(t, f.data, unhex(t, "0000000100000002"))
	copy(f.data, "scribble")
	noError(t, x.Append(3, 4))
	noError(t, x.Flush())
	noError(t, x.Flush())
	wantBytes(t, f.data, append([]byte("scribble"), unhex(t, "0000000300000004")...))
	if f.syncs != 0 || f.truncates != 1 {
		t.Errorf("%d syncs, %d cuts", f.syncs, f.truncates)
	}
	noError(t, x.Sync())
	if f.syncs != 1 {
		t.Errorf("%d syncs", f.syncs)
	}
}

// TestFlushAfterReopening holds that what was loaded is not written again.
func TestFlushAfterReopening(t *testing.T) {
	f := &memFile{data: unhex(t, "0000000100000002")}
	x, err := index.OpenOffsets(f, 0, false, index.Options{})
	noError(t, err)
	copy(f.data, "scribble")
	noError(t, x.Append(3, 4))
	noError(t, x.Flush())
	wantBytes(t, f.data, append([]byte("scribble"), unhex(t, "0000000300000004")...))
	if f.truncates != 0 {
		t.Errorf("%d cuts", f.truncates)
	}
}

func TestTruncateActive(t *testing.T) {
	tests := []struct {
		offset int64
		kept   int
	}{
		{math.MinInt64, 0}, {99, 0}, {100, 0}, {109, 0}, {110, 1}, {119, 1}, {120, 2}, {129, 2}, {130, 3}, {math.MaxInt64, 3},
	}
	for _, tt := range tests {
		f, g := &memFile{}, &memFile{}
		x, y := index.NewOffsets(f, 100, index.Options{}), index.NewTimes(g, 100, index.Options{})
		for i := range int64(3) {
			noError(t, x.Append(109+10*i, 10*(i+1)))
			noError(t, y.MaybeAppend(i, 109+10*i, false))
		}
		noError(t, x.Flush())
		noError(t, y.Flush())
		wantX, wantY := offsetEntries(t, x)[:tt.kept], timeEntries(t, y)[:tt.kept]

		noError(t, x.Truncate(tt.offset))
		noError(t, y.Truncate(tt.offset))
		if got := offsetEntries(t, x); !slices.Equal(got, wantX) {
			t.Errorf("to %d: %v, want %v", tt.offset, got, wantX)
		}
		if got := timeEntries(t, y); !slices.Equal(got, wantY) {
			t.Errorf("to %d: %v, want %v", tt.offset, got, wantY)
		}
		if tt.kept == 3 {
			continue
		}
		// What is appended instead must not be followed by the old entries.
		noError(t, x.Append(129, 25))
		noError(t, y.MaybeAppend(1000, 129, false))
		noError(t, x.Flush())
		noError(t, y.Flush())
		if len(f.data) != 8*(tt.kept+1) || len(g.data) != 12*(tt.kept+1) {
			t.Errorf("to %d: files of %d and %d bytes", tt.offset, len(f.data), len(g.data))
		}
	}
}

// TestTruncateUnflushed cuts entries that the file never had.
func TestTruncateUnflushed(t *testing.T) {
	f := &memFile{}
	x := index.NewOffsets(f, 0, index.Options{})
	noError(t, x.Append(1, 1))
	noError(t, x.Flush())
	noError(t, x.Append(2, 2))
	noError(t, x.Truncate(2))
	noError(t, x.Append(3, 3))
	noError(t, x.Flush())
	wantBytes(t, f.data, unhex(t, "0000000100000001"+"0000000300000003"))
}

// TestFlushAfterFailure holds that a failed Flush leaves lookups alone and that
// the next one makes the file good.
func TestFlushAfterFailure(t *testing.T) {
	want := unhex(t, "0000000100000001"+"0000000300000003")
	tests := []struct {
		name string
		fail func(*memFile)
	}{
		{"truncate", func(f *memFile) { f.failTruncate = true }},
		{"write", func(f *memFile) { f.failWrite = true }},
		{"short write", func(f *memFile) { f.failWrite, f.shortWrite = true, 5 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &memFile{}
			x := index.NewOffsets(f, 0, index.Options{})
			noError(t, x.Append(1, 1))
			noError(t, x.Append(2, 2))
			noError(t, x.Flush())
			noError(t, x.Truncate(2))
			noError(t, x.Append(3, 3))
			tt.fail(f)
			wantError(t, x.Flush(), errDisk)
			if got, err := x.Lookup(3); err != nil || got.Position != 3 {
				t.Errorf("lookup after the failure: %v, %v", got, err)
			}
			noError(t, x.Flush())
			wantBytes(t, f.data, want)
		})
	}
}

func TestAppendAllocatesRarely(t *testing.T) {
	const n = 100_000
	allocs := testing.AllocsPerRun(1, func() {
		x := index.NewOffsets(&memFile{}, 0, index.Options{})
		for i := range int64(n) {
			if err := x.Append(i, i); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocs > 100 { // doubling: two for each of a dozen growths
		t.Errorf("%v allocations in %d appends", allocs, n)
	}
}
