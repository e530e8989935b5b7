package wire_test

import (
	"testing"

	"moldau/bench/wire"
	"moldau/logstore/record"
)

// Batches of one shape are of one size, whatever their seeds, and have keys.
func TestKeyedBatches(t *testing.T) {
	first, err := wire.KeyedBatch(100, 10, 1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := wire.KeyedBatch(100, 10, 1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != len(other) || string(first) == string(other) {
		t.Errorf("%d and %d bytes, alike: %t", len(first), len(other), string(first) == string(other))
	}
	b := record.Batch(first)
	if err := b.Check(); err != nil || b.ComputeCRC() != b.CRC() || b.Count() != 10 {
		t.Errorf("%v, CRC %x, %d records", err, b.CRC(), b.Count())
	}
}
