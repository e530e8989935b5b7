package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

func TestCollectorPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 300}, {4 << 20, 300}, {32 << 20, 200}, {64 << 20, 100}, {1 << 40, 100}} {
		if got := collectorPercent(c.live); got != c.want {
			t.Errorf("with %d bytes that live: %d, want %d", c.live, got, c.want)
		}
	}
}

// The percentage follows what lives, down and up again.
func TestCollectorFollowsTheHeap(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	t.Setenv("GOGC", "")
	tuneCollector()
	until := func(want func(int) bool) {
		t.Helper()
		for range 1000 {
			runtime.GC()
			// Not by SetGCPercent, which would undo what is set meanwhile.
			sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
			metrics.Read(sample)
			if want(int(sample[0].Value.Uint64())) {
				return
			}
		}
		t.Error("it does not follow")
	}
	much := make([]byte, 2*collectorBytes)
	until(func(percent int) bool { return percent == collectorPercentMin })
	runtime.KeepAlive(much)
	much = nil
	until(func(percent int) bool { return percent > collectorPercentMin })
}
