package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"moldau/bench/yardstick"
)

// block is what one system did in one turn.
type block struct {
	Operations  int64   `json:"operations"`
	Seconds     float64 `json:"seconds"`
	CPUSeconds  float64 `json:"cpuSeconds"`
	Allocations uint64  `json:"allocations"`
	Steal       float64 `json:"stealSeconds"`
}

func (b block) microseconds() float64    { return 1e6 * b.Seconds / float64(b.Operations) }
func (b block) cpuMicroseconds() float64 { return 1e6 * b.CPUSeconds / float64(b.Operations) }
func (b block) allocations() float64     { return float64(b.Allocations) / float64(b.Operations) }

// stopwatch measures between start and stop.
type stopwatch struct {
	began       time.Time
	used        yardstick.Usage
	allocations uint64
	block       block
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
	t.block.Seconds = t.elapsed().Seconds()
	t.block.Allocations = mallocs() - t.allocations
	used, err := yardstick.Used()
	if t.err == nil {
		t.err = err
	}
	used = used.Since(t.used)
	t.block.CPUSeconds, t.block.Steal = used.CPUSeconds, used.StealSeconds
}

func measureBlock(s system, dir string) (block, error) {
	var t stopwatch
	n, err := s.block(dir, &t)
	if err == nil {
		err = t.err
	}
	t.block.Operations = n
	return t.block, err
}

// profile writes a profile of the CPU until it is stopped, if name is not empty.
func profile(name string) (stop func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}
