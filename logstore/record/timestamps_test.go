package record_test

import (
	"testing"

	"moldau/logstore/record"
)

// Timestamps and the iterator read the same records.
func TestTimestampsAreTheRecords(t *testing.T) {
	for _, codec := range []record.Codec{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd} {
		b := record.NewBuilder(record.BuilderOptions{Codec: codec, BaseOffset: 7})
		for i := range int64(1000) {
			b.Append(1_700_000_000_000+i*i%977, []byte("key"), make([]byte, i))
		}
		batch, err := b.Finish()
		if err != nil {
			t.Fatal(err)
		}
		next, stop := int64(7), int64(500)
		var want []int64
		for r, err := range batch.Records(1 << 30) {
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, r.TimestampMs)
		}
		err = batch.Timestamps(1<<30, func(offset, timestampMs int64) bool {
			if offset != next || timestampMs != want[offset-7] {
				t.Fatalf("%v: record %d has timestamp %d", codec, offset, timestampMs)
			}
			next++
			return next < stop
		})
		if err != nil || next != stop {
			t.Fatalf("%v: went to %d, %v", codec, next, err)
		}
		if err := batch.Timestamps(10, func(int64, int64) bool { return true }); codec != record.None && err == nil {
			t.Errorf("%v: unpacked more than it may", codec)
		}
	}
}
