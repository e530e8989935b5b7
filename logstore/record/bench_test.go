package record_test

import (
	"fmt"
	"testing"

	"moldau/logstore/record"
)

// BenchmarkWalk sets the walk beside the CRC, of whose cost it should be a
// fraction.
func BenchmarkWalk(b *testing.B) {
	for _, valueBytes := range []int{100, 1000} {
		builder := record.NewBuilder(record.BuilderOptions{})
		for i := range 16_000 / valueBytes {
			builder.Append(int64(i), nil, make([]byte, valueBytes))
		}
		batch, err := builder.Finish()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("crc/%d", valueBytes), func(b *testing.B) {
			b.SetBytes(int64(len(batch)))
			for b.Loop() {
				if batch.Check() != nil {
					b.Fatal("bad batch")
				}
			}
		})
		b.Run(fmt.Sprintf("walk/%d", valueBytes), func(b *testing.B) {
			b.SetBytes(int64(len(batch)))
			for b.Loop() {
				if _, err := batch.Walk(record.WalkOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
