package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// collectorPercentMax is GOGC while little lives: a broker's heap is small beside
	// the frames it passes on, so at Go's default it is collected many times a second
	// for a few MiB.
	collectorPercentMax = 300
	// collectorPercentMin is GOGC while much lives, as when thousands of clients hold
	// what they can: three times that in garbage would be most of the process.
	collectorPercentMin = 100
	// collectorBytes is how much garbage there may be in between.
	collectorBytes = 64 << 20
)

// collectorPercent is GOGC for a heap of which so many bytes live.
func collectorPercent(live uint64) int {
	return int(min(max(collectorBytes*100/max(live, 1), collectorPercentMin), collectorPercentMax))
}

// tuneCollector sets GOGC by what was found to live, after every collection.
// GOGC, where it is set, wins.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectorPercentMax)
		tuneAfterCollection(collectorPercentMax)
	}
}

// tuneAfterCollection leaves an object that the next collection finds dead.
func tuneAfterCollection(percent int) {
	sentinel := new(*byte)
	runtime.AddCleanup(sentinel, func(percent int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		if live[0].Value.Kind() == metrics.KindUint64 {
			if next := collectorPercent(live[0].Value.Uint64()); next != percent {
				debug.SetGCPercent(next)
				percent = next
			}
		}
		tuneAfterCollection(percent)
	}, percent)
}
