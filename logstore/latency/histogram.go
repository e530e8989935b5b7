package latency

import (
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	// Buckets is how many buckets have an upper bound. One more is for all that
	// took longer.
	Buckets = 18

	first = 50 * time.Microsecond
)

// Bound is the longest duration that bucket i counts, for i below [Buckets].
func Bound(i int) time.Duration { return first << i }

// Histogram counts durations. The zero value is ready for use, by any number of
// goroutines at once.
type Histogram struct {
	buckets [Buckets + 1]atomic.Int64
	sum     atomic.Int64 // in ns
}

// Observe counts one duration. A negative one, of a clock that was set back,
// counts as none.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	h.buckets[bucketOf(d)].Add(1)
	h.sum.Add(int64(d))
}

func bucketOf(d time.Duration) int {
	return min(bits.Len64(uint64(max(d-1, 0)/first)), Buckets)
}

// Snapshot is what a [Histogram] had counted at one moment.
type Snapshot struct {
	// Buckets counts the durations of each bucket by itself, longer ones than the
	// last [Bound] in the last.
	Buckets [Buckets + 1]int64
	// Sum is that of all durations. It is read after the buckets, and may hold a
	// few more.
	Sum time.Duration
}

// Snapshot reads the histogram while others go on.
func (h *Histogram) Snapshot() Snapshot {
	var s Snapshot
	for i := range h.buckets {
		s.Buckets[i] = h.buckets[i].Load()
	}
	s.Sum = time.Duration(h.sum.Load())
	return s
}

// Count is how many durations were observed.
func (s *Snapshot) Count() int64 {
	var n int64
	for _, b := range s.Buckets {
		n += b
	}
	return n
}
