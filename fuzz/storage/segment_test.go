package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"moldau/fuzz/corpus"
	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/fuzz/target"
	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// FuzzSegment opens a log of one segment of any content, with indexes of any
// content, after a crash, and holds recovery to this:
//
//   - The log is the longest row of batches that count, as a naive reader finds it:
//     not one less, which would lose records, nor one more.
//   - Of it leader epochs, producers, transactions, the last stable offset, and the
//     first record at or behind a time are what the naive reader says.
//   - Indexes above the recovery point are not believed. After a clean close they are
//     what was to be written of these batches, byte for byte; or, where the recovery
//     point lay within the segment, what the checker takes for true.
//   - What was opened and closed is sound to the checker, deep where records are.
//     Opened again it is the same, and it takes appends.
//
// A read-only open must show the same. It is what most executions do, being the
// fastest.
func FuzzSegment(f *testing.F) { segments.Fuzz(f) }

var segments = target.New("FuzzSegment", fromFiles(segmentSeeds, ".log"), func(t testing.TB, data, program []byte) target.Class {
	g := newSegmentImage(data, mutate.NewProgram(program))
	switch mode := g.mode % 16; {
	case mode < 14:
		g.checkReadOnly(t)
	case mode < 15:
		g.checkRecovered(t)
	default:
		g.checkFromPoint(t)
	}
	switch {
	case g.want.Bytes == int64(len(g.data)) && len(g.data) > 0:
		return target.Accepted
	case len(g.want.Batches) > 0:
		return target.Deep
	}
	return target.Early
})

func segmentSeeds(file corpus.File) (all []target.Seed) {
	for i := range byte(12) {
		all = append(all, target.Seed{Data: file.Content, Program: []byte{i, i % 6, i, 6, i % 4 << 6, i, 1, 20, 1, i, i, 3}})
	}
	for mode := range byte(2) {
		all = append(all, target.Seed{Data: file.Content, Program: []byte{14 + mode, 1, 4, 4, 1, 13, 0, 0, 1, 2, 1, 15, 0, 3, 1, 2, 0, 1}})
	}
	return all
}

// segmentImage is a directory with a log of one segment, and what is expected of it.
type segmentImage struct {
	mode   byte
	data   []byte
	want   naive.Segment
	txns   naive.Transactions
	epochs []naive.Epoch
	files  map[string][]byte
	at     int64 // a number that lookups are made with

	closedBefore bool
}

var segmentBases = [...]int64{0, 0, 0, 7, 1<<31 - 3, 1 << 40}

func newSegmentImage(data []byte, p *mutate.Program) *segmentImage {
	g := &segmentImage{mode: p.Byte()}
	base := segmentBases[p.Below(len(segmentBases))]
	how := p.Byte()
	g.at = p.Int64()
	g.data = mutate.Segment(data, base, p)
	g.want = naive.ReadSegment(g.data, base)
	g.txns = naive.Follow(g.want.Batches, unpackNaive)
	g.epochs = g.want.Epochs()
	g.files = map[string][]byte{fileOf(base, ".log"): g.data}
	g.addIndexes(how, p)
	return g
}

// addIndexes puts indexes beside the data: none, right ones, padded ones as a live
// Kafka has them, damaged ones, or any bytes.
func (g *segmentImage) addIndexes(how byte, p *mutate.Program) {
	offsets, times := g.want.Index(intervalBytes)
	switch how % 8 {
	case 0, 1:
		return
	case 2, 3:
	case 4:
		offsets, times = append(offsets, make([]byte, 8*16)...), append(times, make([]byte, 12*16)...)
	case 5, 6:
		offsets, times = mutate.Rot(offsets, p), mutate.Rot(times, p)
	default:
		offsets, times = p.Bytes(p.Below(64)), p.Bytes(p.Below(64))
	}
	g.files[fileOf(g.want.Base, ".index")], g.files[fileOf(g.want.Base, ".timeindex")] = offsets, times
}

// unpackNaive unpacks under the engine's limit for control batches.
func unpackNaive(b *naive.Batch) ([]byte, error) {
	if b.Codec() == 0 || b.Count == 0 && len(b.Payload()) == 0 {
		return b.Payload(), nil
	}
	return record.Decompress(nil, record.Codec(b.Codec()), b.Payload(), 1<<20)
}

func (g *segmentImage) checkReadOnly(t testing.TB) {
	o := options(image(t, g.files), newClock())
	o.ReadOnly = true
	s, err := logstore.Open("data/logs", o)
	must(t, err)
	l, err := s.Log(tp)
	must(t, err)
	g.check(t, l)
	must(t, s.Close())
}

func (g *segmentImage) checkRecovered(t testing.TB) {
	m := image(t, g.files)
	s, l := openStore(t, m)
	g.check(t, l)
	must(t, s.Close())
	g.checkFiles(t, m)
	s, l = openStore(t, m)
	g.check(t, l)
	g.checkAppend(t, l)
	must(t, s.Close())
	sound(t, m, false)
}

// checkFromPoint opens with a recovery point within the segment: what is below was
// synced, and is what it was; what is behind may be anything.
func (g *segmentImage) checkFromPoint(t testing.TB) {
	if len(g.want.Batches) == 0 {
		return
	}
	below := g.want
	n := 1 + int(uint64(g.at)%uint64(len(below.Batches)))
	below.Batches = below.Batches[:n]
	point := below.Batches[n-1].Last + 1
	if point < 0 {
		return
	}
	g.closedBefore = true
	offsets, times := below.Index(intervalBytes)
	g.files[fileOf(g.want.Base, ".index")] = append(offsets, g.files[fileOf(g.want.Base, ".index")]...)
	g.files[fileOf(g.want.Base, ".timeindex")] = append(times, g.files[fileOf(g.want.Base, ".timeindex")]...)
	if txns := naive.Follow(below.Batches, unpackNaive); len(txns.Index) > 0 {
		g.files[fileOf(g.want.Base, ".txnindex")] = naive.TxnIndex(txns.Index)
	}
	g.files["data/logs/recovery-point-offset-checkpoint"] = fmt.Appendf(nil, "0\n1\nt 0 %d\n", point)
	m := image(t, g.files)
	s, l := openStore(t, m)
	g.check(t, l)
	must(t, s.Close())
	g.checkFiles(t, m)
}

func openStore(t testing.TB, m vfs.FS) (*logstore.Store, *logstore.Log) {
	s, err := logstore.Open("data", options(m, newClock()))
	must(t, err)
	l, err := s.Log(tp)
	must(t, err)
	return s, l
}

// check compares a log with what a naive reader made of its bytes.
func (g *segmentImage) check(t testing.TB, l *logstore.Log) {
	must(t, l.Err())
	if start, end := l.StartOffset(), l.Offset(logstore.LogEnd); start != g.want.Base || end != g.want.End {
		t.Fatalf("the log is from %d to %d, want %d to %d", start, end, g.want.Base, g.want.End)
	}
	i, from := 0, g.want.Base
	if n := len(g.want.Batches); n > 0 && g.at%2 == 0 {
		i = int(uint64(g.at) % uint64(n))
		from = g.want.Batches[i].Last
	}
	for b, err := range l.Batches(context.Background(), from, logstore.LogEnd) {
		must(t, err)
		if i >= len(g.want.Batches) || !bytes.Equal(b, g.want.Batches[i].Bytes) {
			t.Fatalf("batch %d of %d is at offset %d, and not what was written", i, len(g.want.Batches), b.BaseOffset())
		}
		i++
	}
	if i != len(g.want.Batches) {
		t.Fatalf("%d batches, want %d", i, len(g.want.Batches))
	}
	g.checkEpochs(t, l)
	if !g.txns.Unsure {
		g.checkTransactions(t, l)
	}
	if g.mode/16%4 == 0 { // which unpacks all there is
		g.checkTimes(t, l)
	}
}

func (g *segmentImage) checkEpochs(t testing.TB, l *logstore.Log) {
	want := int32(-1)
	for _, e := range g.epochs {
		if want = e.Epoch; l.EpochOf(e.Start) != e.Epoch {
			t.Fatalf("offset %d is of epoch %d, want %d", e.Start, l.EpochOf(e.Start), e.Epoch)
		}
	}
	if l.LatestEpoch() != want {
		t.Fatalf("the latest epoch is %d, want %d", l.LatestEpoch(), want)
	}
}

func (g *segmentImage) checkTransactions(t testing.TB, l *logstore.Log) {
	found, err := l.Producers()
	must(t, err)
	var got []naive.Producer
	for _, p := range found {
		got = append(got, naive.Producer{ID: p.ID, Epoch: p.Epoch, LastSequence: p.LastSequence, LastOffset: p.LastOffset, Timestamp: p.LastTimestampMs, CoordinatorEpoch: p.CoordinatorEpoch, TxnFirst: p.TransactionFirst})
	}
	if !slices.Equal(got, g.txns.Producers) {
		t.Fatalf("producers are %+v, want %+v", got, g.txns.Producers)
	}
	if got, want := l.Offset(logstore.LastStable), g.txns.Stable(g.want.Base, g.want.End); got != want {
		t.Fatalf("the last stable offset is %d, want %d", got, want)
	}
	for _, from := range []int64{g.want.Base, (g.want.Base + g.want.End) / 2} {
		found, err := l.AbortedTransactions(nil, from, g.want.End)
		must(t, err)
		var got []naive.Aborted
		for _, a := range found {
			got = append(got, naive.Aborted{Producer: a.ProducerID, First: a.First, Last: a.Last})
		}
		if want := g.txns.Within(from, g.want.End); !slices.Equal(got, want) {
			t.Fatalf("aborted from %d on are %+v, want %+v", from, got, want)
		}
	}
}

// checkTimes looks a time up, where headers do not lie about the times of records.
func (g *segmentImage) checkTimes(t testing.TB, l *logstore.Log) {
	type timed struct{ offset, ms int64 }
	var all []timed
	for i := range g.want.Batches {
		b := &g.want.Batches[i]
		plain, err := unpackNaive(b)
		var records []naive.Record
		if err != nil || len(plain) > unpackedMax {
			return
		}
		records, err = b.Records(plain)
		largest := int64(-1)
		for _, r := range records {
			largest = max(largest, b.Timestamp(r))
			all = append(all, timed{b.Base + int64(r.Delta), b.Timestamp(r)})
		}
		if err != nil || largest != b.MaxTimestamp {
			return
		}
	}
	ms := g.at
	if len(all) > 0 && g.at < 1<<40 {
		ms = all[int(uint64(g.at)%uint64(len(all)))].ms + g.at%2
	}
	i := slices.IndexFunc(all, func(r timed) bool { return r.ms >= ms })
	at, ok, err := l.OffsetForTimestamp(ms)
	must(t, err)
	if ok != (i >= 0) || ok && (at.Offset != all[i].offset || at.TimestampMs != all[i].ms) {
		t.Fatalf("time %d is at %+v, %v, want entry %d of %v", ms, at, ok, i, all)
	}
}

// checkFiles looks at what a clean close has left.
func (g *segmentImage) checkFiles(t testing.TB, m *vfs.Mem) {
	sound(t, m, false)
	if data := read(t, m, fileOf(g.want.Base, ".log")); !bytes.Equal(data, g.data[:g.want.Bytes]) {
		t.Fatalf("the segment has %d bytes, want the first %d", len(data), g.want.Bytes)
	}
	offsets, times := g.want.Index(intervalBytes)
	// A log that was closed before has a time entry more, of that moment. And what the
	// crash has left behind the recovery point may look like an entry, and be true.
	if got := read(t, m, fileOf(g.want.Base, ".index")); !bytes.Equal(got, offsets) && !g.closedBefore {
		t.Fatalf("the offset index is %x, want %x", got, offsets)
	}
	if got := read(t, m, fileOf(g.want.Base, ".timeindex")); !bytes.Equal(got, times) && !g.closedBefore {
		t.Fatalf("the time index is %x, want %x", got, times)
	}
	if got, want := read(t, m, fileOf(g.want.Base, ".txnindex")), naive.TxnIndex(g.txns.Index); !bytes.Equal(got, want) && !g.txns.Unsure {
		t.Fatalf("the transaction index is %x, want %x", got, want)
	}
}

func (g *segmentImage) checkAppend(t testing.TB, l *logstore.Log) {
	if g.want.End >= g.want.Base+1<<31-2 {
		return
	}
	first, err := l.Append(context.Background(), record.Record{Value: []byte("after")})
	if err != nil || first != g.want.End {
		t.Fatalf("appended at %d, want %d: %v", first, g.want.End, err)
	}
}
