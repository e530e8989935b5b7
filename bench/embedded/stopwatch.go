package embedded

import (
	"runtime"
	"time"

	"moldau/bench/result"
	"moldau/bench/yardstick"
)

// stopwatch measures between start and stop.
type stopwatch struct {
	began       time.Time
	used        yardstick.Usage
	allocations uint64 // until start, then from there until stop
	seconds     float64
	err         error
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func (t *stopwatch) start() {
	runtime.GC() // what others left is not this one's to collect
	t.used, t.err = yardstick.Used()
	t.allocations = mallocs()
	t.began = time.Now()
}

func (t *stopwatch) elapsed() time.Duration { return time.Since(t.began) }

func (t *stopwatch) stop() {
	t.seconds = t.elapsed().Seconds()
	t.allocations = mallocs() - t.allocations
	used, err := yardstick.Used()
	if t.err == nil {
		t.err = err
	}
	t.used = used.Since(t.used)
}

// measureBlock runs a block whose operations are of so many bytes.
func measureBlock(s system, dir string, perOp int64) (result.Block, error) {
	var t stopwatch
	n, err := s.block(dir, &t)
	if err == nil {
		err = t.err
	}
	if err != nil {
		return result.Block{}, err
	}
	ops := float64(n)
	b := result.Block{StealSeconds: t.used.StealSeconds, Metrics: map[result.Metric]float64{
		result.TimePerOp:    1e6 * t.seconds / ops,
		result.CPUPerOp:     1e6 * t.used.CPUSeconds / ops,
		result.OpsPerSecond: ops / t.seconds,
		result.Allocations:  float64(t.allocations) / ops,
	}}
	if perOp > 0 {
		b.Metrics[result.BytesPerSecond] = ops * float64(perOp) / 1e6 / t.seconds
	} else {
		b.Metrics[result.Milliseconds] = 1e3 * t.seconds / ops
	}
	return b, nil
}
