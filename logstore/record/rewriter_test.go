package record_test

import (
	"bytes"
	"fmt"
	"testing"

	"moldau/logstore/record"
)

// kept rewrites a batch to the records that keep says, and reads the outcome.
func kept(t *testing.T, w *record.Rewriter, of record.Batch, horizonMs int64, keep func(i int) bool) (record.Batch, []record.Record) {
	t.Helper()
	var it record.Iterator
	defer it.Close()
	if err := it.Reset(of, 1<<20); err != nil {
		t.Fatal(err)
	}
	w.Reset(of, horizonMs)
	for i := 0; it.Next(); i++ {
		if keep(i) {
			w.Keep(&it)
		}
	}
	if it.Err() != nil {
		t.Fatal(it.Err())
	}
	b, err := w.Finish()
	if err == nil {
		err = b.Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []record.Record
	for r, err := range b.Records(1 << 20) {
		if err != nil {
			t.Fatal(err)
		}
		r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
		all = append(all, r)
	}
	return b, all
}

func TestRewriterKeepsRecordsAsTheyWere(t *testing.T) {
	var w record.Rewriter
	for _, codec := range []record.Codec{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd} {
		for _, logAppendTime := range []bool{false, true} {
			for _, horizon := range []int64{0, 1_800_000_000_000} {
				name := fmt.Sprint(codec, " ", logAppendTime, " ", horizon)
				b := record.NewBuilder(record.BuilderOptions{
					Codec: codec, BaseOffset: 100, LeaderEpoch: 7, LogAppendTime: logAppendTime, Transactional: true,
					Producer: &record.Producer{ID: 5, Epoch: 2, BaseSequence: 30},
				})
				for i := range 40 {
					var value []byte
					if i%7 != 0 {
						value = fmt.Appendf(nil, "value %d", i)
					}
					b.Append(1_700_000_000_000-int64(i*i), fmt.Appendf(nil, "k%d", i), value, record.Header{Key: []byte("h"), Value: []byte{byte(i)}})
				}
				of, err := b.Finish()
				if err != nil {
					t.Fatal(err)
				}
				before := bytes.Clone(of)
				got, records := kept(t, &w, of, horizon, func(i int) bool { return i%3 == 1 })
				if !bytes.Equal(of, before) {
					t.Fatalf("%s: the batch that it was made of changed", name)
				}
				if got.BaseOffset() != 100 || got.LastOffset() != 139 || got.LeaderEpoch() != 7 || got.Codec() != codec || !got.Transactional() ||
					got.ProducerID() != 5 || got.ProducerEpoch() != 2 || got.BaseSequence() != 30 || got.LastSequence() != 69 || got.LogAppendTime() != logAppendTime {
					t.Fatalf("%s: header % x", name, []byte(got[:record.HeaderBytes]))
				}
				if got.HasDeleteHorizon() != (horizon != 0) || horizon != 0 && got.BaseTimestamp() != horizon {
					t.Fatalf("%s: horizon %v %d", name, got.HasDeleteHorizon(), got.BaseTimestamp())
				}
				if len(records) != 13 || int(got.Count()) != 13 {
					t.Fatalf("%s: %d records", name, len(records))
				}
				for n, r := range records {
					i, ms := 3*n+1, int64(1_700_000_000_000)
					if !logAppendTime {
						ms -= int64(i * i)
					}
					if r.Offset != int64(100+i) || r.TimestampMs != ms || string(r.Key) != fmt.Sprint("k", i) || (r.Value == nil) != (i%7 == 0) {
						t.Fatalf("%s: record %+v", name, r)
					}
				}
				walked, err := got.Walk(record.WalkOptions{Gaps: true, UnpackedBytesMax: 1 << 20})
				if err != nil || walked.MaxTimestamp != got.MaxTimestamp() {
					t.Fatalf("%s: walked %+v, %v", name, walked, err)
				}
				// A horizon that there is stays.
				again, records := kept(t, &w, bytes.Clone(got), 0, func(i int) bool { return i == 12 })
				if again.HasDeleteHorizon() != got.HasDeleteHorizon() || again.BaseTimestamp() != got.BaseTimestamp() || len(records) != 1 || records[0].Offset != 137 {
					t.Fatalf("%s: again % x, %+v", name, []byte(again[:record.HeaderBytes]), records)
				}
				if !logAppendTime && again.MaxTimestamp() != records[0].TimestampMs {
					t.Fatalf("%s: max timestamp %d of %+v", name, again.MaxTimestamp(), records)
				}
			}
		}
	}
}

// Records that are taken over by where they lie make the same batch as one by one.
func TestRewriterKeepsSpans(t *testing.T) {
	const records = 8
	for _, logAppendTime := range []bool{false, true} {
		b := record.NewBuilder(record.BuilderOptions{BaseOffset: 7, LogAppendTime: logAppendTime, DeleteHorizonMs: 1_600_000_000_000})
		for i := range records {
			b.Append(1_700_000_000_000-int64(i%3), fmt.Appendf(nil, "k%d", i), bytes.Repeat([]byte("v"), 40*i), record.Header{Key: []byte("h")})
		}
		of, err := b.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var it record.Iterator
		if err := it.Reset(of, 0); err != nil {
			t.Fatal(err)
		}
		var spans []record.Span
		for it.Next() {
			spans = append(spans, it.Span())
		}
		var one, other record.Rewriter
		for keep := range 1 << records {
			stays := func(i int) bool { return keep>>i&1 == 1 }
			want, _ := kept(t, &one, of, 0, stays)
			other.Reset(of, 0)
			for i, s := range spans {
				if stays(i) {
					other.KeepSpan(s)
				}
			}
			got, err := other.Finish()
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%08b: % x, %v; want % x", keep, []byte(got), err, []byte(want))
			}
		}
	}
}

func TestRewriterOfNoRecord(t *testing.T) {
	b := record.NewBuilder(record.BuilderOptions{Codec: record.Zstd, BaseOffset: 9, DeleteHorizonMs: 5, Producer: &record.Producer{ID: 1, BaseSequence: 4}})
	b.Append(77, []byte("k"), nil)
	b.Append(78, []byte("k"), nil)
	of, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	got, records := kept(t, &record.Rewriter{}, of, 0, func(int) bool { return false })
	if len(got) != record.HeaderBytes || len(records) != 0 || got.Codec() != record.None || got.HasDeleteHorizon() || got.LastOffset() != 10 || got.LastSequence() != 5 || got.MaxTimestamp() != 78 {
		t.Fatalf("% x", []byte(got))
	}
}
