package index_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"moldau/index"
)

// TestReadersBesideTheWriter runs lookups while the writer appends, flushes,
// truncates and at last seals. Every entry ever written follows one rule, so
// whatever moment a lookup sees, its answer can be checked; what it may not
// miss is bounded by what was published before and not truncated since.
func TestReadersBesideTheWriter(t *testing.T) {
	for _, state := range []string{"sealed heap", "sealed map"} {
		t.Run(state, func(t *testing.T) {
			const n = 20_000
			x := index.NewOffsets(fileFor(t, state), 0, index.Options{})
			y := index.NewTimes(fileFor(t, state), 0, index.Options{})
			var floor atomic.Int64 // entries up to this offset are there for good
			var done atomic.Bool
			var readers sync.WaitGroup
			failed := make(chan error, 2)
			for r := range int64(2) {
				readers.Go(func() {
					for target := r; !done.Load(); target += 97 {
						if err := checkLookups(x, y, target%n, floor.Load()); err != nil {
							failed <- err
							return
						}
					}
				})
			}
			writeBesideReaders(t, x, y, n, &floor)
			done.Store(true)
			readers.Wait()
			select {
			case err := <-failed:
				t.Fatal(err)
			default:
			}
			noError(t, checkLookups(x, y, n-1, n-1))
			noError(t, x.Close())
			noError(t, y.Close())
		})
	}
}

// writeBesideReaders appends entries for offsets 0 to n-1, going back now and
// then to where floor had not reached yet.
func writeBesideReaders(t *testing.T, x *index.Offsets, y *index.Times, n int64, floor *atomic.Int64) {
	t.Helper()
	goneBack := int64(-1)
	for i := int64(0); i < n; i++ {
		noError(t, x.Append(i, 2*i))
		noError(t, y.MaybeAppend(3*i, i, false))
		switch {
		case i%1000 == 999 && i > goneBack:
			goneBack = i
			noError(t, x.Truncate(i-200))
			noError(t, y.Truncate(i-200))
			i -= 201
		case i%100 == 99:
			noError(t, x.Flush())
			noError(t, y.Flush())
		}
		if i > goneBack {
			floor.Store(i - i%1000)
		}
	}
	floor.Store(n - 1)
	noError(t, x.Seal())
	noError(t, y.Seal())
}

// checkLookups looks for offset and its position and timestamp. Entries up to
// floor must be found.
func checkLookups(x *index.Offsets, y *index.Times, offset, floor int64) error {
	least := min(offset, floor)
	if got, err := x.Lookup(offset); err != nil || got.Offset > offset || got.Offset < least || got.Position != 2*got.Offset {
		return fmt.Errorf("offset %d, floor %d: %v, %v", offset, floor, got, err)
	}
	if got, err := x.LookupPosition(2 * offset); err != nil || got.Offset > offset || got.Offset < least || got.Position != 2*got.Offset {
		return fmt.Errorf("position %d, floor %d: %v, %v", 2*offset, floor, got, err)
	}
	got, err := y.Lookup(3 * offset)
	none := got == index.TimestampOffset{TimestampMs: index.NoTimestamp} && floor == 0
	if err != nil || !none && (got.Offset > offset || got.Offset < least || got.TimestampMs != 3*got.Offset) {
		return fmt.Errorf("timestamp %d, floor %d: %v, %v", 3*offset, floor, got, err)
	}
	if last := x.Last(); last.Position != 2*last.Offset || last.Offset < floor {
		return fmt.Errorf("last %v, floor %d", last, floor)
	}
	if x.Len() < int(floor) || x.Bytes() < 8*floor {
		return fmt.Errorf("%d entries, floor %d", x.Len(), floor)
	}
	return nil
}
