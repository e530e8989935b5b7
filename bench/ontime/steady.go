package ontime

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

// steady is the scenario's parameters.
type steady struct {
	pool    *system.Pool
	session *harness.Session

	producers, partitions int
	rate                  float64
	duration, window      time.Duration
}

// Steady is latency over a long time.
func Steady(pool func(*harness.Session) *system.Pool) harness.Scenario {
	s := &steady{}
	return harness.Scenario{
		Name:    "steady",
		Summary: "latency over a long time: many producers of small keyed batches, with segments rolled, and deleted from the middle on",
		Help: `50 connections send batches of 10 keyed records of 100 bytes, 5,000 a second in all
as a Poisson process, to 10 partitions each. Segments are such that each partition
rolls some forty times in a block, and retention such that deletion sets in halfway.
window-p99-max/median is the largest p99 of any window over the median of all
windows': a step in latency shows there. One block a system, unless --blocks says
otherwise; the real one is --duration 1h.

echo is a program that does nothing but receive, check the CRC, write to a file and
acknowledge: the floor, by the same client. It keeps all that it gets in os rows.`,
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&s.producers, "producers", 50, "`CONNECTIONS`")
			f.IntVar(&s.partitions, "partitions", 10, "`PARTITIONS` of the topic")
			f.Float64Var(&s.rate, "rate", 5000, "`REQUESTS` a second of all producers")
			f.DurationVar(&s.duration, "duration", 2*time.Minute, "`TIME` of a block")
			f.DurationVar(&s.window, "window", 10*time.Second, "`TIME` of a window")
			harness.Quick(f, "duration", "12s")
			harness.Quick(f, "window", "1s")
		},
		Plan: func(_ context.Context, session *harness.Session) ([]harness.Workload, error) {
			s.pool, s.session = pool(session), session
			if s.duration < 2*s.window {
				return nil, fmt.Errorf("%v are no two windows of %v", s.duration, s.window)
			}
			rows := s.plan()
			if len(rows) > 0 {
				rows[0].Prepare = s.pool.Expect(system.Moldau, system.Kafka)
			}
			if !session.Quick {
				for i := range rows {
					rows[i].Prepare += time.Duration(len(rows[i].Contestants)) * warmUpMax
				}
			}
			return rows, nil
		},
	}
}

func (s *steady) load() client.Load {
	return client.Load{Connections: s.producers, Partitions: s.partitions, PerRequest: 1, RecordBytes: 100, BatchBytes: 61 + 10*(100+12), Seconds: (s.duration + settle).Seconds(),
		OpenLoop: client.OpenLoop{PerSecond: s.rate, Poisson: true, Keys: 100_000, SettleSeconds: settle.Seconds(), WindowSeconds: s.window.Seconds()}}
}

func (s *steady) plan() (workloads []harness.Workload) {
	for _, durability := range durabilities(s.session) {
		w := harness.Workload{AfterTurn: late, Expect: s.duration + 2*time.Second, DiskBytes: s.diskBytes(durability), Blocks: max(1, s.session.Blocks), Row: result.Row{
			Name:   fmt.Sprintf("%d producers of small keyed batches, %.0f requests a second for %v", s.producers, s.rate, s.duration),
			Client: "replay", Acks: "all", Durability: durability, Headline: result.WindowStep, Shape: s.load().Shape(),
			Goals: []result.Goal{{System: system.Moldau, Metric: result.WindowStep, AtMost: 3}},
		}}
		for _, name := range []string{system.Moldau, system.Kafka, echo} {
			w.Contestants = append(w.Contestants, harness.Contestant{System: name, Limit: name == echo,
				Block: func(ctx context.Context, turn int) (result.Block, error) {
					return s.block(ctx, name, durability == "synced", turn)
				}})
		}
		workloads = append(workloads, w)
	}
	return workloads
}

// warmUpMax is how long a system is at work that is not counted, before its first
// block: an hour need not be warmed up by another.
const warmUpMax = 30 * time.Second

func (s *steady) block(ctx context.Context, name string, synced bool, turn int) (result.Block, error) {
	load := s.load()
	if turn == 0 && !s.session.Quick {
		short := load
		short.Seconds = min(load.Seconds, warmUpMax.Seconds())
		if _, err := s.once(ctx, name, synced, short); err != nil {
			return result.Block{}, err
		}
	}
	load.Seed = seed(turn)
	b, err := s.once(ctx, name, synced, load)
	if err != nil {
		return b, err
	}
	// What the schedule's end left of a window is none.
	whole := min(len(b.Windows), int(s.duration/s.window))
	b.Windows = b.Windows[:whole]
	b.Metrics[result.WindowStep] = result.Step(b.Windows, 99)
	return b, nil
}

func (s *steady) once(ctx context.Context, name string, synced bool, load client.Load) (result.Block, error) {
	running, err := get(ctx, s.pool, name, synced)
	if err != nil {
		return result.Block{}, err
	}
	return onTime(ctx, s.pool, s.session, running, load, system.Topic{Partitions: s.partitions, Synced: synced, Configs: s.configs()})
}

// perPartition is about how many bytes a block produces to each partition.
func (s *steady) perPartition() int64 {
	const batchBytes = 1200
	return int64(s.rate * batchBytes * s.duration.Seconds() / float64(s.partitions))
}

// diskBytes is what retention leaves, and a segment more that is not full, another
// that is not deleted yet, as much again for brokers that are late to look, and what
// Moldau keeps free. The limit program of os rows deletes nothing.
func (s *steady) diskBytes(durability string) int64 {
	tenths := int64(6)
	if durability == "os" {
		tenths = 11
	}
	return max(s.perPartition(), 2<<20)*int64(s.partitions)*tenths/10 + 512<<20
}

// configs are such that a partition rolls forty times and begins to delete when
// half is written. Kafka has no smaller segments than 1 MiB.
func (s *steady) configs() map[string]string {
	return map[string]string{
		"segment.bytes":   strconv.FormatInt(max(1<<20, s.perPartition()/40), 10),
		"retention.bytes": strconv.FormatInt(max(1<<20, s.perPartition()/2), 10),
	}
}
