package overwire

import (
	"context"
	"time"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

const gib = 1 << 30

// shape is a workload of produce.
type shape struct {
	name   string
	load   client.Load
	quick  bool          // is in a quick run, too
	expect time.Duration // of a block
}

// shapes are those of the tables of broker CPU and throughput.
var shapes = []shape{
	{"produce 1 KiB, 6 batches of 16 KiB a request", client.Load{Bytes: gib}, true, 4 * time.Second},
	{"produce 100 B, 6 batches of 16 KiB a request", client.Load{RecordBytes: 100, Bytes: gib}, false, 4 * time.Second},
	{"produce 10 KiB, 6 batches of 16 KiB a request", client.Load{RecordBytes: 10 << 10, Bytes: gib}, false, 4 * time.Second},
	{"produce 1 KiB, one batch of 16 KiB a request", client.Load{PerRequest: 1, Bytes: gib / 2}, false, 4 * time.Second},
	{"produce 1 KiB, one record a request", client.Load{PerRequest: 1, Partitions: 1, BatchBytes: 1, Bytes: gib / 16}, true, 4 * time.Second},
	{"produce 1 KiB, one batch of 1 MB a request", client.Load{PerRequest: 1, BatchBytes: 1_000_000, Bytes: gib}, false, 3 * time.Second},
	{"produce 1 KiB, 100 partitions, 10 batches of 16 KiB a request, 6 connections", client.Load{Partitions: 100, PerRequest: 10, Connections: 6, Bytes: gib}, false, 5 * time.Second},
	{"produce 1 KiB", client.Load{Kind: client.StandardProduce, Bytes: gib / 2}, true, 5 * time.Second},
	{"produce 100 B", client.Load{Kind: client.StandardProduce, RecordBytes: 100, Bytes: gib / 4}, false, 8 * time.Second},
}

// Produce is broker CPU and throughput of produce requests.
func Produce(pool func(*harness.Session) *system.Pool) harness.Scenario {
	return harness.Scenario{
		Name:    "produce",
		Summary: "what a broker needs for a GB and a request of produced batches, and how many it takes",
		Help: `The replay client sends requests that were encoded beforehand, five in flight on a
connection; the rows of franz-go are idempotent. A block moves 64 MiB to 1 GiB into
a topic of its own.`,
		Plan: func(ctx context.Context, s *harness.Session) ([]harness.Workload, error) {
			return planProduce(pool(s), s), nil
		},
	}
}

func planProduce(pool *system.Pool, s *harness.Session) (workloads []harness.Workload) {
	for _, durability := range []string{"os", "synced"} {
		for _, shape := range shapes {
			if !s.WantsDurability(durability) || s.Quick && !shape.quick {
				continue
			}
			p := producing{pool, s, shape.load, durability == "synced"}
			w := harness.Workload{Expect: shape.expect, Row: result.Row{
				Name: shape.name, Client: "replay", Acks: "all", Durability: durability, Headline: result.CPUPerGB,
				Goals: []result.Goal{
					{System: system.Moldau, Metric: result.CPUPerGB, Against: system.Kafka, AtMost: 0.5},
					{System: system.Moldau, Metric: result.BytesPerSecond, Against: system.Kafka, AtLeast: 2},
				},
			}}
			if shape.load.Kind == client.StandardProduce {
				w.Row.Client, w.Row.Idempotent = "franz-go", true
				w.Row.Goals[1].AtLeast = 1.5
			}
			w.Row.Shape = shape.load.Shape()
			for _, name := range []string{system.Moldau, system.Kafka, system.KafkaTuned} {
				w.Contestants = append(w.Contestants, harness.Contestant{System: name, WarmUp: true, Block: p.block(name)})
			}
			workloads = append(workloads, w)
		}
	}
	return workloads
}

// producing is a workload of produce.
type producing struct {
	pool    *system.Pool
	session *harness.Session
	load    client.Load
	synced  bool
}

// block is one system's turn.
func (p producing) block(name string) func(context.Context, int) (result.Block, error) {
	return func(ctx context.Context, turn int) (b result.Block, err error) {
		s, err := p.pool.Get(ctx, name)
		if err != nil {
			return b, err
		}
		l := p.load
		if l.Kind == "" {
			l.Kind = client.Produce
		}
		if l.Partitions == 0 {
			l.Partitions = 6
		}
		if p.session.Quick {
			l.Bytes /= 4
		}
		if p.synced {
			l.Bytes /= 4
		}
		topic, err := s.Create(ctx, system.Topic{Partitions: l.Partitions, Synced: p.synced})
		if err != nil {
			return b, err
		}
		l.Topic = topic
		if b, _, err = s.Measure(ctx, p.session.ClientCPUs, l); err != nil {
			return b, err
		}
		return b, s.Delete(ctx, topic)
	}
}
