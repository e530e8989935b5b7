package client

import (
	"math"
	"slices"
	"sync"
	"time"

	"moldau/bench/pace"
	"moldau/bench/result"
	"moldau/bench/wire"
)

// consume waits for batches by long-poll fetches, as a consumer at the end of a
// log does, and counts each from the time at which it was due to be produced.
func (o *openLoop) consume(conn *wire.Conn, begun <-chan struct{}) error {
	fetch := wire.NewFetch(o.Topic, slices.Repeat([]int64{math.MaxInt64}, o.Partitions), int32(o.PartitionBytesMax), o.batch, o.records)
	// A partition's batches are every so many of those that are due.
	due := make([]*pace.Share, o.Partitions)
	for p := range due {
		due[p] = pace.NewShare(o.plan(), p, o.Partitions)
	}
	taken := make([]int64, o.Partitions)
	var all int64
	fetch.OnBatches = func(partition int32, batches int64) {
		now := time.Now()
		all += batches
		for range batches {
			at := due[partition].Next()
			if taken[partition]*int64(o.Partitions)+int64(partition) < o.sent[0].Load() {
				o.tail.record(at, now.Sub(o.begin.Add(at)))
			}
			taken[partition]++
		}
	}
	if err := fetch.Send(conn, 0); err != nil {
		return err
	}
	<-begun
	for id := int32(0); ; {
		bytes, _, err := fetch.Receive(conn, id)
		if err != nil {
			return err
		}
		o.deliver.Add(bytes)
		if all > o.sent[0].Load() { // the one behind the last, too
			return nil
		}
		id++
		if err := fetch.Send(conn, id); err != nil {
			return err
		}
	}
}

// recorder takes the latencies of all connections.
type recorder struct {
	settle, window time.Duration
	mu             sync.Mutex
	all            *result.Latency
	windows        []*result.Latency // by when the request was due
}

func newRecorder(o OpenLoop) *recorder {
	return &recorder{
		settle: time.Duration(o.SettleSeconds * float64(time.Second)),
		window: time.Duration(o.WindowSeconds * float64(time.Second)),
		all:    result.NewLatency(),
	}
}

// record counts how long it took from when a request was due.
func (r *recorder) record(due, took time.Duration) {
	if due < r.settle {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.Record(took)
	if r.window <= 0 {
		return
	}
	i := int((due - r.settle) / r.window)
	for len(r.windows) <= i {
		r.windows = append(r.windows, result.NewLatency())
	}
	r.windows[i].Record(took)
}
