package index_test

import (
	"fmt"
	"math"
	"testing"

	"moldau/index"
)

// step is how far apart, in offsets and in bytes, the entries of a numbered
// index are: entry i is (base+step*(i+1)-1, step*(i+1)).
const step = 10

// lengths holds one entry and none, the edges of the warm tail (1024 entries of
// 8 bytes, 682 of 12) and of what is mapped.
var lengths = []int{0, 1, 2, 341, 342, 511, 512, 681, 682, 683, 684, 1023, 1024, 1025, 1026, 5000}

// states are the forms in which an index answers lookups.
var states = []string{"active", "sealed heap", "sealed map", "reopened map"}

func numberedOffsets(t testing.TB, base int64, n int, state string) *index.Offsets {
	t.Helper()
	f := fileFor(t, state)
	x := index.NewOffsets(f, base, index.Options{})
	for i := range int64(n) {
		noError(t, x.Append(base+step*(i+1)-1, step*(i+1)))
	}
	if state == "active" {
		return x
	}
	noError(t, x.Seal())
	if state == "reopened map" {
		noError(t, x.Close())
		var err error
		x, err = index.OpenOffsets(f, base, true, index.Options{})
		noError(t, err)
	}
	t.Cleanup(func() { noError(t, x.Close()) })
	return x
}

func numberedTimes(t testing.TB, base int64, n int, state string) *index.Times {
	t.Helper()
	f := fileFor(t, state)
	x := index.NewTimes(f, base, index.Options{})
	for i := range int64(n) {
		noError(t, x.MaybeAppend(step*(i+1), base+step*(i+1)-1, false))
	}
	if state == "active" {
		return x
	}
	noError(t, x.Seal())
	if state == "reopened map" {
		noError(t, x.Close())
		var err error
		x, err = index.OpenTimes(f, base, true, index.Options{})
		noError(t, err)
	}
	t.Cleanup(func() { noError(t, x.Close()) })
	return x
}

func fileFor(t testing.TB, state string) index.File {
	t.Helper()
	if state == "sealed map" || state == "reopened map" {
		return newOSFile(t, nil)
	}
	return &memFile{}
}

func TestOffsetsLookup(t *testing.T) {
	const base = 1 << 40
	for _, state := range states {
		for _, n := range lengths {
			t.Run(fmt.Sprintf("%s/%d", state, n), func(t *testing.T) {
				x := numberedOffsets(t, base, n, state)
				want := func(i int) index.OffsetPosition { // of slot i
					if i = min(i, n-1); i < 0 {
						return index.OffsetPosition{Offset: base}
					}
					return index.OffsetPosition{Offset: base + step*(int64(i)+1) - 1, Position: step * (int64(i) + 1)}
				}
				for i := -1; i <= n; i++ {
					for _, within := range []int64{0, step - 1} {
						got, err := x.Lookup(base + step*(int64(i)+1) - 1 + within)
						noError(t, err)
						if got != want(i) {
							t.Fatalf("offset of entry %d + %d: %v, want %v", i, within, got, want(i))
						}
						got, err = x.LookupPosition(step*(int64(i)+1) + within)
						noError(t, err)
						if got != want(i) {
							t.Fatalf("position of entry %d + %d: %v, want %v", i, within, got, want(i))
						}
					}
				}
				for _, offset := range []int64{math.MinInt64, -1, 0, base - 1, base} {
					if got, err := x.Lookup(offset); err != nil || got != want(-1) {
						t.Errorf("offset %d: %v, %v", offset, got, err)
					}
				}
				if got, err := x.Lookup(math.MaxInt64); err != nil || got != want(n-1) {
					t.Errorf("largest offset: %v, %v", got, err)
				}
				if got, err := x.LookupPosition(math.MinInt64); err != nil || got != want(-1) {
					t.Errorf("smallest position: %v, %v", got, err)
				}
				if x.Last() != want(n-1) || x.Len() != n || x.Bytes() != int64(8*n) {
					t.Errorf("last %v of %d entries, %d bytes", x.Last(), x.Len(), x.Bytes())
				}
			})
		}
	}
}

func TestTimesLookup(t *testing.T) {
	const base = 1 << 40
	for _, state := range states {
		for _, n := range lengths {
			t.Run(fmt.Sprintf("%s/%d", state, n), func(t *testing.T) {
				x := numberedTimes(t, base, n, state)
				want := func(i int) index.TimestampOffset {
					if i = min(i, n-1); i < 0 {
						return index.TimestampOffset{TimestampMs: index.NoTimestamp, Offset: base}
					}
					return index.TimestampOffset{TimestampMs: step * (int64(i) + 1), Offset: base + step*(int64(i)+1) - 1}
				}
				for i := -1; i <= n; i++ {
					for _, within := range []int64{0, step - 1} {
						got, err := x.Lookup(step*(int64(i)+1) + within)
						noError(t, err)
						if got != want(i) {
							t.Fatalf("timestamp of entry %d + %d: %v, want %v", i, within, got, want(i))
						}
					}
				}
				for _, ts := range []int64{math.MinInt64, -1, 0} {
					if got, err := x.Lookup(ts); err != nil || got != want(-1) {
						t.Errorf("timestamp %d: %v, %v", ts, got, err)
					}
				}
				if got, err := x.Lookup(math.MaxInt64); err != nil || got != want(n-1) {
					t.Errorf("largest timestamp: %v, %v", got, err)
				}
				if x.Last() != want(n-1) || x.Len() != n || x.Bytes() != int64(12*n) {
					t.Errorf("last %v of %d entries, %d bytes", x.Last(), x.Len(), x.Bytes())
				}
			})
		}
	}
}

func TestEntryOutOfRange(t *testing.T) {
	x, y := numberedOffsets(t, 0, 3, "active"), numberedTimes(t, 0, 3, "active")
	for _, i := range []int{-1, 3, math.MaxInt} {
		_, err := x.Entry(i)
		wantError(t, err, index.ErrNoEntry)
		_, err = y.Entry(i)
		wantError(t, err, index.ErrNoEntry)
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	for _, state := range states {
		x, y := numberedOffsets(t, 7, 5000, state), numberedTimes(t, 7, 5000, state)
		target := int64(0)
		allocs := testing.AllocsPerRun(1000, func() {
			target = (target + 7919) % (step * 5000)
			if _, err := x.Lookup(target); err != nil {
				t.Fatal(err)
			}
			if _, err := x.LookupPosition(target); err != nil {
				t.Fatal(err)
			}
			if _, err := y.Lookup(target); err != nil {
				t.Fatal(err)
			}
			_, _ = x.Last(), y.Last()
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations per lookup", state, allocs)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	const n = 1 << 18 // of a 1 GiB segment at Kafka's interval of 4 KiB
	for _, state := range []string{"active", "sealed map"} {
		x := numberedOffsets(b, 0, n, state)
		targets := map[string]func(i int64) int64{
			"tail":   func(i int64) int64 { return step*(n-500) + i%(step*499) },
			"spread": func(i int64) int64 { return i * 1_000_003 % (step * n) },
			"end":    func(i int64) int64 { return step*n + i },
		}
		for _, where := range []string{"tail", "spread", "end"} {
			target := targets[where]
			b.Run(state+"/"+where, func(b *testing.B) {
				b.ReportAllocs()
				i := int64(0)
				for b.Loop() {
					i++
					if _, err := x.Lookup(target(i)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	x := index.NewOffsets(&memFile{}, 0, index.Options{BytesMax: math.MaxInt32})
	i := int64(0)
	for b.Loop() {
		i++
		if err := x.Append(i, i); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLookupPairGivesTheEntryBehind(t *testing.T) {
	for _, state := range states {
		for _, n := range lengths {
			x := numberedOffsets(t, 1000, n, state)
			for i := -1; i < n; i++ {
				offset := 1000 + step*(int64(i)+1) - 1 // entry i's
				near, next, ok, err := x.LookupPair(offset)
				noError(t, err)
				want, err := x.Lookup(offset)
				noError(t, err)
				if near != want || ok != (i+1 < n) {
					t.Fatalf("%s, %d entries: pair at %d is %v, %v, %t", state, n, offset, near, next, ok)
				}
				if behind := (index.OffsetPosition{Offset: offset + step, Position: step * (int64(i) + 2)}); ok && next != behind {
					t.Fatalf("%s, %d entries: behind %d is %v, want %v", state, n, offset, next, behind)
				}
			}
		}
	}
}
