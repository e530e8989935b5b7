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

func TestWithin(t *testing.T) {
	calls := 0
	first := func() {
		if calls++; calls == 1 {
			kept = make([]byte, 10<<20)
		}
	}
	if got, ok := memory.Within(5<<20, first); !ok || calls != 2 {
		t.Errorf("what is taken once only is believed: %d bytes, %d calls", got, calls)
	}
	if got, ok := memory.Within(5<<20, func() { kept = make([]byte, 10<<20) }); ok || got < 10<<20 {
		t.Errorf("%d bytes are within 5 MiB", got)
	}
}
