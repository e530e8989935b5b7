package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const cleanTopic = "clean"

// clean is a client that behaves: it produces a record and consumes it, again and
// again, acks=all.
type clean struct {
	client *kgo.Client
	cancel context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	took   []time.Duration // under mu; of round trips, since begin
	errors int             // under mu
	first  error           // under mu
}

// patience is how long a round trip may take at most.
const patience = 20 * time.Second

func newClean(ctx context.Context, addr string) (*clean, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(cleanTopic), kgo.ProducerLinger(0), kgo.RecordDeliveryTimeout(patience),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{cleanTopic: {0: kgo.NewOffset().At(0)}}), kgo.FetchMaxWait(500*time.Millisecond))
	if err != nil {
		return nil, err
	}
	if created, err := kadm.NewClient(cl).CreateTopic(ctx, 1, 1, nil, cleanTopic); err != nil || created.Err != nil {
		cl.Close()
		return nil, fmt.Errorf("create the clean client's topic: %w, %w", err, created.Err)
	}
	c := &clean{client: cl, ended: make(chan struct{})}
	if err := c.roundTrip(ctx, 0); err != nil { // the first has connections to make
		cl.Close()
		return nil, err
	}
	ctx, c.cancel = context.WithCancel(ctx)
	go c.run(ctx)
	return c, nil
}

func (c *clean) close() {
	c.cancel()
	c.client.Close() // ends what waits for a broker that has gone
	<-c.ended
}

func (c *clean) run(ctx context.Context) {
	defer close(c.ended)
	for n := uint64(1); ctx.Err() == nil; n++ {
		start := time.Now()
		err := c.roundTrip(ctx, n)
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		if c.took = append(c.took, time.Since(start)); err != nil {
			c.errors++
			if c.first == nil {
				c.first = err
			}
		}
		c.mu.Unlock()
		if err != nil {
			return // the order is lost with it
		}
		_ = pause(ctx, time.Millisecond)
	}
}

// roundTrip produces record n and consumes it.
func (c *clean) roundTrip(ctx context.Context, n uint64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	value := binary.BigEndian.AppendUint64(make([]byte, 0, 100), n)[:100]
	if err := c.client.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	for {
		fetches := c.client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("fetch: %w", err)
		}
		records := fetches.Records()
		for _, r := range records {
			if got := binary.BigEndian.Uint64(r.Value); got != n || uint64(r.Offset) != n {
				return fmt.Errorf("record %d came at offset %d in place of %d", got, r.Offset, n)
			}
		}
		if len(records) > 0 {
			return nil
		}
	}
}

// versions is the highest version of each key that the broker has.
func (c *clean) versions(ctx context.Context) (map[int16]int16, error) {
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, c.client)
	if err != nil {
		return nil, err
	}
	versions := map[int16]int16{}
	for _, k := range resp.ApiKeys {
		versions[k.ApiKey] = k.MaxVersion
	}
	return versions, nil
}

func (c *clean) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = c.took[:0]
}

// summary is how the client fared since begin, times in milliseconds.
type summary struct {
	p50, p99, max float64
	done, errors  int
	first         error
}

func (c *clean) summary() summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := summary{done: len(c.took), errors: c.errors, first: c.first}
	if s.done == 0 {
		return s
	}
	sorted := slices.Sorted(slices.Values(c.took))
	at := func(part float64) float64 {
		return float64(sorted[int(part*float64(s.done-1))].Microseconds()) / 1000
	}
	s.p50, s.p99, s.max = at(0.5), at(0.99), at(1)
	return s
}
