package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"moldau/bench/wire"
	"moldau/bench/yardstick"
)

// batchesPerRequest is the shape of the requests that are compared.
const batchesPerRequest = 6

// requestsFor is one request for every group of that many partitions; the last of
// each topic may have fewer.
func requestsFor(partitions, perTopic, perRequest int, batch []byte, records int) []*wire.Produce {
	var requests []*wire.Produce
	for topic := range partitions / perTopic {
		for first := 0; first < perTopic; first += perRequest {
			var numbers []int32
			for p := first; p < min(first+perRequest, perTopic); p++ {
				numbers = append(numbers, int32(p))
			}
			requests = append(requests, wire.NewProduce(topicName(topic), numbers, batch, records))
		}
	}
	return requests
}

// drive sends so many requests, in turn, several at a time on each connection.
func drive(ctx context.Context, addr string, o options, requests []*wire.Produce, count int) error {
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, o.connections)
	// A frame holds its correlation id, so each connection has requests of its own.
	for c := range o.connections {
		group.Go(func() {
			conn, err := wire.Dial(ctx, addr)
			if err != nil {
				failed <- err
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
			own := requests
			if o.connections > 1 {
				own = nil
				for i := c; i < len(requests); i += o.connections {
					own = append(own, requests[i])
				}
			}
			failed <- send(conn, own, &next, int64(count), o.inFlight)
		})
	}
	group.Wait()
	var err error
	for range o.connections {
		err = errors.Join(err, <-failed)
	}
	return err
}

// send keeps inFlight requests on the way until count were sent by all.
func send(conn *wire.Conn, requests []*wire.Produce, next *atomic.Int64, count int64, inFlight int) error {
	sent := make(chan *wire.Produce, max(inFlight-1, 0))
	var writeErr error
	go func() {
		defer close(sent)
		for id := 0; next.Add(1) <= count; id++ {
			r := requests[id%len(requests)]
			if writeErr = r.Send(conn, int32(id)); writeErr != nil {
				return
			}
			sent <- r
		}
	}()
	var err error
	id := int32(0)
	for r := range sent {
		if err == nil {
			if err = r.Receive(conn, id); err != nil {
				conn.Close() // wakes the writer
			}
		}
		id++
	}
	return errors.Join(err, writeErr)
}

// contender is a broker with its partitions.
type contender struct {
	*system
	partitions, perTopic int
	rates, cpuSeconds    []float64 // of the row being measured: bytes/s, and for a GB
}

// compare produces to brokers of few and of many partitions, block by block.
func compare(ctx context.Context, o options, l *limits, durability string) error {
	dir, err := os.MkdirTemp(o.dir, durability)
	if err != nil {
		return err
	}
	few := &contender{partitions: o.few, perTopic: min(o.few, o.perTopic)}
	many := &contender{partitions: o.partitions, perTopic: o.perTopic}
	both := []*contender{few, many}
	for i, c := range both {
		if c.system, err = launch(ctx, o, filepath.Join(dir, fmt.Sprint(i)), durability); err != nil {
			return err
		}
		defer c.Kill()
		if err := c.createTopics(ctx, c.partitions, c.perTopic); err != nil {
			return err
		}
	}
	for _, kib := range []int{16, 1} {
		if err := measure(ctx, o, kib, both); err != nil {
			return err
		}
		ratios := make([]float64, o.blocks)
		for i := range ratios {
			ratios[i] = many.rates[i] / few.rates[i]
		}
		verdict := ""
		if yardstick.Median(ratios) < 0.7 {
			verdict = ", MISSED"
			l.failed++
		}
		fmt.Printf("%s, %d batches of %d KiB a request: %d partitions %.0f MB/s, %.2f CPU-s/GB, %d partitions %.0f MB/s, %.2f CPU-s/GB: %.2f (%.2f to %.2f; at least 0.7%s)\n",
			durability, batchesPerRequest, kib, few.partitions, yardstick.Median(few.rates)/1e6, yardstick.Median(few.cpuSeconds),
			many.partitions, yardstick.Median(many.rates)/1e6, yardstick.Median(many.cpuSeconds),
			yardstick.Median(ratios), slices.Min(ratios), slices.Max(ratios), verdict)
	}
	resident, err := yardstick.Resident(many.PID())
	if err != nil {
		return err
	}
	l.atMost(fmt.Sprintf("resident then, %d partitions", many.partitions), float64(resident.All)/1e6, 200, "MB")
	for _, c := range both {
		if _, err := c.stop(); err != nil {
			return err
		}
	}
	return nil
}

// measure fills in the contenders' figures of one row. What is sent first is not
// counted: it opens and extends what a block writes to.
func measure(ctx context.Context, o options, kib int, both []*contender) error {
	batch, records := wire.Batch(1000, kib<<10)
	bytes := o.blockMB * 1e6
	if kib == 1 {
		bytes /= 16
	}
	for _, c := range both {
		c.rates, c.cpuSeconds = nil, nil
	}
	for block := -1; block < o.blocks; block++ {
		for _, c := range both {
			requests := requestsFor(c.partitions, c.perTopic, batchesPerRequest, batch, records)
			count := int(bytes) / (batchesPerRequest * len(batch))
			if block < 0 {
				count = len(requests)
			}
			before, err := c.cpu()
			if err != nil {
				return err
			}
			began := time.Now()
			if err := drive(ctx, c.Addr(), o, requests, count); err != nil {
				return err
			}
			took := time.Since(began)
			after, err := c.cpu()
			if err != nil {
				return err
			}
			if block >= 0 {
				c.rates = append(c.rates, float64(bytes)/took.Seconds())
				c.cpuSeconds = append(c.cpuSeconds, (after-before)/float64(bytes)*1e9)
			}
		}
	}
	return nil
}
