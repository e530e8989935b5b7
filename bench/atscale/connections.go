package atscale

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

// connections is the scenario's parameters.
type connections struct {
	pool    *system.Pool
	session *harness.Session

	idle      int
	consumers []int
	rate      float64
	block     time.Duration
}

// Connections is what they cost: those that do nothing, and those that read the
// same.
func Connections(pool func(*harness.Session) *system.Pool) harness.Scenario {
	c := &connections{}
	return harness.Scenario{
		Name:    "connections",
		Summary: "memory of 5,000 idle connections, and 1 to 64 consumers at the end of one log",
		Help: `Idle: a block starts a broker, has 100 connections come and go, reads its resident
memory, opens the connections, each with one Metadata and one Fetch answered, and
reads it again. Both processes need a descriptor for each: see ulimit -n.

Fan-out: 100 batches of 16 KiB a second go evenly to one partition, and so many
consumers wait at its end, each getting all. cpu-s/GB is for a delivered byte,
cpu-of-one-consumer's over that of a single consumer in the same block: 1 is linear.`,
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&c.idle, "idle", 5000, "idle `CONNECTIONS`")
			f.IntSliceVar(&c.consumers, "consumers", []int{8, 64}, "`CONSUMERS` of one log")
			f.Float64Var(&c.rate, "rate", 100, "`REQUESTS` a second that they get")
			f.DurationVar(&c.block, "block", 3*time.Second, "`TIME` that a block of fan-out counts")
			harness.Quick(f, "idle", "1000")
			harness.Quick(f, "block", "1s")
		},
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			c.pool, c.session = pool(s), s
			return append([]harness.Workload{c.planIdle()}, c.planFanOut()...), nil
		},
	}
}

func (c *connections) planIdle() harness.Workload {
	w := harness.Workload{Expect: 6 * time.Second, Blocks: blocks(c.session), Row: result.Row{
		Name: fmt.Sprintf("%d idle connections", c.idle), Client: "replay", Acks: "-", Durability: "-", Headline: result.ResidentPerConn,
		Goals: []result.Goal{{System: system.Moldau, Metric: result.ResidentPerConn, AtMost: 20}},
	}}
	for _, name := range []string{system.Moldau, system.Kafka} {
		w.Contestants = append(w.Contestants, harness.Contestant{System: name,
			Block: func(ctx context.Context, _ int) (result.Block, error) { return c.idleBlock(ctx, name) }})
	}
	return w
}

func (c *connections) idleBlock(ctx context.Context, name string) (b result.Block, err error) {
	s, err := c.pool.Fresh(ctx, name)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, s.End()) }()
	topic, err := s.Create(ctx, system.Topic{Partitions: 1})
	if err != nil {
		return b, err
	}
	one := client.Load{Kind: client.Produce, Topic: topic, Partitions: 1, PerRequest: 1, BatchBytes: 1, Bytes: 1}
	if _, _, err := s.Measure(ctx, c.session.ClientCPUs, one); err != nil {
		return b, err
	}
	l := client.Load{Kind: client.Idle, Addr: s.Addr(), Topic: topic, Connections: 100}
	if _, err := client.Run(ctx, c.session.ClientCPUs, l); err != nil {
		return b, err
	}
	before, err := s.Resident()
	if err != nil {
		return b, err
	}
	l.Connections, l.Held = c.idle, true
	held, err := client.Start(ctx, c.session.ClientCPUs, l)
	if err != nil {
		return b, err
	}
	err = held.AtWork()
	var after float64
	if err == nil {
		after, err = s.Resident()
	}
	_, stopped := held.Stop()
	b.Metrics = map[result.Metric]float64{
		result.ResidentPerConn: (after - before) * 1000 / float64(c.idle),
		result.ResidentMB:      after,
	}
	return b, errors.Join(err, stopped)
}

func (c *connections) planFanOut() (workloads []harness.Workload) {
	for _, n := range c.consumers {
		w := harness.Workload{Expect: 2*c.block + 3*time.Second, Row: result.Row{
			Name:   fmt.Sprintf("%d consumers of one log, %.0f batches of 16 KiB a second", n, c.rate),
			Client: "replay", Acks: "all", Durability: "os", Headline: result.CPUPerGB,
			Shape: result.Shape{RecordBytes: 1024, BatchBytes: 16384, Partitions: 1, Producers: 1, Consumers: n},
			Goals: []result.Goal{
				{System: system.Moldau, Metric: result.OfOneConsumer, AtMost: 1},
				{System: system.Moldau, Metric: result.CPUPerGB, Against: system.Kafka, AtMost: 1},
			},
			Notes: []string{"cpu-s/GB is for a delivered byte, what is produced included; p50 to p99.9 are until a consumer has it"},
		}}
		for _, name := range []string{system.Moldau, system.Kafka} {
			w.Contestants = append(w.Contestants, harness.Contestant{System: name, WarmUp: true,
				Block: func(ctx context.Context, _ int) (result.Block, error) { return c.fanOut(ctx, name, n) }})
		}
		if c.session.WantsDurability("os") {
			workloads = append(workloads, w)
		}
	}
	return workloads
}

// fanOut is a block: one consumer, then all.
func (c *connections) fanOut(ctx context.Context, name string, consumers int) (b result.Block, err error) {
	s, err := c.pool.Get(ctx, name)
	if err != nil {
		return b, err
	}
	one, err := c.delivered(ctx, s, 1)
	if err != nil {
		return b, err
	}
	if b, err = c.delivered(ctx, s, consumers); err != nil {
		return b, err
	}
	b.Metrics[result.OfOneConsumer] = b.Metrics[result.CPUPerGB] / one.Metrics[result.CPUPerGB]
	b.StealSeconds += one.StealSeconds
	return b, nil
}

// delivered counts what consumers got rather than what was produced.
func (c *connections) delivered(ctx context.Context, s *system.System, consumers int) (b result.Block, err error) {
	const settleSeconds = 0.3
	l := client.Load{Kind: client.OpenLoopProduce, Addr: s.Addr(), Partitions: 1, PerRequest: 1, RecordBytes: 1024, BatchBytes: 16384,
		Seconds: c.block.Seconds() + settleSeconds, OpenLoop: client.OpenLoop{PerSecond: c.rate, Consumers: consumers, SettleSeconds: settleSeconds}}
	if l.Topic, err = s.Create(ctx, system.Topic{Partitions: 1}); err != nil {
		return b, err
	}
	m, err := s.Meter()
	if err != nil {
		return b, err
	}
	o, err := client.Run(ctx, c.session.ClientCPUs, l)
	if err != nil {
		return b, fmt.Errorf("%s: %w", s.Name, err)
	}
	o.Bytes, o.Records, o.Latency = o.Delivered, o.Records*int64(consumers), o.Tail
	if b, err = m.Block(o); err != nil {
		return b, err
	}
	if o.SendLag != nil && o.SendLag.TotalCount() > 0 {
		b.Metrics[result.SendLag] = o.SendLag.Ms(99)
	}
	b.Metrics[result.Offered] = c.rate
	return b, s.Delete(ctx, l.Topic)
}
