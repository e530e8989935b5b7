package overwire

import (
	"context"
	"time"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

// ownProtocol is a workload at which systems of different protocols take turns,
// each with a client of its own.
type ownProtocol struct {
	name        string
	client      string
	kafka, nats client.Load
	fetches     bool
	idempotent  bool
	quick       bool
	notes       []string
}

var ownProtocols = []ownProtocol{
	{name: "own protocols: produce 1 KiB", client: "franz-go, nats.go", quick: true, idempotent: true,
		kafka: client.Load{Kind: client.StandardProduce}, nats: client.Load{RecordBytes: 1 << 10},
		notes: []string{"Kafka's protocol: records in batches; NATS's: a message each, published without waiting, 4,000 on the way at most"}},
	{name: "own protocols: produce 100 B", client: "franz-go, nats.go", idempotent: true,
		kafka: client.Load{Kind: client.StandardProduce, RecordBytes: 100}, nats: client.Load{RecordBytes: 100},
		notes: []string{"Kafka's protocol: records in batches; NATS's: a message each, published without waiting, 4,000 on the way at most"}},
	{name: "own protocols: produce 16 KiB at a time", client: "replay, nats.go",
		kafka: client.Load{Kind: client.Produce, PerRequest: 1}, nats: client.Load{RecordBytes: 16 << 10},
		notes: []string{"Kafka's protocol: a batch of 15 records of 1 KiB a request, 5 requests on the way, 6 partitions; NATS's: one message of 16 KiB, 256 on the way at most, one stream"}},
	{name: "own protocols: fetch 1 KiB", client: "franz-go, nats.go", fetches: true, quick: true,
		kafka: client.Load{Kind: client.StandardFetch}, nats: client.Load{RecordBytes: 1 << 10},
		notes: []string{"Kafka's protocol: a consumer of 6 partitions; NATS's: an ordered consumer of a stream"}},
}

// JetStream is NATS JetStream beside brokers of Kafka's protocol.
func JetStream(pool func(*harness.Session) *system.Pool) harness.Scenario {
	return harness.Scenario{
		Name:    "jetstream",
		Summary: "produce and fetch beside NATS JetStream, each system by its own protocol and client",
		Help: `nats-server runs with its defaults and streams in files, with sync_interval: always in
synced rows, and is loaded by nats.go. It takes and acknowledges messages one by one,
and promises other things than Kafka's protocol does: nobody should read these rows as
the same work, only as what the same bytes cost. A block lasts 1.5 seconds, half a
second in a quick run. ingest, or ingest-synced, is the limit of the row that our own
client loads; a standard client asks for more than it answers.`,
		Plan: func(ctx context.Context, s *harness.Session) ([]harness.Workload, error) {
			var workloads []harness.Workload
			for _, durability := range []string{"os", "synced"} {
				for _, o := range ownProtocols {
					if !s.WantsDurability(durability) || s.Quick && !o.quick || o.fetches && durability == "synced" {
						continue
					}
					workloads = append(workloads, o.workload(pool(s), s, durability))
				}
			}
			atFirst(workloads, pool(s), []string{system.Moldau, system.Kafka, system.NATS})
			return workloads, nil
		},
	}
}

func (o ownProtocol) workload(pool *system.Pool, s *harness.Session, durability string) harness.Workload {
	w := harness.Workload{Expect: expect(s, o.kafka.Kind) + 200*time.Millisecond, Row: result.Row{
		Name: o.name, Client: o.client, Acks: "all", Idempotent: o.idempotent, Durability: durability, Headline: result.CPUPerGB, Notes: o.notes,
		Goals: []result.Goal{{System: system.Moldau, Metric: result.CPUPerGB, Against: system.NATS, AtMost: 0.5}},
	}}
	if o.fetches {
		w.Row.Acks, w.Row.Durability = "-", "-"
	}
	w.Row.Shape = o.kafka.Shape()
	row := new(wrote)
	for _, name := range []string{system.Moldau, system.Kafka} {
		c := contestant{pool: pool, session: s, name: name, load: produceLoad(s, o.kafka)}
		if o.fetches {
			c.load.Bytes = 64 * gib
			c.content = content(s, 1<<10, 16<<10, gib)
		} else {
			c.wrote = row
			c.topic = system.Topic{Partitions: 6, Synced: durability == "synced"}
		}
		w.Contestants = append(w.Contestants, c.at())
	}
	n := &natsContestant{pool: pool, session: s, load: o.nats, wrote: row, synced: durability == "synced"}
	n.load.Seconds, n.load.Bytes, n.load.Kind = blockSeconds(s), gib, client.NATSProduce
	w.Contestants = append(w.Contestants, harness.Contestant{System: system.NATS, WarmUp: true, Block: n.produce})
	prepare(&w, s)
	if o.fetches {
		n.load.Kind, n.load.Bytes = client.NATSFetch, 64*gib
		w.Contestants[2].Block = n.fetch
		w.After = n.drop
	}
	if o.kafka.Kind == client.Produce {
		c := contestant{pool: pool, session: s, name: system.IngestOf(n.synced), load: produceLoad(s, o.kafka), wrote: row, topic: system.Topic{Partitions: 6}}
		w.Contestants = append(w.Contestants, c.at())
	}
	return w
}

// natsContestant is NATS JetStream at a load.
type natsContestant struct {
	pool    *system.Pool
	session *harness.Session
	load    client.Load
	wrote   *wrote
	synced  bool
	filled  string // the stream that fetches read
}

func (n *natsContestant) produce(ctx context.Context, _ int) (b result.Block, err error) {
	s, err := n.pool.JetStream(ctx, n.synced)
	if err != nil {
		return b, err
	}
	l := n.load
	if l.Topic, err = s.CreateStream(ctx); err != nil {
		return b, err
	}
	if err := n.wrote.before(n.pool); err != nil {
		return b, err
	}
	if b, _, err = s.Measure(ctx, n.session.ClientCPUs, l); err != nil {
		return b, err
	}
	n.wrote.after(b)
	return b, s.DeleteStream(ctx, l.Topic)
}

func (n *natsContestant) fetch(ctx context.Context, _ int) (b result.Block, err error) {
	s, err := n.pool.JetStream(ctx, n.synced)
	if err != nil {
		return b, err
	}
	l := n.load
	if n.filled == "" {
		stream, err := s.CreateStream(ctx)
		if err != nil {
			return b, err
		}
		fill := l
		fill.Kind, fill.Topic, fill.Seconds, fill.Bytes = client.NATSProduce, stream, 0, content(n.session, 0, 0, gib).Load.Bytes
		if _, _, err := s.Measure(ctx, n.session.ClientCPUs, fill); err != nil {
			return b, err
		}
		n.filled = stream
	}
	l.Topic = n.filled
	b, _, err = s.Measure(ctx, n.session.ClientCPUs, l)
	return b, err
}

// drop deletes the stream that was read.
func (n *natsContestant) drop() error {
	if n.filled == "" {
		return nil
	}
	s, err := n.pool.JetStream(context.Background(), n.synced)
	if err != nil {
		return err
	}
	return s.DeleteStream(context.Background(), n.filled)
}
