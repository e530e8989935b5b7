//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package index_test

import (
	"math"
	"runtime/debug"
	"testing"

	"moldau/index"
)

// TestMappingCutBeneath holds that a page which cannot be read, here since the
// file was cut, is an error of the lookup and not the end of the process.
func TestMappingCutBeneath(t *testing.T) {
	const n = 1 << 14
	f, g := newOSFile(t, nil), newOSFile(t, nil)
	x, y := index.NewOffsets(f, 0, index.Options{}), index.NewTimes(g, 0, index.Options{})
	for i := range int64(n) {
		noError(t, x.Append(i, i))
		noError(t, y.MaybeAppend(i, i, false))
	}
	noError(t, x.Seal())
	noError(t, y.Seal())
	if !x.Mapped() || !y.Mapped() {
		t.Fatal("not mapped")
	}
	noError(t, f.Truncate(0))
	noError(t, g.Truncate(0))

	for range 2 { // the first fault must not change what the second does
		for _, err := range []error{
			second(x.Lookup(5)), second(x.LookupPosition(5)), second(x.Lookup(n - 2)), second(x.Entry(0)), second(x.Entry(n - 1)),
			second(y.Lookup(5)), second(y.Entry(0)), second(x.CopyTo(&memFile{}, 5, index.Options{})),
			second(x.CopyTo(&memFile{}, math.MaxInt64, index.Options{})),
		} {
			wantError(t, err, index.ErrIO)
		}
	}
	if debug.SetPanicOnFault(false) {
		t.Error("the goroutine was left with faults that panic")
	}
	// What needs no page is still answered.
	if got, err := x.Lookup(n); err != nil || got.Offset != n-1 || x.Last().Offset != n-1 {
		t.Errorf("past the last entry: %v, %v", got, err)
	}
	noError(t, x.Close())
	noError(t, y.Close())
}
