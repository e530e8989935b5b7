package api_test

import (
	"runtime"
	"runtime/metrics"
	"testing"

	"moldau/server/wire"
)

// A Fetch that waits, perhaps for hours, keeps nothing of its frame, whatever tags are in
// it that nobody knows; nor does its memory when it serves the next.
func TestFetchThatWaitsKeepsNoFrame(t *testing.T) {
	const conns, tagBytes = 8, 16 << 20
	b := start(t)
	createTopic(b.Dial(), t, "t", 1)
	req := fetchFrom(12, "t", 0, 0)
	req.MaxWaitMillis = 1 << 30
	tag := make([]byte, tagBytes)
	req.UnknownTags.Set(1000, tag)
	req.Topics[0].UnknownTags.Set(1000, tag[:1<<10])
	runtime.GC()
	runtime.GC() // what pools had lives for one more
	before, frames := heapBytes(), b.Server().Counters().Frames
	for range conns {
		b.Dial().Send(req)
	}
	until(t, b, "all are received", func(n wire.Counters) bool { return n.Frames-frames == conns })
	for ctx := contextFor(t); heapBytes() > before+conns*tagBytes/2; runtime.GC() {
		if ctx.Err() != nil {
			t.Fatalf("%d MiB live, %d before", heapBytes()>>20, before>>20)
		}
	}
	if n := b.Server().FetchWaits(); n.Bytes <= 0 || n.Refused != 0 {
		t.Errorf("waits hold %+v", n)
	}
	runtime.KeepAlive(tag)
}

// heapBytes is what lives, and what the collector has not found dead yet.
func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
