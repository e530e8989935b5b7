package index_test

import (
	"bytes"
	"slices"
	"testing"

	"moldau/index"
)

func TestSeal(t *testing.T) {
	for _, state := range []string{"sealed heap", "sealed map"} {
		for _, n := range []int64{0, 1, 600} {
			f := fileFor(t, state)
			x := index.NewOffsets(f, 0, index.Options{})
			for i := range n {
				noError(t, x.Append(i+1, i+1))
			}
			noError(t, x.Seal())
			noError(t, x.Seal())
			noError(t, x.Flush())
			if want := state == "sealed map" && n == 600; x.Mapped() != want {
				t.Errorf("%s of %d entries: mapped %v, want %v", state, n, x.Mapped(), want)
			}
			if got := len(content(t, f)); got != int(8*n) {
				t.Errorf("%s of %d entries: file of %d bytes", state, n, got)
			}
			if m, ok := f.(*memFile); ok && m.syncs != 1 {
				t.Errorf("%s of %d entries: %d syncs", state, n, m.syncs)
			}
			wantError(t, x.Append(1000, 1000), index.ErrSealed)
			wantError(t, x.Truncate(0), index.ErrSealed)
			if x.Len() != int(n) {
				t.Errorf("%s of %d entries: %d left", state, n, x.Len())
			}
			noError(t, x.Close())
		}
	}
	y := index.NewTimes(&memFile{}, 0, index.Options{})
	noError(t, y.Seal())
	wantError(t, y.MaybeAppend(1, 1, true), index.ErrSealed)
	wantError(t, y.Truncate(0), index.ErrSealed)
}

// TestSealFails holds that the index stays active, whatever failed, and that
// Seal may be tried again.
func TestSealFails(t *testing.T) {
	for _, fail := range []func(*memFile){
		func(f *memFile) { f.failWrite, f.shortWrite = true, 3 },
		func(f *memFile) { f.failTruncate = true },
		func(f *memFile) { f.failSync = true },
	} {
		f := &memFile{}
		x := index.NewOffsets(f, 0, index.Options{})
		noError(t, x.Flush()) // so that the cut that fails is Seal's own
		noError(t, x.Append(1, 1))
		fail(f)
		wantError(t, x.Seal(), errDisk)
		noError(t, x.Append(2, 2))
		noError(t, x.Seal())
		wantBytes(t, f.data, unhex(t, "0000000100000001"+"0000000200000002"))
	}
}

// TestSealCutsWhatIsBehind: a write that failed half-way may leave bytes there.
func TestSealCutsWhatIsBehind(t *testing.T) {
	f := &memFile{}
	x := index.NewOffsets(f, 0, index.Options{})
	noError(t, x.Append(1, 1))
	noError(t, x.Flush())
	f.data = append(f.data, 1, 2, 3)
	noError(t, x.Seal())
	wantBytes(t, f.data, unhex(t, "0000000100000001"))
}

func TestSealedPadding(t *testing.T) {
	made := newOSFile(t, nil)
	_, err := numberedOffsets(t, 0, 600, "active").CopyTo(made, 1<<40, index.Options{})
	noError(t, err)
	data := content(t, made)
	f := newOSFile(t, append(slices.Clone(data), make([]byte, 10<<20-len(data))...))
	x, err := index.OpenOffsets(f, 0, true, index.Options{})
	noError(t, err)
	defer func() { noError(t, x.Close()) }()
	if !x.Mapped() || x.Len() != 600 || x.Padded() != int64(10<<20-len(data)) {
		t.Fatalf("mapped %v, %d entries, %d padded", x.Mapped(), x.Len(), x.Padded())
	}
	noError(t, f.Truncate(x.Bytes())) // as documented: the mapping does not reach the padding
	if got := len(offsetEntries(t, x)); got != 600 {
		t.Errorf("%d entries", got)
	}
	wantBytes(t, content(t, f), data)
}

// TestMappedEndsAreChecked also holds that a fault in between is met by the
// lookup that comes by.
func TestMappedEndsAreChecked(t *testing.T) {
	x := numberedOffsets(t, 0, 600, "active")
	f := newOSFile(t, nil)
	_, err := x.CopyTo(f, 1<<40, index.Options{})
	noError(t, err)
	good := content(t, f)
	tests := []struct {
		name  string
		entry int
		bytes string
		open  error
	}{
		{"first above last", 0, "7fffffff00000001", index.ErrCorrupt},
		{"negative first", 0, "8000000000000001", index.ErrCorrupt},
		{"negative last", 599, "7fffffff80000001", index.ErrCorrupt},
		{"between", 300, "00000bc18000000a", nil}, // entry 300's offset, a negative position
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := bytes.Clone(good)
			copy(bad[8*tt.entry:], unhex(t, tt.bytes))
			f := newOSFile(t, bad)
			x, err := index.OpenOffsets(f, 0, true, index.Options{})
			wantError(t, err, tt.open)
			if err != nil {
				return
			}
			defer func() { noError(t, x.Close()) }()
			got, err := x.Lookup(step*301 - 1)
			wantError(t, err, index.ErrCorrupt)
			if got != (index.OffsetPosition{}) {
				t.Errorf("%v beside the error", got)
			}
			_, err = x.Entry(tt.entry)
			wantError(t, err, index.ErrCorrupt)
			_, err = index.OpenOffsets(f, 0, false, index.Options{})
			wantError(t, err, index.ErrCorrupt)
		})
	}
}

func TestCopyTo(t *testing.T) {
	const n = 2000
	for _, state := range states {
		for _, kept := range []int{0, 1, 700, n} {
			x, y := numberedOffsets(t, 50, n, state), numberedTimes(t, 50, n, state)
			f, g := &memFile{data: make([]byte, 1<<16)}, &memFile{data: make([]byte, 1<<16)}
			below := int64(50 + step*(kept+1) - 1)

			x2, err := x.CopyTo(f, below, index.Options{})
			noError(t, err)
			y2, err := y.CopyTo(g, below, index.Options{})
			noError(t, err)
			if got, want := offsetEntries(t, x2), offsetEntries(t, x)[:kept]; !slices.Equal(got, want) {
				t.Errorf("%s: %d offsets kept, want %d", state, len(got), kept)
			}
			if got, want := timeEntries(t, y2), timeEntries(t, y)[:kept]; !slices.Equal(got, want) {
				t.Errorf("%s: %d times kept, want %d", state, len(got), kept)
			}
			if len(f.data) != 8*kept || len(g.data) != 12*kept {
				t.Errorf("%s: files of %d and %d bytes, want %d entries", state, len(f.data), len(g.data), kept)
			}
			// The copy is active, and none of the original's business.
			noError(t, x2.Append(below, step*n+1))
			noError(t, y2.MaybeAppend(step*n+1, below, false))
			if x.Len() != n || y.Len() != n {
				t.Errorf("%s: the originals have %d and %d entries", state, x.Len(), y.Len())
			}
		}
	}
	x := numberedOffsets(t, 0, 3, "active")
	_, err := x.CopyTo(&memFile{failTruncate: true}, 10, index.Options{})
	wantError(t, err, errDisk)
	y := numberedTimes(t, 0, 3, "active")
	_, err = y.CopyTo(&memFile{failWrite: true}, 10, index.Options{})
	wantError(t, err, errDisk)
}

func TestClosed(t *testing.T) {
	for _, state := range states {
		x := numberedOffsets(t, 9, 600, state)
		y := numberedTimes(t, 9, 600, state)
		noError(t, x.Close())
		noError(t, x.Close())
		noError(t, y.Close())
		for _, err := range []error{
			second(x.Lookup(10)), second(x.LookupPosition(10)), second(x.Entry(0)), second(x.CopyTo(&memFile{}, 10, index.Options{})),
			second(y.Lookup(10)), second(y.Entry(0)), second(y.CopyTo(&memFile{}, 10, index.Options{})),
			x.Append(1<<20, 1<<20), y.MaybeAppend(1<<20, 1<<20, false), x.Truncate(0), y.Truncate(0), x.Flush(), x.Seal(),
		} {
			wantError(t, err, index.ErrClosed)
		}
		if x.Len() != 0 || (x.Last() != index.OffsetPosition{Offset: 9}) {
			t.Errorf("%s: %d entries, last %v", state, x.Len(), x.Last())
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestOpenFails(t *testing.T) {
	good := unhex(t, goldenOffsets)
	tests := []struct {
		name string
		file memFile
		want error
	}{
		{"size", memFile{failSize: true}, errDisk},
		{"read", memFile{data: good, failRead: true}, errDisk},
		{"shorter than it says", memFile{data: good, size: 8 * 1000}, index.ErrCorrupt},
		{"longer than any index", memFile{data: good, size: 1 << 31}, index.ErrCorrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, sealed := range []bool{false, true} {
				_, err := index.OpenOffsets(&tt.file, goldenBase, sealed, index.Options{})
				wantError(t, err, tt.want)
				_, err = index.OpenTimes(&tt.file, goldenBase, sealed, index.Options{})
				if err == nil {
					t.Error("no error from OpenTimes")
				}
			}
		})
	}
	x := index.NewOffsets(&memFile{failSync: true}, 0, index.Options{})
	wantError(t, x.Sync(), errDisk)
}
