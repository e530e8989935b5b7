package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/bench/wire"
)

// fetch reads the topic from its beginning, again and again, one request in
// flight on each connection, as consumers do.
func fetch(ctx context.Context, l load) (result, error) {
	ends, err := endOffsets(ctx, l)
	if err != nil {
		return result{}, err
	}
	batch, records := wire.Batch(l.recordBytes, l.batchBytes)
	var moved, requests, got atomic.Int64
	errs := make([]error, l.connections)
	took := make([]latencies, l.connections)
	var wait sync.WaitGroup
	start := time.Now()
	for i := range l.connections {
		wait.Go(func() {
			conn, err := wire.Dial(ctx, l.addr)
			if err != nil {
				errs[i] = err
				return
			}
			defer conn.Close()
			f := wire.NewFetch(l.topic, ends, int32(l.partitionBytesMax), len(batch), records)
			for id := int32(0); moved.Load() < l.bytes && ctx.Err() == nil; id++ {
				at := time.Now()
				if errs[i] = f.Send(conn, id); errs[i] != nil {
					return
				}
				bytes, n, err := f.Receive(conn, id)
				if err != nil {
					errs[i] = err
					return
				}
				took[i] = append(took[i], time.Since(at))
				moved.Add(bytes)
				got.Add(n)
				requests.Add(1)
			}
			errs[i] = ctx.Err()
		})
	}
	wait.Wait()
	r := result{Requests: requests.Load(), Records: got.Load(), Bytes: moved.Load(), Seconds: time.Since(start).Seconds()}
	var all latencies
	for _, t := range took {
		all = append(all, t...)
	}
	all.into(&r)
	return r, errors.Join(errs...)
}

// endOffsets are by partition.
func endOffsets(ctx context.Context, l load) ([]int64, error) {
	if l.end > 0 {
		return slices.Repeat([]int64{l.end}, l.partitions), nil
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(l.addr))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	listed, err := kadm.NewClient(cl).ListEndOffsets(ctx, l.topic)
	if err == nil {
		err = listed.Error()
	}
	ends := make([]int64, l.partitions)
	listed.Each(func(o kadm.ListedOffset) {
		if int(o.Partition) < len(ends) {
			ends[o.Partition] = o.Offset
		}
	})
	return ends, err
}
