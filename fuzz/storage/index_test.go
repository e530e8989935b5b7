package storage_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"moldau/fuzz/corpus"
	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/fuzz/target"
	"moldau/index"
)

// FuzzIndex opens index files of any content, and holds that offset, time and
// transaction indexes are accepted exactly if their entries may be entries, and that
// each lookup finds what a search from the first entry finds. What is flushed after
// an entry was added or entries were cut is what a reader then finds.
func FuzzIndex(f *testing.F) { indexes.Fuzz(f) }

var indexes = target.New("FuzzIndex", fromFiles(indexSeeds, ".index", ".timeindex", ".txnindex"), func(t testing.TB, data, program []byte) target.Class {
	p := mutate.NewProgram(program)
	kind, base := p.Byte()%3, []int64{0, 5, 1 << 33}[p.Below(3)]
	file := &memoryFile{data: mutate.Entries(data, []int{8, 12, 34}[kind], p)}
	switch kind {
	case 0:
		return checkOffsets(t, file, base, p)
	case 1:
		return checkTimeIndex(t, file, base, p)
	}
	return checkTxns(t, file, base, p)
})

func indexSeeds(file corpus.File) (all []target.Seed) {
	for kind := range byte(3) {
		all = append(all, target.Seed{Data: file.Content, Program: []byte{kind, 0}}, target.Seed{Data: file.Content, Program: []byte{kind, 1, 2, 5, 5, 9, 1}})
	}
	return all
}

// memoryFile is an index's file.
type memoryFile struct{ data []byte }

func (f *memoryFile) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) WriteAt(b []byte, at int64) (int, error) {
	f.data = slices.Grow(f.data, max(int(at)+len(b)-len(f.data), 0))
	f.data = f.data[:max(len(f.data), int(at)+len(b))]
	return copy(f.data[at:], b), nil
}

func (f *memoryFile) Truncate(size int64) error {
	f.data = append(f.data[:min(size, int64(len(f.data)))], make([]byte, max(size-int64(len(f.data)), 0))...)
	return nil
}
func (f *memoryFile) Sync() error          { return nil }
func (f *memoryFile) Size() (int64, error) { return int64(len(f.data)), nil }
func (f *memoryFile) OSFile() *os.File     { return nil }

// accepted compares verdicts. What is refused by both is told.
func accepted(t testing.TB, err, wantErr error) bool {
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("open: %v, naive: %v", err, wantErr)
	}
	return err == nil
}

func checkOffsets(t testing.TB, f *memoryFile, base int64, p *mutate.Program) target.Class {
	want, wantErr := naive.OffsetEntries(f.data)
	x, err := index.OpenOffsets(f, base, false, index.Options{})
	if !accepted(t, err, wantErr) {
		return target.Early
	}
	if x.Len() != len(want) {
		t.Fatalf("%d entries, want %d", x.Len(), len(want))
	}
	at := func(e naive.Entry) index.OffsetPosition {
		return index.OffsetPosition{Offset: base + e.Key, Position: e.Value}
	}
	for range 4 {
		key := lookupKey(p, want)
		near, i := naive.Floor(want, max(key, 0))
		got, err := x.Lookup(base + key)
		pair, next, ok, err2 := x.LookupPair(base + key)
		if key < 0 {
			near = naive.Entry{}
		}
		if err != nil || err2 != nil || got != at(near) || key >= 0 && pair != got || ok != (i+1 < len(want)) || ok && next != at(want[i+1]) {
			t.Fatalf("%d is at %+v and %+v, %+v, want %+v; %v %v", key, got, pair, next, near, err, err2)
		}
	}
	cut := base + lookupKey(p, want)
	must(t, x.Truncate(cut))
	want = slices.DeleteFunc(want, func(e naive.Entry) bool { return base+e.Key >= max(cut, base) })
	if last := x.Last(); last.Offset < base+1<<31-10 && last.Position < 1<<31-10 {
		e := naive.Entry{Key: last.Offset - base + 3, Value: last.Position + 5}
		must(t, x.Append(base+e.Key, e.Value))
		want = append(want, e)
	}
	must(t, x.Flush())
	if again, err := naive.OffsetEntries(f.data); err != nil || !slices.Equal(again, want) {
		t.Fatalf("flushed %v, want %v, %v", again, want, err)
	}
	must(t, x.Close())
	return target.Accepted
}

func checkTimeIndex(t testing.TB, f *memoryFile, base int64, p *mutate.Program) target.Class {
	want, wantErr := naive.TimeEntries(f.data)
	x, err := index.OpenTimes(f, base, false, index.Options{})
	if !accepted(t, err, wantErr) {
		return target.Early
	}
	if x.Len() != len(want) {
		t.Fatalf("%d entries, want %d", x.Len(), len(want))
	}
	at := func(e naive.Entry) index.TimestampOffset {
		return index.TimestampOffset{TimestampMs: e.Key, Offset: base + e.Value}
	}
	for range 4 {
		key := lookupKey(p, want)
		near, i := naive.Floor(want, key)
		if i < 0 {
			near = naive.Entry{Key: index.NoTimestamp}
		}
		if got, err := x.Lookup(key); err != nil || got != at(near) {
			t.Fatalf("%d is at %+v, want %+v: %v", key, got, near, err)
		}
	}
	must(t, x.Flush())
	if again, err := naive.TimeEntries(f.data); err != nil || !slices.Equal(again, want) {
		t.Fatalf("flushed %v, want %v, %v", again, want, err)
	}
	must(t, x.Close())
	return target.Accepted
}

// lookupKey is any number, or one beside an entry.
func lookupKey(p *mutate.Program, all []naive.Entry) int64 {
	if len(all) == 0 || p.One(3) {
		return min(max(p.Int64(), -2), 1<<40)
	}
	return all[p.Below(len(all))].Key + int64(p.Byte()%3) - 1
}

func checkTxns(t testing.TB, f *memoryFile, base int64, p *mutate.Program) target.Class {
	want, wantErr := naive.TxnEntries(f.data, base)
	before := bytes.Clone(f.data)
	x, err := index.OpenTxns(f, base, false)
	if !accepted(t, err, wantErr) {
		checkRevived(t, &memoryFile{data: before}, base)
		return target.Early
	}
	for range 4 {
		from, upto := p.Int64(), p.Int64()
		if n := len(want); n > 0 {
			from, upto = want[p.Below(n)].Last+int64(p.Byte()%3)-1, want[p.Below(n)].First+int64(p.Byte()%3)-1
		}
		got, complete, err := x.Collect(nil, from, upto)
		must(t, err)
		var all []index.AbortedTxn
		done := false
		for _, e := range want {
			if e.Last >= from && e.First < upto && !done {
				all = append(all, index.AbortedTxn{ProducerID: e.Producer, FirstOffset: e.First, LastOffset: e.Last, LastStableOffset: e.Stable})
			}
			done = done || e.Last >= from && e.Stable >= upto
		}
		if fmt.Sprint(got) != fmt.Sprint(all) || complete != done {
			t.Fatalf("from %d to %d there are %v, %v, want %v, %v", from, upto, got, complete, all, done)
		}
	}
	must(t, x.Close())
	return target.Accepted
}

// checkRevived holds that of a damaged index the entries before the damage are found.
func checkRevived(t testing.TB, f *memoryFile, base int64) {
	n := 0
	last := base - 1
	for txn, err := range index.AbortedTxns(f, base) {
		if err != nil {
			break
		}
		if txn.LastOffset <= last {
			t.Fatalf("%+v after %d", txn, last)
		}
		last = txn.LastOffset
		n++
	}
	x, _ := index.ReviveTxns(f, base, 1<<62)
	if x == nil || x.Len() > n {
		t.Fatalf("%d entries were revived of %d", x.Len(), n)
	}
}
