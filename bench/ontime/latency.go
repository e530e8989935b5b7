package ontime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
	"moldau/bench/yardstick"
)

// arrival is how requests come in.
type arrival struct {
	name    string
	poisson bool
}

var arrivals = []arrival{{"evenly", false}, {"Poisson", true}}

// latency is the scenario's parameters.
type latency struct {
	pool    *system.Pool
	session *harness.Session

	shares      []int // of Kafka's saturation, in percent
	rate        float64
	connections int
	block       time.Duration
	// saturation is Kafka's, by durability, once it was measured.
	saturation map[string]float64
}

// shape is that of the requests, and of those by which saturation is measured.
var shape = client.Load{Partitions: 6, PerRequest: 1, RecordBytes: 1024, BatchBytes: 16384}

// Latency is latency at given rates.
func Latency(pool func(*harness.Session) *system.Pool) harness.Scenario {
	l := &latency{saturation: map[string]float64{}}
	return harness.Scenario{
		Name:    "latency",
		Summary: "latency at 10, 50 and 80 % of what Kafka can do, counted from when a request was due, and end to end",
		Help: `First Kafka's saturation is measured: requests of one batch of 16 KiB to six
partitions in turn, five in flight on each of four connections (Kafka takes the next
request of a connection only when it has answered the one before), as many as go, for
each durability. Then the same requests are sent at shares of that rate, evenly and as
a Poisson process, whose gaps are the same for all systems of a turn. A block has a
topic of its own; its first half second, in which connections and files are new, is
not counted. It lasts until eleven requests may lie beyond the p99.9, but no longer
than 20 seconds: with fewer than ten, a percentile is not told. A latency counts from the time at which the request was due, so that a
slow answer does not spare the broker those behind it.

echo is a program that does nothing but receive, check the CRC, write to a file and
acknowledge: the floor, by the same client. In synced rows all its connections append to
one file, and share the syncs that they wait for.

The last rows are end to end: 1,000 requests of one record a second to one
partition, each counted until a consumer that waits at the log's end has it. relay is the
floor of those that are not synced: it hands on what it wrote to a file.`,
		Flags: func(f *pflag.FlagSet) {
			f.Float64Var(&l.rate, "rate", 0, "`REQUESTS` a second to take for Kafka's saturation, instead of measuring it")
			f.IntSliceVar(&l.shares, "share", []int{10, 50, 80}, "`PERCENT` of Kafka's saturation")
			f.IntVar(&l.connections, "connections", 4, "`CONNECTIONS` that the requests take turns on; not of the rows end to end, which have one")
			f.DurationVar(&l.block, "block", 5*time.Second, "`TIME` that a block counts, at least")
			harness.Quick(f, "block", "1s")
			harness.Quick(f, "share", "50")
		},
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			l.pool, l.session = pool(s), s
			if l.rate == 0 && !s.Wants(system.Kafka, false) {
				return nil, fmt.Errorf("without %s its saturation cannot be measured: give --rate", system.Kafka)
			}
			if l.connections < 1 {
				return nil, errors.New("at least one connection")
			}
			rows := l.plan()
			if len(rows) > 0 {
				rows[0].Prepare = l.pool.Expect(system.Moldau, system.Kafka) + 10*time.Second // and saturation
			}
			return rows, nil
		},
	}
}

func (l *latency) plan() (workloads []harness.Workload) {
	for _, durability := range durabilities(l.session) {
		for _, share := range l.shares {
			for _, a := range arrivals {
				if l.session.Quick && !a.poisson {
					continue
				}
				workloads = append(workloads, l.atShare(durability, share, a))
			}
		}
		workloads = append(workloads, l.endToEnd(durability))
	}
	return workloads
}

// tailRequests are as many that eleven lie beyond the p99.9; countsMax is how long a
// block may last to get them.
const (
	tailRequests = 11_000
	countsMax    = 20 * time.Second
)

// counts is how long a block has to last at a rate.
func (l *latency) counts(perSecond float64) time.Duration {
	if l.session.Quick || perSecond <= 0 {
		return l.block
	}
	enough := time.Duration(tailRequests / perSecond * float64(time.Second))
	return max(l.block, min(enough, countsMax))
}

// kafkaAbout is near Kafka's saturation on a core, for estimates.
var kafkaAbout = map[string]float64{"os": 7000, "synced": 2500}

func (l *latency) expect(counts time.Duration) time.Duration {
	return counts + settle + 900*time.Millisecond
}

// atShare is a row.
func (l *latency) atShare(durability string, share int, a arrival) harness.Workload {
	row := result.Row{
		Name:   fmt.Sprintf("at %d %% of Kafka's saturation, %s, 1 KiB, one batch of 16 KiB a request, %s", share, a.name, harness.Counted(l.connections, "connection")),
		Client: "replay", Acks: "all", Durability: durability, Headline: result.P99, Shape: l.shape().Shape(),
		Curve: fmt.Sprintf("produce, %s, %s", durability, a.name),
		Goals: []result.Goal{{System: system.Moldau, Metric: result.P999, Against: system.Kafka, AtMost: 0.5}},
	}
	if durability == "os" {
		row.Goals = append(row.Goals,
			result.Goal{System: system.Moldau, Metric: result.P50, Against: echo, AtMost: 2},
			result.Goal{System: system.Moldau, Metric: result.P99, Against: echo, AtMost: 3})
	}
	about := cmp.Or(l.rate, kafkaAbout[durability]) * float64(share) / 100
	w := harness.Workload{AfterTurn: late, Row: row, Expect: l.expect(l.counts(about))}
	for _, name := range []string{system.Moldau, system.Kafka, echo} {
		w.Contestants = append(w.Contestants, harness.Contestant{
			System: name, Limit: name == echo, WarmUp: true,
			Block: func(ctx context.Context, turn int) (result.Block, error) {
				rate, err := l.kafkaSaturation(ctx, durability)
				if err != nil {
					return result.Block{}, err
				}
				load, rate := l.shape(), rate*float64(share)/100
				load.Seconds = (l.counts(rate) + settle).Seconds()
				load.OpenLoop = client.OpenLoop{PerSecond: rate, Poisson: a.poisson, Seed: seed(turn), SettleSeconds: settle.Seconds()}
				return l.one(ctx, name, load, system.Topic{Partitions: load.Partitions, Synced: durability == "synced"})
			},
		})
	}
	return w
}

// endToEnd is a row.
func (l *latency) endToEnd(durability string) harness.Workload {
	const perSecond = 1000
	counts := l.counts(perSecond)
	load := client.Load{Partitions: 1, PerRequest: 1, RecordBytes: 1024, BatchBytes: 1,
		Seconds: (counts + settle).Seconds(), OpenLoop: client.OpenLoop{PerSecond: perSecond, Consumers: 1, SettleSeconds: settle.Seconds()}}
	w := harness.Workload{AfterTurn: late, Expect: l.expect(counts), Row: result.Row{
		Name:   "end to end, 1,000 records of 1 KiB a second, one a request, one partition",
		Client: "replay", Acks: "all", Durability: durability, Headline: result.TailP99, Shape: load.Shape(),
		Goals: []result.Goal{{System: system.Moldau, Metric: result.TailP999, Against: system.Kafka, AtMost: 0.5}},
		Notes: []string{"tail is from when a record was due to be produced until the consumer had it, p50 to p99.9 until it was acknowledged"},
	}}
	names := []string{system.Moldau, system.Kafka}
	if durability == "os" {
		names = append(names, system.Relay)
	}
	for _, name := range names {
		w.Contestants = append(w.Contestants, harness.Contestant{System: name, Limit: system.Limit(name), WarmUp: true,
			Block: func(ctx context.Context, _ int) (result.Block, error) {
				return l.one(ctx, name, load, system.Topic{Partitions: 1, Synced: durability == "synced"})
			}})
	}
	return w
}

// one is a block of a system.
func (l *latency) one(ctx context.Context, name string, load client.Load, t system.Topic) (result.Block, error) {
	s, err := get(ctx, l.pool, name, t.Synced)
	if err != nil {
		return result.Block{}, err
	}
	return onTime(ctx, l.pool, l.session, s, load, t)
}

// kafkaSaturation measures it the first time: the median of three, after its first.
func (l *latency) kafkaSaturation(ctx context.Context, durability string) (float64, error) {
	if l.rate > 0 {
		return l.rate, nil
	}
	if known := l.saturation[durability]; known > 0 {
		return known, nil
	}
	kafka, err := l.pool.Get(ctx, system.Kafka)
	if err != nil {
		return 0, err
	}
	load := l.shape()
	load.Kind, load.Bytes = client.Produce, 512<<20
	if durability == "synced" {
		load.Bytes /= 8
	}
	if l.session.Quick {
		load.Bytes /= 4
	}
	var rates []float64
	for range 4 {
		b, err := kafka.Work(ctx, l.session.ClientCPUs, system.Topic{Partitions: load.Partitions, Synced: durability == "synced"}, load)
		if err != nil {
			return 0, err
		}
		rates = append(rates, b.Metrics[result.RequestsPerSecond])
	}
	rate := math.Round(yardstick.Median(rates[1:]))
	l.saturation[durability] = rate
	told := strings.Join(strings.Fields(fmt.Sprintf("%.0f", rates)), ", ")
	l.session.Say("Kafka's saturation, %s: %.0f requests/s, of %s", durability, rate, told)
	l.session.Run.Environment["Kafka's saturation, "+durability] = fmt.Sprintf("%.0f requests/s, one batch of 16 KiB each (closed loop, five in flight on each of %s; read were %s)", rate, harness.Counted(l.connections, "connection"), told)
	return rate, nil
}

// shape is that of the requests.
func (l *latency) shape() client.Load {
	s := shape
	s.Connections = l.connections
	return s
}

// seed is the same for all systems of a turn.
func seed(turn int) uint64 { return uint64(turn + 2) }
