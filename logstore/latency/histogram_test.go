package latency_test

import (
	"math"
	"sync"
	"testing"
	"time"

	"moldau/logstore/latency"
)

func TestDurationsFallIntoTheirBuckets(t *testing.T) {
	const last = latency.Buckets - 1
	for _, r := range []struct {
		took   time.Duration
		bucket int
	}{
		{math.MinInt64, 0}, {-1, 0}, {0, 0}, {1, 0},
		{50 * time.Microsecond, 0}, {50*time.Microsecond + 1, 1},
		{100 * time.Microsecond, 1}, {100*time.Microsecond + 1, 2},
		{time.Second, 15},
		{latency.Bound(last), last}, {latency.Bound(last) + 1, last + 1},
		{time.Hour, last + 1}, {math.MaxInt64, last + 1},
	} {
		var h latency.Histogram
		h.Observe(r.took)
		s := h.Snapshot()
		if s.Buckets[r.bucket] != 1 || s.Count() != 1 {
			t.Errorf("%v is in %v, want bucket %d", r.took, s.Buckets, r.bucket)
		}
		if s.Sum != max(r.took, 0) {
			t.Errorf("%v sums up to %v", r.took, s.Sum)
		}
		if r.bucket <= last && r.took > latency.Bound(r.bucket) {
			t.Errorf("%v is above bucket %d, which ends at %v", r.took, r.bucket, latency.Bound(r.bucket))
		}
	}
}

func TestManyObserveAtOnce(t *testing.T) {
	var h latency.Histogram
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				h.Observe(time.Millisecond)
			}
		})
	}
	all.Wait()
	if s := h.Snapshot(); s.Count() != 8000 || s.Sum != 8*time.Second {
		t.Errorf("%d observed, %v", s.Count(), s.Sum)
	}
	if n := testing.AllocsPerRun(100, func() { h.Observe(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	var h latency.Histogram
	for b.Loop() {
		h.Observe(3 * time.Millisecond)
	}
}
