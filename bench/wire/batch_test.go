package wire_test

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/bench/wire"
)

// The batch is judged by another's decoder.
func TestBatchIsOneThatABrokerTakes(t *testing.T) {
	for _, size := range []struct{ record, batch int }{{1024, 16384}, {100, 16384}, {100, 1}, {1024, 1 << 20}, {0, 100}} {
		b, records := wire.Batch(size.record, size.batch)
		if len(b) > max(size.batch, size.record+100) {
			t.Errorf("%+v: %d bytes", size, len(b))
		}
		var batch kmsg.RecordBatch
		if err := batch.ReadFrom(b); err != nil {
			t.Fatalf("%+v: %v", size, err)
		}
		if int(batch.NumRecords) != records || batch.Magic != 2 || int(batch.LastOffsetDelta) != records-1 {
			t.Errorf("%+v: %d records, header %+v", size, records, batch)
		}
		if crc := crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)); crc != binary.BigEndian.Uint32(b[17:]) {
			t.Errorf("%+v: CRC %x", size, crc)
		}
		rest := batch.Records
		for i := range records {
			n, width := binary.Varint(rest)
			var r kmsg.Record
			if err := r.ReadFrom(rest[:width+int(n)]); err != nil {
				t.Fatalf("%+v: record %d: %v", size, i, err)
			}
			if int(r.OffsetDelta) != i || len(r.Value) != size.record {
				t.Fatalf("%+v: record %d: %+v", size, i, r)
			}
			rest = rest[width+int(n):]
		}
		if len(rest) != 0 {
			t.Errorf("%+v: %d bytes left over", size, len(rest))
		}
	}
}

// Batches that are to fill what they may, fill it to the byte.
func TestExactBatches(t *testing.T) {
	for _, size := range []struct{ record, batch int }{{1024, 4096}, {1024, 16384}, {100, 16384}} {
		r, err := wire.Shape{RecordBytes: size.record, BatchBytes: size.batch, Exact: true}.Render()
		if err != nil || len(r.Batch) != size.batch {
			t.Errorf("%+v: %d bytes, %v", size, len(r.Batch), err)
		}
		whole, records := wire.Batch(size.record, size.batch)
		if r.Records != records || len(whole) > len(r.Batch) {
			t.Errorf("%+v: %d records, %d without filling up", size, r.Records, records)
		}
	}
}

// Compressed records are what another's decompressor makes the same of.
func TestCompressedBatches(t *testing.T) {
	for codec, number := range map[string]kgo.CompressionCodecType{wire.LZ4: kgo.CodecLz4, wire.Zstd: kgo.CodecZstd} {
		r, err := wire.Shape{RecordBytes: 1024, BatchBytes: 16384, Codec: codec}.Render()
		if err != nil {
			t.Fatal(err)
		}
		var batch kmsg.RecordBatch
		if err := batch.ReadFrom(r.Batch); err != nil {
			t.Fatal(err)
		}
		if kgo.CompressionCodecType(batch.Attributes&7) != number || len(r.Batch) > r.Uncompressed*3/4 {
			t.Errorf("%s: attributes %x, %d bytes of %d", codec, batch.Attributes, len(r.Batch), r.Uncompressed)
		}
		records, err := kgo.DefaultDecompressor().Decompress(batch.Records, number)
		if err != nil || len(records)+61 != r.Uncompressed {
			t.Fatalf("%s: %d bytes of records, %v", codec, len(records), err)
		}
		n := 0
		for len(records) > 0 {
			size, width := binary.Varint(records)
			var record kmsg.Record
			if err := record.ReadFrom(records[:width+int(size)]); err != nil || len(record.Value) != 1024 {
				t.Fatalf("%s: record %d: %v", codec, n, err)
			}
			records = records[width+int(size):]
			n++
		}
		if n != r.Records || int(batch.NumRecords) != n {
			t.Errorf("%s: %d records, must be %d", codec, n, r.Records)
		}
	}
	if _, err := (wire.Shape{Codec: "none"}).Render(); err == nil {
		t.Error("an unknown codec")
	}
}
