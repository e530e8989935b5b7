package record_test

import (
	"fmt"
	"testing"

	"moldau/logstore/record"
)

// A record may end where the window of unpacked bytes does: its key and value,
// which lie in the window, must not move when its last field is read.
func TestRecordsAtTheWindowsEnd(t *testing.T) {
	const records = 2500
	for _, codec := range []record.Codec{record.Gzip, record.Snappy, record.LZ4, record.Zstd} {
		for width := 20; width < 70; width++ {
			b := record.NewBuilder(record.BuilderOptions{Codec: codec})
			for i := range records {
				b.Append(int64(i), fmt.Appendf(nil, "key-%d", i), fmt.Appendf(nil, "%0*d", width, i))
			}
			batch, err := b.Finish()
			if err != nil {
				t.Fatal(err)
			}
			i := 0
			for r, err := range batch.Records(1 << 20) {
				if err != nil {
					t.Fatal(err)
				}
				if string(r.Key) != fmt.Sprint("key-", i) || string(r.Value) != fmt.Sprintf("%0*d", width, i) {
					t.Fatalf("%v: record %d is %q: %q", codec, i, r.Key, r.Value)
				}
				i++
			}
			if i != records {
				t.Fatalf("%v: %d records", codec, i)
			}
		}
	}
}
