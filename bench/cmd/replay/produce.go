package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"moldau/bench/wire"
)

// produce keeps inFlight requests on the way on each connection. Requests go to
// the partitions in turn, perRequest of them at a time.
func produce(ctx context.Context, l load) (result, error) {
	if l.perRequest < 1 || l.partitions%l.perRequest != 0 {
		return result{}, fmt.Errorf("%d partitions do not divide into requests of %d", l.partitions, l.perRequest)
	}
	batch, records := wire.Batch(l.recordBytes, l.batchBytes)
	var requests []*wire.Produce
	for first := 0; first < l.partitions; first += l.perRequest {
		var partitions []int32
		for p := range l.perRequest {
			partitions = append(partitions, int32(first+p))
		}
		requests = append(requests, wire.NewProduce(l.topic, partitions, batch, records))
	}
	var left atomic.Int64 // requests not sent yet
	total := max(1, l.bytes/int64(requests[0].Bytes))
	left.Store(total)
	runs := make([]producing, l.connections)
	var wait sync.WaitGroup
	start := time.Now()
	for i := range runs {
		wait.Go(func() { runs[i].run(ctx, l, requests, i, &left) })
	}
	wait.Wait()
	r := result{Requests: total, Seconds: time.Since(start).Seconds()}
	r.Bytes, r.Records = total*int64(requests[0].Bytes), total*int64(requests[0].Records)
	var all latencies
	var err error
	for _, run := range runs {
		all = append(all, run.took...)
		err = errors.Join(err, run.err)
	}
	all.into(&r)
	return r, err
}

// producing is one connection's part.
type producing struct {
	took latencies
	err  error
}

// sent is a request on the way.
type sent struct {
	id      int32
	request *wire.Produce
	at      time.Time
}

func (p *producing) run(ctx context.Context, l load, requests []*wire.Produce, offset int, left *atomic.Int64) {
	conn, err := wire.Dial(ctx, l.addr)
	if err != nil {
		p.err = err
		return
	}
	defer conn.Close()
	own := make([]*wire.Produce, len(requests))
	for i, r := range requests {
		own[i] = r.Clone()
	}
	// Room for inFlight-1, because the reader holds one in its hand.
	onTheWay := make(chan sent, max(0, l.inFlight-1))
	var writeErr error
	go func() {
		defer close(onTheWay)
		for id := int32(0); left.Add(-1) >= 0 && ctx.Err() == nil; id++ {
			r := own[(int(id)+offset)%len(own)]
			s := sent{id, r, time.Now()}
			if writeErr = r.Send(conn, id); writeErr != nil {
				return
			}
			onTheWay <- s
		}
	}()
	for s := range onTheWay {
		if p.err == nil {
			if p.err = s.request.Receive(conn, s.id); p.err != nil {
				conn.Close() // wakes the writer
			}
			p.took = append(p.took, time.Since(s.at))
		}
	}
	p.err = errors.Join(p.err, writeErr, ctx.Err())
}
