package index_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"moldau/index"

	"pgregory.net/rapid"
)

func collect(t interface{ Fatal(...any) }, x *index.Txns, from, upto int64) ([]index.AbortedTxn, bool) {
	got, complete, err := x.Collect(nil, from, upto)
	if err != nil {
		t.Fatal(err)
	}
	return got, complete
}

func TestTxnsAreKafkasBytes(t *testing.T) {
	f := &memFile{}
	x := index.NewTxns(f, goldenBase)
	noError(t, x.Append(index.AbortedTxn{ProducerID: 7, FirstOffset: 990, LastOffset: 1001, LastStableOffset: 1002}))
	noError(t, x.Append(index.AbortedTxn{ProducerID: 8, FirstOffset: 1003, LastOffset: 1010, LastStableOffset: 1011}))
	noError(t, x.Flush())
	want := unhex(t, "0000"+"0000000000000007"+"00000000000003de"+"00000000000003e9"+"00000000000003ea"+
		"0000"+"0000000000000008"+"00000000000003eb"+"00000000000003f2"+"00000000000003f3")
	if !bytes.Equal(f.data, want) {
		t.Errorf("%x", f.data)
	}
}

func TestTxnsRefuse(t *testing.T) {
	x := index.NewTxns(&memFile{}, 1000)
	good := index.AbortedTxn{ProducerID: 7, FirstOffset: 990, LastOffset: 1001, LastStableOffset: 1002}
	noError(t, x.Append(good))
	for _, bad := range []index.AbortedTxn{
		good,
		{ProducerID: 7, FirstOffset: 990, LastOffset: 999, LastStableOffset: 1002},
		{ProducerID: -1, FirstOffset: 990, LastOffset: 1005, LastStableOffset: 1006},
		{ProducerID: 7, FirstOffset: -1, LastOffset: 1005, LastStableOffset: 1006},
		{ProducerID: 7, FirstOffset: 1005, LastOffset: 1005, LastStableOffset: 1006},
		{ProducerID: 7, FirstOffset: 1004, LastOffset: 1005, LastStableOffset: -1},
	} {
		if err := x.Append(bad); !errors.Is(err, index.ErrOrder) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	noError(t, x.Seal())
	if err := x.Append(index.AbortedTxn{ProducerID: 7, FirstOffset: 1002, LastOffset: 1005, LastStableOffset: 1006}); !errors.Is(err, index.ErrSealed) {
		t.Errorf("sealed: %v", err)
	}
	noError(t, x.Close())
	if _, _, err := x.Collect(nil, 0, 1); !errors.Is(err, index.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Transactions as logs have them, against a list: appended, flushed, opened again
// in every way, cut, copied.
func TestTxnsAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &memFile{}
		base := rapid.Int64Range(0, 50).Draw(t, "base")
		x := index.NewTxns(f, base)
		var model []index.AbortedTxn
		next := base
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			default:
				next += rapid.Int64Range(1, 5).Draw(t, "gap")
				last := len(model) - 1
				stable := next + 1
				if last >= 0 && rapid.Bool().Draw(t, "another is open") {
					stable = model[last].LastStableOffset
				}
				txn := index.AbortedTxn{ProducerID: next, FirstOffset: max(0, next-rapid.Int64Range(1, 30).Draw(t, "length")), LastOffset: next, LastStableOffset: stable}
				model = append(model, txn)
				must(x.Append(txn))
			case 1:
				must(x.Flush())
			case 2:
				at := rapid.Int64Range(base, next+1).Draw(t, "truncate")
				must(x.Truncate(at))
				model = slices.DeleteFunc(model, func(a index.AbortedTxn) bool { return a.LastOffset >= at })
			case 3:
				at := rapid.Int64Range(base, next+1).Draw(t, "copy")
				to := &memFile{}
				y, err := x.CopyTo(to, at)
				must(err)
				x, f = y, to
				model = slices.DeleteFunc(model, func(a index.AbortedTxn) bool { return a.LastOffset >= at })
			case 4:
				must(x.Flush())
				at := rapid.Int64Range(base, next+1).Draw(t, "believed below")
				f.data = append(f.data, make([]byte, rapid.IntRange(0, 40).Draw(t, "torn"))...)
				y, err := index.ReviveTxns(f, base, at)
				if err != nil && !errors.Is(err, index.ErrCorrupt) {
					t.Fatal(err)
				}
				x = y
				model = slices.DeleteFunc(model, func(a index.AbortedTxn) bool { return a.LastOffset >= at })
			}
			from := rapid.Int64Range(0, next+2).Draw(t, "from")
			upto := rapid.Int64Range(0, next+2).Draw(t, "upto")
			got, complete := collect(t, x, from, upto)
			var want []index.AbortedTxn
			done := false
			for _, a := range model {
				if a.LastOffset < from || done {
					continue
				}
				if a.FirstOffset < upto {
					want = append(want, a)
				}
				done = a.LastStableOffset >= upto
			}
			if !slices.Equal(got, want) || complete != done {
				t.Fatalf("within %d to %d: %v, %v; want %v, %v", from, upto, got, complete, want, done)
			}
		}
		must(x.Seal())
		y, err := index.OpenTxns(f, base, true)
		must(err)
		got, _ := collect(t, y, 0, 1<<62)
		if fmt.Sprint(got) != fmt.Sprint(model) {
			t.Fatalf("sealed and opened: %v, want %v", got, model)
		}
	})
}

// Sealed, a large one is mapped, and found in as before.
func TestTxnsMapped(t *testing.T) {
	f := newOSFile(t, nil)
	x := index.NewTxns(f, 1000)
	const n = 500
	for i := range int64(n) {
		noError(t, x.Append(index.AbortedTxn{ProducerID: i, FirstOffset: 1000 + 2*i, LastOffset: 1001 + 2*i, LastStableOffset: 1002 + 2*i}))
	}
	noError(t, x.Seal())
	y, err := index.OpenTxns(f, 1000, true)
	noError(t, err)
	for _, z := range []*index.Txns{x, y} {
		if !z.Mapped() || z.Len() != n {
			t.Fatalf("mapped %v, %d entries", z.Mapped(), z.Len())
		}
		for i := range int64(n) {
			got, complete := collect(t, z, 1000+2*i, 1002+2*i)
			if len(got) != 1 || got[0].ProducerID != i || !complete {
				t.Fatalf("transaction %d: %v, %v", i, got, complete)
			}
		}
		noError(t, z.Close())
	}
}
