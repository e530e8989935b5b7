package overwire

import (
	"cmp"
	"context"
	"fmt"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
	"moldau/bench/wire"
)

// What a broker may need beside what the limit program does.
const (
	produceRequestUs, produceBatchUs = 10, 2
)

// shape is a workload of produce.
type shape struct {
	name  string
	load  client.Load
	quick bool // is in a quick run, too
	// osOnly leaves it out where acknowledgements are from stable storage, but in a
	// full run.
	osOnly bool
}

// shapes are those of the tables of broker CPU and throughput.
var shapes = []shape{
	{"produce 1 KiB, 6 batches of 16 KiB a request", client.Load{}, true, false},
	{"produce 100 B, 6 batches of 16 KiB a request", client.Load{RecordBytes: 100}, false, false},
	{"produce 10 KiB, 6 batches of 16 KiB a request", client.Load{RecordBytes: 10 << 10}, false, false},
	{"produce 1 KiB, one batch of 16 KiB a request", client.Load{PerRequest: 1}, false, false},
	{"produce 1 KiB, one record a request, one partition", client.Load{PerRequest: 1, Partitions: 1, BatchBytes: 1}, true, false},
	{"produce 1 KiB, one batch of 1 MB a request", client.Load{PerRequest: 1, BatchBytes: 1_000_000}, false, false},
	{"produce 1 KiB, 100 partitions, 10 batches of 16 KiB a request, 6 connections", client.Load{Partitions: 100, PerRequest: 10, Connections: 6}, false, false},
	{"produce 1 KiB lz4, 6 batches of 16 KiB a request", client.Load{Codec: wire.LZ4}, false, false},
	{"produce 1 KiB zstd, 6 batches of 16 KiB a request", client.Load{Codec: wire.Zstd}, false, false},
	{"produce 1 KiB", client.Load{Kind: client.StandardProduce}, true, false},
	{"produce 100 B", client.Load{Kind: client.StandardProduce, RecordBytes: 100}, false, false},
	{"produce 1 KiB", client.Load{Kind: client.ApacheProduce, Bytes: gib / 2}, false, true},
	{"produce 100 B", client.Load{Kind: client.ApacheProduce, RecordBytes: 100, Bytes: gib / 4}, false, true},
}

// size is a count of bytes in words.
func size(bytes int) string {
	switch {
	case bytes >= mib && bytes%mib == 0:
		return fmt.Sprintf("%d MiB", bytes/mib)
	case bytes >= 1<<10 && bytes%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d B", bytes)
}

// Produce is broker CPU and throughput of produce requests.
func Produce(pool func(*harness.Session) *system.Pool) harness.Scenario {
	asked := &grid{}
	return harness.Scenario{
		Name:    "produce",
		Summary: "what a broker needs for a GB and a request of produced batches, and how many it takes",
		Help: `The replay client sends requests that were encoded beforehand, five in flight on a
connection; franz-go and Apache's Java client come as they are, and are idempotent. A
block lasts 1.5 seconds, half a second in a quick run, or 1 GiB, and writes to a topic
of its own, each of whose partitions has two batches already; Apache's client sends a
fixed count. Before a block as many pages are warmed as the row's largest wrote, and
after it the topic must have as many records as were acknowledged. Latencies are of this
closed loop, from sending, while as many are in flight as may be: how long a request
takes in a broker that does all it can. What a user sees at a rate is what latency
measures. Sizes are those of the wire; compressed batches hold lines of JSON, and have
metrics of the bytes before compression, too.
Beside it, in rows of the replay client, runs a limit program. ingest does: receive,
check the CRC-32C, pwrite, acknowledge. Moldau's budget is ingest's CPU time for a
request in the same turn, 10 us, and 2 us a batch. In synced rows ingest-synced has all
connections append to one file, and acknowledges when a sync, which all who wait share,
is over.

--record, --batch, --partitions and --codec measure the cross product of what they name
instead, one value where they are not given: 1 KiB, 16 KiB, 6 partitions, uncompressed.
--full adds that of all sizes, partitions and codecs of the design to the default rows.`,
		Flags: asked.declare,
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			if err := asked.check(); err != nil {
				return nil, err
			}
			return planProduce(pool(s), s, asked), nil
		},
	}
}

func planProduce(pool *system.Pool, s *harness.Session, asked *grid) (workloads []harness.Workload) {
	all := shapes
	switch {
	case !asked.empty():
		all = asked.shapes()
	case s.Full:
		all = append(all[:len(all):len(all)], whole.shapes()...)
	}
	for _, durability := range []string{"os", "synced"} {
		for _, shape := range all {
			if !s.WantsDurability(durability) || s.Quick && !shape.quick && asked.empty() || shape.osOnly && durability != "os" && !s.Full {
				continue
			}
			workloads = append(workloads, produceWorkload(pool, s, shape, durability))
		}
	}
	atFirst(workloads, pool, systemsOf(s))
	return workloads
}

func produceWorkload(pool *system.Pool, s *harness.Session, shape shape, durability string) harness.Workload {
	l := produceLoad(s, shape.load)
	replay := l.Kind == client.Produce
	w := harness.Workload{Expect: expect(s, l.Kind), Row: result.Row{
		Name: shape.name, Client: clientNames[l.Kind], Acks: "all", Idempotent: !replay, Durability: durability, Headline: result.CPUPerGB,
		Goals: []result.Goal{
			{System: system.Moldau, Metric: result.CPUPerGB, Against: system.Kafka, AtMost: 0.5},
			{System: system.Moldau, Metric: result.BytesPerSecond, Against: system.Kafka, AtLeast: 2},
			{System: system.Moldau, Metric: result.MachineCPUPerGB, Against: system.Kafka, AtMost: 0.5},
		},
	}}
	w.Row.Shape = l.Shape()
	names := systemsOf(s)
	synced := durability == "synced"
	switch {
	case !replay:
		w.Row.Goals[1].AtLeast = 1.5
	case !synced:
		limits := []string{system.Ingest}
		w.AfterTurn = budget(limits, produceRequestUs+produceBatchUs*float64(l.PerRequest))
		w.Row.Goals = append(w.Row.Goals, result.Goal{System: system.Moldau, Metric: result.BudgetShare, AtMost: 1})
	}
	if replay {
		names = append(names[:len(names):len(names)], system.IngestOf(synced))
	}
	if replay && synced && l.Connections < 2 {
		w.Row.Notes = append(w.Row.Notes, "one connection: kafka, which takes its next request when it has answered the one before, has one sync at work at a time; acks has rows of many connections")
	}
	if l.Kind == client.ApacheProduce {
		w.Row.Notes = append(w.Row.Notes, "each block starts the client's JVM, whose compiler is at work in it: the rate is that of its first seconds")
	}
	if l.Codec != "" {
		w.Row.Notes = append(w.Row.Notes, "values are lines of JSON; bytes are those of the wire, those before compression are in uncompressed-MB/s")
	}
	row := new(wrote)
	for _, name := range names {
		c := contestant{pool: pool, session: s, name: name, load: l, wrote: row, topic: system.Topic{Partitions: l.Partitions, Synced: synced, Begun: true}}
		w.Contestants = append(w.Contestants, c.at())
	}
	prepare(&w, s)
	return w
}

// produceLoad is a shape's load with what it leaves out.
func produceLoad(s *harness.Session, l client.Load) client.Load {
	l.Kind = cmp.Or(l.Kind, client.Produce)
	l.Partitions, l.PerRequest = cmp.Or(l.Partitions, 6), cmp.Or(l.PerRequest, 6)
	l.RecordBytes, l.BatchBytes = cmp.Or(l.RecordBytes, 1<<10), cmp.Or(l.BatchBytes, 16<<10)
	if l.Bytes == 0 { // what comes first ends it
		l.Bytes, l.Seconds = gib, blockSeconds(s)
	} else if s.Quick {
		l.Bytes /= 4
	}
	return l
}
