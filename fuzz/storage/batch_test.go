package storage_test

import (
	"bytes"
	"testing"

	"moldau/fuzz/corpus"
	"moldau/fuzz/memory"
	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/fuzz/target"
	"moldau/logstore/record"
)

// unpackedMax is the limit under which targets unpack.
const unpackedMax = 64 << 10

// FuzzBatch holds a batch of any content to this:
//
//   - Next, Check, Walk, the iterator and Timestamps accept exactly what a naive
//     reader accepts, and tell the same of it. A wrong CRC is never accepted.
//   - What compressed records unpack to stays below the limit, and what a walk takes of
//     memory below the limit, a multiple of the bytes, and a constant.
//   - Records that were accepted are encoded again to the same bytes.
//   - A rewrite that keeps some of the records keeps just these, and is sound.
func FuzzBatch(f *testing.F) { batches.Fuzz(f) }

var batches = target.New("FuzzBatch", fromFiles(batchSeeds, ".log"), func(t testing.TB, data, program []byte) target.Class {
	return checkBatch(t, mutate.Batch(data, mutate.NewProgram(program)))
})

func batchSeeds(file corpus.File) (all []target.Seed) {
	for _, b := range naive.ReadSegment(file.Content, 0).Batches {
		all = append(all, target.Seed{Data: b.Bytes}, target.Seed{Data: b.Bytes, Program: []byte{24, 3, 13, 9, 9, 9}})
	}
	return all
}

func checkBatch(t testing.TB, data []byte) target.Class {
	b, rest, err := record.Next(data)
	want, wantErr := naive.First(data)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("cut off: %v, naive: %v", err, wantErr)
	}
	if err != nil {
		return target.Early
	}
	if !bytes.Equal(b, want.Bytes) || len(b)+len(rest) != len(data) {
		t.Fatalf("%d bytes were cut off, want %d", len(b), len(want.Bytes))
	}
	err, wantErr = b.Check(), want.Check()
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("check: %v, naive: %v", err, wantErr)
	}
	if err != nil {
		return target.Early
	}
	checkHeader(t, b, &want)
	return checkRecords(t, b, &want)
}

func checkHeader(t testing.TB, b record.Batch, want *naive.Batch) {
	got := naive.Batch{
		Base: b.BaseOffset(), Last: b.LastOffset(), LeaderEpoch: b.LeaderEpoch(), Attributes: b.Attributes(), LastDelta: b.LastOffsetDelta(),
		BaseTimestamp: b.BaseTimestamp(), MaxTimestamp: b.MaxTimestamp(), Producer: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(),
		Sequence: b.BaseSequence(), Count: b.Count(),
	}
	w := *want
	w.Bytes = nil
	if got.Base != w.Base || got.Last != w.Last || got.LeaderEpoch != w.LeaderEpoch || got.Attributes != w.Attributes || got.LastDelta != w.LastDelta ||
		got.BaseTimestamp != w.BaseTimestamp || got.MaxTimestamp != w.MaxTimestamp || got.Producer != w.Producer ||
		got.ProducerEpoch != w.ProducerEpoch || got.Sequence != w.Sequence || got.Count != w.Count {
		t.Fatalf("header is %+v, want %+v", got, w)
	}
	if b.LastSequence() != w.LastSequence() || int(b.Codec()) != w.Codec() || b.LogAppendTime() != w.LogAppendTime() || b.Transactional() != w.Transactional() || b.Control() != w.Control() {
		t.Fatalf("header is read as %d, %v, %v, %v, %v; naive: %+v", b.LastSequence(), b.Codec(), b.LogAppendTime(), b.Transactional(), b.Control(), w)
	}
}

// plainOf is the records of a batch without compression.
func plainOf(t testing.TB, b *naive.Batch) ([]byte, error) {
	if b.Codec() == 0 || b.Count == 0 && len(b.Payload()) == 0 {
		return b.Payload(), nil
	}
	plain, err := record.Decompress(nil, record.Codec(b.Codec()), b.Payload(), unpackedMax)
	if len(plain) > unpackedMax {
		t.Fatalf("%d bytes were unpacked under a limit of %d", len(plain), unpackedMax)
	}
	return plain, err
}

func checkRecords(t testing.TB, b record.Batch, n *naive.Batch) target.Class {
	plain, wantErr := plainOf(t, n)
	var want []naive.Record
	if wantErr == nil {
		want, wantErr = n.Records(plain)
	}
	var w record.Walked
	var err error
	most := uint64(4*len(b) + unpackedMax + unpackSlack)
	taken, ok := memory.Within(most, func() { w, err = b.Walk(record.WalkOptions{Gaps: true, UnpackedBytesMax: unpackedMax}) })
	if !ok {
		t.Fatalf("a walk over %d bytes took %d, more than %d", len(b), taken, most)
	}
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("walk: %v, naive: %v", err, wantErr)
	}
	if got, err := recordsOf(b); (err == nil) != (wantErr == nil) || err == nil && !sameRecords(n, got, want) {
		t.Fatalf("iterator: %v %+v, naive: %v %+v", err, got, wantErr, want)
	}
	if err != nil {
		return target.Deep
	}
	var again []byte
	for _, r := range want {
		again = r.Append(again)
	}
	if !bytes.Equal(again, plain) {
		t.Fatalf("encoded again %x became %x", plain, again)
	}
	checkWalked(t, n, want, w)
	if w.UnpackedBytes != int64(len(plain)) {
		t.Fatalf("%d bytes were unpacked, want %d", w.UnpackedBytes, len(plain))
	}
	if b.Codec() != record.None && b.CRC()%4 > 0 {
		return target.Accepted // codecs cost more than all else: one in four goes through all of it
	}
	_, err = b.Walk(record.WalkOptions{UnpackedBytesMax: unpackedMax})
	if n.Contiguous(want) != (err == nil) {
		t.Fatalf("walk without gaps: %v, of %+v", err, want)
	}
	i := 0
	must(t, b.Timestamps(unpackedMax, func(offset, timestampMs int64) bool {
		if i >= len(want) || offset != n.Base+int64(want[i].Delta) || timestampMs != n.Timestamp(want[i]) {
			t.Fatalf("record %d has offset %d and time %d", i, offset, timestampMs)
		}
		i++
		return true
	}))
	checkRewrite(t, b, n, want)
	return target.Accepted
}

// recordsOf copies what an iterator hands out.
func recordsOf(b record.Batch) (all []record.Record, err error) {
	for r, err := range b.Records(unpackedMax) {
		if err != nil {
			return all, err
		}
		all = append(all, cloneRecord(r))
	}
	return all, nil
}

func cloneRecord(r record.Record) record.Record {
	r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	headers := make([]record.Header, 0, len(r.Headers))
	for _, h := range r.Headers {
		headers = append(headers, record.Header{Key: bytes.Clone(h.Key), Value: bytes.Clone(h.Value)})
	}
	r.Headers = headers
	return r
}

func sameBytes(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func sameRecords(n *naive.Batch, got []record.Record, want []naive.Record) bool {
	if len(got) != len(want) {
		return false
	}
	for i, r := range got {
		w := want[i]
		if r.Offset != n.Base+int64(w.Delta) || r.TimestampMs != n.Timestamp(w) || !sameBytes(r.Key, w.Key) || !sameBytes(r.Value, w.Value) || len(r.Headers) != len(w.Headers) {
			return false
		}
		for j, h := range r.Headers {
			if !sameBytes(h.Key, w.Headers[j].Key) || !sameBytes(h.Value, w.Headers[j].Value) {
				return false
			}
		}
	}
	return true
}

func checkWalked(t testing.TB, n *naive.Batch, all []naive.Record, got record.Walked) {
	want := record.Walked{MaxTimestamp: -1, MaxTimestampIndex: -1, MaxTimestampOffsetDelta: -1, MinTimestamp: -1, MinTimestampIndex: -1, FirstNullKey: -1, UnpackedBytes: got.UnpackedBytes}
	for i, r := range all {
		if ms := n.Timestamp(r); i == 0 || ms > want.MaxTimestamp {
			want.MaxTimestamp, want.MaxTimestampIndex, want.MaxTimestampOffsetDelta = ms, int32(i), r.Delta
		}
		if ms := n.Timestamp(r); i == 0 || ms < want.MinTimestamp {
			want.MinTimestamp, want.MinTimestampIndex = ms, int32(i)
		}
		if r.Key == nil && want.FirstNullKey < 0 {
			want.FirstNullKey = int32(i)
		}
	}
	if got != want {
		t.Fatalf("walked %+v, want %+v", got, want)
	}
}

// checkRewrite keeps every other record, as a compaction may.
func checkRewrite(t testing.TB, b record.Batch, n *naive.Batch, all []naive.Record) {
	var it record.Iterator
	var w, bySpans record.Rewriter
	defer it.Close()
	must(t, it.Reset(b, unpackedMax))
	horizonMs := n.MaxTimestamp & 1 * 1_700_000_000_000
	w.Reset(b, horizonMs)
	bySpans.Reset(b, horizonMs)
	spans := horizonMs == 0 && b.Codec() == record.None
	var kept []naive.Record
	for i := 0; it.Next(); i++ {
		if i%2 == int(n.Count)%2 {
			w.Keep(&it)
			kept = append(kept, all[i])
			if spans {
				bySpans.KeepSpan(it.Span())
			}
		}
	}
	must(t, it.Err())
	again, err := w.Finish()
	must(t, err)
	if same, err := bySpans.Finish(); spans && (err != nil || !bytes.Equal(same, again)) {
		t.Fatalf("by spans: % x, %v; one by one % x", []byte(same), err, []byte(again))
	}
	left, err := naive.First(again)
	if err == nil {
		err = left.Check()
	}
	if err != nil {
		t.Fatalf("rewritten: %v", err)
	}
	if left.Base != n.Base || left.Last != n.Last || left.Producer != n.Producer || left.ProducerEpoch != n.ProducerEpoch || left.LastSequence() != n.LastSequence() {
		t.Fatalf("%+v was rewritten to %+v", n, left)
	}
	got, err := recordsOf(again)
	if err != nil || !sameRecords(n, got, kept) {
		t.Fatalf("kept %+v, want %+v, %v", got, kept, err)
	}
}
