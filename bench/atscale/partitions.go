package atscale

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

const (
	hundred   = 100 // partitions beside which others are measured, and of a topic
	perBlock  = 3   // turns of a row, unless told otherwise
	kafkaMost = 1000
)

// partitions is the scenario's parameters.
type partitions struct {
	pool    *system.Pool
	session *harness.Session

	counts   []int
	perTopic int
	mb       int64
	blockMax time.Duration

	descriptors int // that a process may have
}

// Partitions is what many of them cost.
func Partitions(pool func(*harness.Session) *system.Pool) harness.Scenario {
	p := &partitions{}
	return harness.Scenario{
		Name:    "partitions",
		Summary: "1 to 10,000 partitions on one broker: creation, first batches, memory, rate beside that of 100",
		Help: `A block starts a broker, has it create so many partitions in topics of at most 100,
ten topics a request, and waits until every one answers (create-s), has it acknowledge
one batch of a record of 1 KiB in each, at most 100 a request (first-batches-s), reads
its resident memory, and, of Moldau, what lives of its heap after a collection, then
produces to all in turn, 10 batches a request, five requests
in flight, and to a topic of 100 partitions, A B B A: batches of 16 KiB, then of 1 KiB.
p50 to p99.9 are of requests of 16 KiB batches to all, from sending. At last it is
closed cleanly (close-s) and started again (start-s).

spread is the limit, a program that has a file for each partition: create-s is by how
much longer it takes to acknowledge the first batch of each, for which it makes them, than
the second, whose time is first-batches-s. In synced rows ingest-synced is the limit of
what is produced: it writes all to one file, which it syncs for all who wait.

Kafka has up to 1,000 partitions, all with --full, or where --systems names it: 10,000
take it some minutes. Who has not done a block after --block-max ends the run.`,
		Flags: func(f *pflag.FlagSet) {
			f.IntSliceVar(&p.counts, "count", []int{1, 10, 100, 1000, 10_000}, "`PARTITIONS`")
			f.IntVar(&p.perTopic, "per-topic", hundred, "`PARTITIONS` of a topic at most; Kafka refuses to create very many at once")
			f.Int64Var(&p.mb, "mb", 256, "`MB` that each measurement of rate moves; a sixteenth in batches of 1 KiB")
			f.DurationVar(&p.blockMax, "block-max", 15*time.Minute, "`TIME` that a block may take")
			harness.Quick(f, "count", "100,10000")
			harness.Quick(f, "mb", "64")
		},
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			p.pool, p.session = pool(s), s
			var err error
			if p.descriptors, err = descriptorsMax(); err != nil {
				return nil, err
			}
			for _, n := range p.counts {
				if n < 1 || n > p.perTopic && n%p.perTopic != 0 {
					return nil, fmt.Errorf("%d partitions do not divide into topics of %d", n, p.perTopic)
				}
			}
			return p.plan(), nil
		},
	}
}

func (p *partitions) plan() (workloads []harness.Workload) {
	for _, durability := range []string{"os", "synced"} {
		if !p.session.WantsDurability(durability) {
			continue
		}
		for _, n := range p.counts {
			workloads = append(workloads, p.row(n, durability))
		}
	}
	return workloads
}

func (p *partitions) row(n int, durability string) harness.Workload {
	w := harness.Workload{Blocks: blocks(p.session), Row: result.Row{
		Name: p.name(n), Client: "replay", Acks: "all", Durability: durability, Headline: result.CreateSeconds,
		Shape: result.Shape{RecordBytes: 1024, BatchBytes: 16384, Partitions: n, Producers: 1},
	}}
	if n == 10_000 {
		w.Row.Goals = []result.Goal{
			{System: system.Moldau, Metric: result.CreateSeconds, AtMost: 2},
			{System: system.Moldau, Metric: result.FirstSeconds, AtMost: 2},
			{System: system.Moldau, Metric: result.ResidentMB, AtMost: 200},
			{System: system.Moldau, Metric: result.HeapPerLog, AtMost: 10_000},
			{System: system.Moldau, Metric: result.OfHundred, AtLeast: 0.7},
			{System: system.Moldau, Metric: result.OfHundredSmall, AtLeast: 0.7},
		}
	}
	for _, name := range []string{system.Moldau, system.Kafka} {
		// Asked for by name it is there, however long it takes.
		if name == system.Kafka && n > kafkaMost && !p.session.Full && !slices.Contains(p.session.Systems, name) {
			continue
		}
		w.Contestants = append(w.Contestants, harness.Contestant{System: name, Expect: p.expect(name, n),
			Block: p.inTime(func(ctx context.Context) (result.Block, error) { return p.block(ctx, name, n, durability == "synced") })})
	}
	limit := system.Spread
	if durability == "synced" {
		limit = system.IngestSynced
	}
	if limit == system.Spread && !spreadFits(p.descriptors, n) {
		w.Row.Notes = append(w.Row.Notes, fmt.Sprintf("%s is left out: %d descriptors are too few for a file of each partition", limit, p.descriptors))
		return w
	}
	w.Contestants = append(w.Contestants, harness.Contestant{System: limit, Limit: true, Expect: p.expect(limit, n),
		Block: p.inTime(func(ctx context.Context) (result.Block, error) { return p.bare(ctx, limit, n) })})
	return w
}

// spreadFits tells whether a program may have a file open for each partition, and for
// the hundred beside.
func spreadFits(descriptors, partitions int) bool {
	return descriptors >= partitions+hundred+descriptorsBeside
}

// inTime is a block that may not last longer than --block-max.
func (p *partitions) inTime(block func(context.Context) (result.Block, error)) func(context.Context, int) (result.Block, error) {
	return func(ctx context.Context, _ int) (result.Block, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, p.blockMax, fmt.Errorf("%w: %v (--block-max)", errTooLong, p.blockMax))
		defer cancel()
		b, err := block(ctx)
		if err != nil && ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
		return b, err
	}
}

var errTooLong = errors.New("a block takes too long")

// expect is how long a block may take.
func (p *partitions) expect(name string, n int) time.Duration {
	moved := time.Duration(p.mb) * 16 * time.Millisecond // twice to each, and some in small batches
	if name == system.Kafka {
		return 8*time.Second + 3*moved + time.Duration(n)*20*time.Millisecond
	}
	return 2*time.Second + moved + time.Duration(n)*1500*time.Microsecond
}

func (p *partitions) name(n int) string {
	if n > hundred && p.perTopic != hundred {
		return fmt.Sprintf("%d partitions, %d of a topic", n, p.perTopic)
	}
	return fmt.Sprintf("%d partitions", n)
}

// blocks are fewer than elsewhere: each begins with a broker's start.
func blocks(s *harness.Session) int {
	switch {
	case s.Blocks > 0:
		return s.Blocks
	case s.Quick:
		return 1
	}
	return perBlock
}

// block is the life of one broker.
func (p *partitions) block(ctx context.Context, name string, n int, synced bool) (b result.Block, err error) {
	s, err := p.pool.Fresh(ctx, name)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, s.End()) }()
	m, few := p.both(s.System, n)
	t := system.Topic{Partitions: m.partitions, Synced: synced}
	heapBefore, _, err := s.Heap(ctx)
	if err != nil {
		return b, err
	}
	before, err := s.Resident()
	if err != nil {
		return b, err
	}
	start := time.Now()
	if err := s.CreateWide(ctx, m.prefix, m.topics, t); err != nil {
		return b, err
	}
	created := time.Since(start).Seconds()
	_, o, err := m.produce(ctx, m.partitions, 1, 0)
	if err != nil {
		return b, err
	}
	resident, err := s.Resident()
	if err != nil {
		return b, err
	}
	heap, heapKnown, err := s.Heap(ctx)
	if err != nil {
		return b, err
	}
	t.Partitions = hundred
	if err := s.CreateWide(ctx, few.prefix, 1, t); err != nil {
		return b, err
	}
	if system.JVM(name) { // it is new, and would get faster from phase to phase
		if _, _, err := few.produce(ctx, 10, 16384, 2*p.mb*1e6); err != nil {
			return b, err
		}
	}
	large, small, b, err := p.shares(ctx, m, few)
	if err != nil {
		return b, err
	}
	closing, starting, err := s.Again(ctx)
	if err != nil {
		return b, err
	}
	b.Metrics[result.CloseSeconds], b.Metrics[result.StartSeconds] = closing.Seconds(), starting.Seconds()
	if heapKnown {
		b.Metrics[result.HeapPerLog] = (heap - heapBefore) * 1e6 / float64(n)
	}
	b.Metrics[result.CreateSeconds], b.Metrics[result.FirstSeconds] = created, o.Seconds
	b.Metrics[result.ResidentMB] = resident
	b.Metrics[result.ResidentPerPart] = (resident - before) * 1000 / float64(n)
	b.Metrics[result.OfHundred], b.Metrics[result.OfHundredSmall] = large, small
	return b, nil
}

// both are what is measured, and the hundred beside which it is.
func (p *partitions) both(s *system.System, n int) (m, few *many) {
	each := min(n, p.perTopic)
	return &many{s, p.session.ClientCPUs, "many", n / each, each}, &many{s, p.session.ClientCPUs, "hundred", 1, hundred}
}

// bare is a limit program's block: the same requests to produce, in the same order.
func (p *partitions) bare(ctx context.Context, name string, n int) (b result.Block, err error) {
	s, err := p.pool.Fresh(ctx, name)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, s.End()) }()
	m, few := p.both(s.System, n)
	var seconds [2]float64 // that the first, and the second, batch of each takes
	for i := range seconds {
		_, o, err := m.produce(ctx, m.partitions, 1, 0)
		if err != nil {
			return b, err
		}
		seconds[i] = o.Seconds
	}
	large, small, b, err := p.shares(ctx, m, few)
	if err != nil {
		return b, err
	}
	b.Metrics[result.FirstSeconds] = seconds[1]
	if name == system.Spread { // to one file, it is the same work
		b.Metrics[result.CreateSeconds] = max(0, seconds[0]-seconds[1])
		b.Metrics[result.OfHundred], b.Metrics[result.OfHundredSmall] = large, small
	}
	return b, nil
}

// shares are those of batches of 16 KiB, whose figures b has, and of 1 KiB.
func (p *partitions) shares(ctx context.Context, m, few *many) (large, small float64, b result.Block, err error) {
	if large, b, err = p.share(ctx, m, few, 16384, p.mb*1e6); err != nil {
		return 0, 0, b, err
	}
	small, _, err = p.share(ctx, m, few, 1, p.mb*1e6/16)
	return large, small, b, err
}

// share is the rate of requests to many partitions over that to a hundred, with the
// first half of the one, both halves of the other, and the second half of the one.
func (p *partitions) share(ctx context.Context, m, few *many, batchBytes int, bytes int64) (ratio float64, b result.Block, err error) {
	perRequest := min(m.partitions, 10)
	var seconds [2]float64
	var steal float64
	latency := result.NewLatency()
	both := []*many{m, few}
	for _, one := range both { // the first round opens, and extends, what is written to
		if _, _, err := one.produce(ctx, min(one.partitions, 10), batchBytes, 0); err != nil {
			return 0, b, err
		}
	}
	for _, to := range []int{0, 1, 1, 0} {
		which := both[to]
		block, o, err := which.produce(ctx, perRequest, batchBytes, bytes/2)
		if err != nil {
			return 0, b, err
		}
		seconds[to] += o.Seconds * float64(bytes) / float64(2*o.Bytes)
		steal += block.StealSeconds
		if to == 0 {
			b = block
			latency.Merge(o.Latency.Histogram)
		}
	}
	b.Latency, b.StealSeconds = latency, steal
	latency.Into(b.Metrics)
	return seconds[1] / seconds[0], b, nil
}

// many are topics with partitions.
type many struct {
	system             *system.System
	cpus, prefix       string
	topics, partitions int
}

// produce goes around all partitions until so many bytes were produced, or once.
func (m *many) produce(ctx context.Context, perRequest, batchBytes int, bytes int64) (result.Block, client.Outcome, error) {
	l := client.Load{Kind: client.Produce, Topic: m.prefix, Topics: m.topics, Partitions: m.partitions, PerRequest: perRequest,
		RecordBytes: 1024, BatchBytes: batchBytes, Bytes: bytes, Rounds: 1}
	if bytes > 0 {
		l.Rounds = 0
	}
	return m.system.Measure(ctx, m.cpus, l)
}
