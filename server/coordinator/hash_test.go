package coordinator_test

import (
	"testing"

	"moldau/server/coordinator"
)

// What Java says: "id".hashCode(), made positive, modulo 50.
func TestPartitionsAreKafkas(t *testing.T) {
	for id, want := range map[string]int32{
		"":                      0,
		"a":                     97 % 50,
		"console-consumer-1234": 9,
		"grüße":                 23,
		"polygenelubricants":    0, // the hash is the least integer there is
		"𝄞":                     44,
		"my-group":              12,
	} {
		if got := coordinator.PartitionOf(id, 50); got != want {
			t.Errorf("%q: %d, want %d", id, got, want)
		}
	}
}
