package client

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"moldau/bench/result"
	"moldau/bench/wire"
)

// fetch reads the topic from its beginning, again and again, one request in
// flight on each connection, as consumers do.
func fetch(ctx context.Context, l Load) (Outcome, error) {
	ends, err := endOffsets(ctx, l)
	if err != nil {
		return Outcome{}, err
	}
	batch, err := l.shape().Render()
	if err != nil {
		return Outcome{}, err
	}
	var moved, requests, got atomic.Int64
	errs := make([]error, l.Connections)
	took, conns := make([]*result.Latency, l.Connections), make([]*wire.Conn, l.Connections)
	for i := range conns { // before the clock runs
		if conns[i], err = l.dial(ctx); err != nil {
			return Outcome{}, err
		}
		defer conns[i].Close()
		took[i] = result.NewLatency()
	}
	var wait sync.WaitGroup
	start := time.Now()
	for i, conn := range conns {
		wait.Go(func() {
			f := wire.NewFetch(l.Topic, ends, int32(l.PartitionBytesMax), len(batch.Batch), batch.Records)
			for id := int32(0); moved.Load() < l.Bytes && !l.over(start) && ctx.Err() == nil; id++ {
				at := time.Now()
				if errs[i] = f.Send(conn, id); errs[i] != nil {
					return
				}
				bytes, n, err := f.Receive(conn, id)
				if err != nil {
					errs[i] = err
					return
				}
				took[i].Record(time.Since(at))
				moved.Add(bytes)
				got.Add(n)
				requests.Add(1)
			}
			errs[i] = ctx.Err()
		})
	}
	wait.Wait()
	r := Outcome{Requests: requests.Load(), Records: got.Load(), Bytes: moved.Load(), Seconds: time.Since(start).Seconds()}
	r.Batches, r.Latency = got.Load()/int64(batch.Records), result.NewLatency()
	for _, t := range took {
		r.Latency.Merge(t.Histogram)
	}
	return r, errors.Join(errs...)
}

// endOffsets are by partition.
func endOffsets(ctx context.Context, l Load) ([]int64, error) {
	if l.Ends > 0 {
		return slices.Repeat([]int64{l.Ends}, l.Partitions), nil
	}
	cl, err := l.client()
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	listed, err := kadm.NewClient(cl).ListEndOffsets(ctx, l.Topic)
	if err == nil {
		err = listed.Error()
	}
	ends := make([]int64, l.Partitions)
	listed.Each(func(o kadm.ListedOffset) {
		if int(o.Partition) < len(ends) {
			ends[o.Partition] = o.Offset
		}
	})
	return ends, err
}
