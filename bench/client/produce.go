package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"moldau/bench/result"
	"moldau/bench/wire"
)

// produce keeps inFlight requests on the way on each connection. Requests go to
// the partitions in turn, perRequest of them at a time.
func produce(ctx context.Context, l Load) (Outcome, error) {
	if l.PerRequest < 1 || l.Partitions%l.PerRequest != 0 {
		return Outcome{}, fmt.Errorf("%d partitions do not divide into requests of %d", l.Partitions, l.PerRequest)
	}
	if l.Topics > 0 && l.Connections > 1 {
		return Outcome{}, errors.New("many topics are gone around on one connection")
	}
	batch, err := l.shape().Render()
	if err != nil {
		return Outcome{}, err
	}
	var requests []*wire.Produce
	topic := l.Topic
	if l.Topics > 0 {
		topic = WideTopic(topic, 0)
	}
	for first := 0; first < l.Partitions; first += l.PerRequest {
		var partitions []int32
		for p := range l.PerRequest {
			partitions = append(partitions, int32(first+p))
		}
		requests = append(requests, wire.NewProduce(topic, partitions, batch.Batch, batch.Records))
	}
	var left atomic.Int64 // requests not sent yet
	total := max(1, l.Bytes/int64(requests[0].Bytes))
	if l.Rounds > 0 {
		total = int64(l.Rounds * max(1, l.Topics) * len(requests))
	}
	left.Store(total)
	runs := make([]producing, l.Connections)
	for i := range runs { // before the clock runs: what a client does once
		if runs[i].conn, err = l.dial(ctx); err != nil {
			return Outcome{}, err
		}
		defer runs[i].conn.Close()
		runs[i].pick, runs[i].took = picker(l, requests, i), result.NewLatency()
	}
	var wait sync.WaitGroup
	start := time.Now()
	for i := range runs {
		wait.Go(func() { runs[i].run(ctx, l, start, &left) })
	}
	wait.Wait()
	r := Outcome{Seconds: time.Since(start).Seconds(), Latency: result.NewLatency()}
	for _, run := range runs {
		r.Latency.Merge(run.took.Histogram)
		r.Requests += run.acknowledged
		err = errors.Join(err, run.err)
	}
	r.Bytes, r.Records, r.Batches = r.Requests*int64(requests[0].Bytes), r.Requests*int64(requests[0].Records), r.Requests*int64(l.PerRequest)
	if l.Codec != "" {
		r.Uncompressed = r.Batches * int64(batch.Uncompressed)
	}
	return r, err
}

// framesMax is how many frames a connection has of its own. More would be out of the
// processor's caches when their turn comes: then one is changed for each request.
const framesMax = 128

// picker says what a connection sends, one after the other.
func picker(l Load, requests []*wire.Produce, offset int) func(id int32) *wire.Produce {
	if l.Topics == 0 && len(requests) > framesMax {
		own := requests[0].Clone()
		return func(id int32) *wire.Produce {
			own.Retarget(l.Topic, int32((int(id)+offset)%len(requests)*l.PerRequest))
			return own
		}
	}
	own := make([]*wire.Produce, len(requests)) // a frame holds its correlation id
	for i, r := range requests {
		own[i] = r.Clone()
	}
	if l.Topics > 0 {
		return newWide(l, own[0]).pick
	}
	return func(id int32) *wire.Produce { return own[(int(id)+offset)%len(own)] }
}

// producing is one connection's part.
type producing struct {
	conn         *wire.Conn
	pick         func(id int32) *wire.Produce
	took         *result.Latency
	acknowledged int64 // requests
	err          error
}

// sent is a request on the way.
type sent struct {
	id      int32
	request *wire.Produce
	at      time.Time
}

func (p *producing) run(ctx context.Context, l Load, start time.Time, left *atomic.Int64) {
	conn := p.conn
	// Room for inFlight-1, because the reader holds one in its hand.
	onTheWay := make(chan sent, max(0, l.InFlight-1))
	var writeErr error
	go func() {
		defer close(onTheWay)
		for id := int32(0); !l.over(start) && left.Add(-1) >= 0 && ctx.Err() == nil; id++ {
			r := p.pick(id)
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
				continue
			}
			p.acknowledged++
			p.took.Record(time.Since(s.at))
		}
	}
	p.err = errors.Join(p.err, writeErr, ctx.Err())
}
