package logstore_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"moldau/logstore"
)

func TestKeyMapIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const bytesMax = 24 * 2000
		m, want := logstore.NewKeyMap(bytesMax), map[string]int64{}
		full := false
		for offset := range rapid.Int64Range(0, 4000).Draw(t, "records") {
			key := fmt.Sprint((offset*7919 + 3) % rapid.SampledFrom([]int64{10, 700, 5000}).Draw(t, "keys"))
			if !m.Put([]byte(key), offset) {
				if _, ok := want[key]; ok || len(want) < 1400 {
					t.Fatalf("full with %d keys at one that is there: %v", len(want), ok)
				}
				full = true
				continue
			}
			want[key] = offset
		}
		for key, offset := range want {
			if got := m.Newest([]byte(key)); got != offset {
				t.Fatalf("%s is at %d, want %d", key, got, offset)
			}
		}
		if got := m.Newest([]byte("none")); got != -1 {
			t.Fatalf("a key that is not there is at %d", got)
		}
		if m.Bytes() > bytesMax || full && len(want) > 1500 {
			t.Fatalf("%d bytes, %d keys", m.Bytes(), len(want))
		}
		m.Reset()
		for key := range want {
			if m.Newest([]byte(key)) != -1 {
				t.Fatalf("%s is there after a reset", key)
			}
		}
	})
}
