package record_test

import (
	"bytes"
	"testing"

	"moldau/logstore/record"
)

// FuzzBatch holds that no bytes make a batch panic, that the walk and the
// iterator agree about which batches are sound, and that a sound one built
// again from its records holds the same records.
func FuzzBatch(f *testing.F) {
	for _, codec := range codecs {
		f.Add([]byte(sample(f, record.BuilderOptions{Codec: codec}, 9)))
	}
	for _, c := range javaFiles {
		f.Add([]byte(java(f, c.name)))
	}
	f.Add([]byte(java(f, "empty")))
	f.Add([]byte(java(f, "commit")))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 8<<10 {
			return
		}
		b, _, err := record.Next(data)
		if err != nil {
			return
		}
		// Both ways through the CRC: as it is, and forged.
		if b.Check() != nil {
			b = bytes.Clone(b)
			b.SetCRC(b.ComputeCRC())
			if b.Check() != nil {
				return
			}
		}
		const limit = 1 << 20
		w, walkErr := b.Walk(record.WalkOptions{Gaps: true, UnpackedBytesMax: limit})
		if w.UnpackedBytes > limit && b.Codec() != record.None {
			t.Fatalf("%d bytes unpacked", w.UnpackedBytes)
		}
		again := record.NewBuilder(record.BuilderOptions{BaseOffset: b.BaseOffset()})
		var iterErr error
		for r, err := range b.Records(limit) {
			if iterErr = err; err == nil {
				again.AppendAt(int32(r.Offset-b.BaseOffset()), r.TimestampMs, r.Key, r.Value, r.Headers...)
			}
		}
		if (walkErr == nil) != (iterErr == nil) {
			t.Fatalf("walk: %v, iterator: %v", walkErr, iterErr)
		}
		if walkErr != nil {
			return
		}
		built, err := again.Finish()
		if err != nil {
			if b.LastOffsetDelta() == 1<<31-1 {
				return // legal to read, not to write
			}
			t.Fatal(err)
		}
		v, err := built.Walk(record.WalkOptions{Gaps: true})
		if err != nil || v.MaxTimestamp != w.MaxTimestamp || v.MaxTimestampIndex != w.MaxTimestampIndex || v.FirstNullKey != w.FirstNullKey || built.Count() != b.Count() {
			t.Fatalf("%+v became %+v, %v", w, v, err)
		}
	})
}
