package atscale

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

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
reads it again. Both processes need a descriptor for each: see ulimit -n. Moldau keeps
three quarters of its descriptors for the files of its logs, unless it is told by
moldau.open.files.max, as it is here, that fewer will do. relay is the limit: a goroutine
for each, with 512 bytes for what it reads, and what Go's net package holds.

Fan-out: 100 batches of 16 KiB a second go evenly to one partition, and so many
consumers wait at its end, each getting all. cpu-s/GB is for a delivered byte. A block
does so without a consumer, with half of them, and with all: cpu-second/first-half is the
CPU time that the second half adds over what the first added; 1 is linear. relay writes
what it gets to one file and sends it from there to all who wait.`,
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&c.idle, "idle", 5000, "idle `CONNECTIONS`")
			f.IntSliceVar(&c.consumers, "consumers", []int{8, 64}, "`CONSUMERS` of one log")
			f.Float64Var(&c.rate, "rate", 100, "`REQUESTS` a second that they get")
			f.DurationVar(&c.block, "block", 3*time.Second, "`TIME` that a block of fan-out counts")
			harness.Quick(f, "idle", "1000")
			harness.Quick(f, "consumers", "8")
			harness.Quick(f, "block", "1s")
		},
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			c.pool, c.session = pool(s), s
			for _, n := range c.consumers {
				if n < 2 {
					return nil, fmt.Errorf("--consumers %d: at least two, for a half of them", n)
				}
			}
			idle, err := c.planIdle()
			if err != nil {
				return nil, err
			}
			fanOut := c.planFanOut()
			if len(fanOut) > 0 {
				fanOut[0].Prepare = c.pool.Expect(system.Moldau, system.Kafka)
			}
			return append([]harness.Workload{idle}, fanOut...), nil
		},
	}
}

func (c *connections) planIdle() (harness.Workload, error) {
	forLogs, err := filesBeside(c.idle)
	if err != nil {
		return harness.Workload{}, err
	}
	w := harness.Workload{Expect: 5 * time.Second, Blocks: blocks(c.session), Row: result.Row{
		Name: fmt.Sprintf("%d idle connections", c.idle), Client: "replay", Acks: "-", Durability: "-", Headline: result.ResidentPerConn,
		Goals: []result.Goal{{System: system.Moldau, Metric: result.ResidentPerConn, AtMost: 20}},
		Notes: []string{fmt.Sprintf("moldau runs with moldau.open.files.max=%d; memory is the process's, that of the kernel's sockets is not in it", forLogs)},
	}}
	for _, name := range []string{system.Moldau, system.Kafka, system.Relay} {
		var properties []string
		if name == system.Moldau {
			properties = []string{fmt.Sprintf("moldau.open.files.max=%d", forLogs)}
		}
		w.Contestants = append(w.Contestants, harness.Contestant{System: name, Limit: system.Limit(name),
			Block: func(ctx context.Context, _ int) (result.Block, error) { return c.idleBlock(ctx, name, properties) }})
	}
	return w, nil
}

// What both processes need beside the connections: those that come and go before,
// listeners, files; and what a broker keeps for itself.
const descriptorsBeside = 200

// filesBeside is how many files its logs may have open in a broker that is to hold so
// many connections, by the limit that both processes inherit. The engine may pass that
// by a sixteenth.
func filesBeside(connections int) (int, error) {
	descriptors, err := descriptorsMax()
	if err != nil {
		return 0, err
	}
	return filesOf(descriptors, connections)
}

// descriptorsMax is how many a process may have that asks for as many as it may.
func descriptorsMax() (int, error) {
	var l unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l)
	return int(min(l.Max, math.MaxInt32)), os.NewSyscallError("getrlimit", err)
}

func filesOf(descriptors, connections int) (int, error) {
	const forLogsMin, forLogsMax = 64, 4096
	left := (descriptors - connections - descriptorsBeside) * 16 / 17
	if left < forLogsMin {
		return 0, fmt.Errorf("%d connections need ulimit -Hn %d, it is %d: raise it, or take fewer by --idle", connections, connections+descriptorsBeside+2*forLogsMin, descriptors)
	}
	return min(left, forLogsMax), nil
}

func (c *connections) idleBlock(ctx context.Context, name string, properties []string) (b result.Block, err error) {
	s, err := c.pool.Fresh(ctx, name, properties...)
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
	b.Metrics = map[result.Metric]float64{result.ResidentPerConn: (after - before) * 1000 / float64(c.idle)}
	if !system.Limit(name) { // whose binary is this command's
		b.Metrics[result.ResidentMB] = after
	}
	return b, errors.Join(err, stopped)
}

func (c *connections) planFanOut() (workloads []harness.Workload) {
	for _, n := range c.consumers {
		w := harness.Workload{Expect: 3*c.block + 4*time.Second, Row: result.Row{
			Name:   fmt.Sprintf("%d consumers of one log, %.0f batches of 16 KiB a second", n, c.rate),
			Client: "replay", Acks: "all", Durability: "os", Headline: result.CPUPerGB,
			Shape: result.Shape{RecordBytes: 1024, BatchBytes: 16384, Partitions: 1, Producers: 1, Consumers: n},
			Goals: []result.Goal{
				{System: system.Moldau, Metric: result.OfHalf, AtMost: halfMost},
				{System: system.Moldau, Metric: result.CPUPerGB, Against: system.Kafka, AtMost: 1},
			},
			Notes: []string{"cpu-s/GB is for a delivered byte, what is produced included; p50 to p99.9 are until a consumer has it"},
		}}
		for _, name := range []string{system.Moldau, system.Kafka, system.Relay} {
			w.Contestants = append(w.Contestants, harness.Contestant{System: name, Limit: system.Limit(name), WarmUp: true,
				Block: func(ctx context.Context, _ int) (result.Block, error) { return c.fanOut(ctx, name, n) }})
		}
		if c.session.WantsDurability("os") {
			workloads = append(workloads, w)
		}
	}
	return workloads
}

// halfMost is linear, and a tenth for what differs between two readings.
const halfMost = 1.1

// fanOut is a block: no consumer, half of them, then all.
func (c *connections) fanOut(ctx context.Context, name string, consumers int) (b result.Block, err error) {
	s, err := c.pool.Get(ctx, name)
	if err != nil {
		return b, err
	}
	counts := [3]int{0, consumers / 2, consumers}
	var cpu [3]float64 // seconds
	var steal float64
	for i, n := range counts {
		if b, err = c.delivered(ctx, s, n); err != nil {
			return b, err
		}
		cpu[i] = b.Metrics[result.CPUPerGB] * b.Metrics[result.MovedMB] / 1e3
		steal += b.StealSeconds
	}
	each := func(i int) float64 { return (cpu[i] - cpu[i-1]) / float64(counts[i]-counts[i-1]) }
	if first := each(1); first > 0 { // else noise was more than they cost, and a share of it means nothing
		b.Metrics[result.OfHalf] = each(2) / first
	}
	b.StealSeconds = steal
	return b, nil
}

// delivered counts what consumers got rather than what was produced, where there are
// some.
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
	produced := o
	if consumers > 0 {
		o.Bytes, o.Records, o.Latency = o.Delivered, o.Records*int64(consumers), o.Tail
	}
	if b, err = m.Block(o); err != nil {
		return b, err
	}
	if o.SendLag.Tells(99) {
		b.Metrics[result.SendLag] = o.SendLag.Ms(99)
	}
	b.Metrics[result.Offered] = c.rate
	if err := s.KeptAll(ctx, l.Topic, produced); err != nil {
		return b, err
	}
	return b, s.Delete(ctx, l.Topic)
}
