package memory_test

import (
	"testing"

	"moldau/fuzz/memory"
)

var kept []byte

func TestOf(t *testing.T) {
	const bytes = 10 << 20
	if got := memory.Of(func() { kept = make([]byte, bytes) }); got < bytes || got > bytes+1<<20 {
		t.Errorf("%d bytes, want about %d", got, bytes)
	}
	if got := memory.Of(func() {}); got > 1<<20 {
		t.Errorf("%d bytes for nothing", got)
	}
}
