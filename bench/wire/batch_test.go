package wire_test

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

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
