package overwire

import (
	"context"
	"fmt"
	"time"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

// What a broker may need beside what the cheapest limit program does.
const (
	fetchRequestUs, fetchPartitionUs = 8, 2
)

// halfOfKafkaBytesMax is the largest answer for which half of Kafka's CPU time is
// the goal: above it both spend theirs in the kernel, copying to the connection.
const halfOfKafkaBytesMax = 128 << 10

// Fetch is broker CPU and throughput of a hot catch-up.
func Fetch(pool func(*harness.Session) *system.Pool) harness.Scenario {
	return harness.Scenario{
		Name:    "fetch",
		Summary: "what a broker needs for a GB and a request that consumers fetch from the page cache, and how much it gives",
		Help: `Each broker has topics that are filled once, by batches of exactly 4 KiB and 16 KiB, so
that all send the same bytes for a request. The replay client has one request in
flight, as consumers have, and reads them over and over; franz-go and Apache's Java
client come as they are. An answer that is shorter than what is asked for ends the run,
one that comes from the disk is noted. Latencies are of
this closed loop, from sending. A block lasts 1.5 seconds, half a second in a quick run.
Beside it, in rows of the replay client, run the limit programs sendfile, copy and mmap.
Moldau's budget is the cheapest one's CPU time for a request in the same turn, 8 us,
and 2 us a partition. The last row tells, by Moldau's own counters, how many of the
bytes that a standard consumer fetches go by sendfile.`,
		Plan: func(ctx context.Context, s *harness.Session) ([]harness.Workload, error) {
			return planFetch(pool(s), s), nil
		},
	}
}

func planFetch(pool *system.Pool, s *harness.Session) (workloads []harness.Workload) {
	for _, bytes := range []int{4 << 10, 16 << 10, 128 << 10, mib} {
		for _, partitions := range []int{1, 6} {
			if !s.Quick || bytes == 16<<10 || bytes == mib && partitions == 6 {
				workloads = append(workloads, replayedFetch(pool, s, bytes, partitions))
			}
		}
	}
	for _, kind := range []string{client.StandardFetch, client.ApacheFetch} {
		for _, record := range []int{1 << 10, 100} {
			if !s.Quick || kind == client.StandardFetch && record == 1<<10 {
				workloads = append(workloads, standardFetch(pool, s, kind, record))
			}
		}
	}
	atFirst(workloads, pool, systemsOf(s))
	return append(workloads, travelled(pool, s))
}

// content is what the topics of fetches hold.
func content(s *harness.Session, record, batch int, bytes int64) *system.Content {
	if s.Quick {
		bytes /= 4
	}
	return &system.Content{Partitions: 6, Load: client.Load{RecordBytes: record, BatchBytes: batch, Exact: true, Bytes: bytes}}
}

func replayedFetch(pool *system.Pool, s *harness.Session, bytes, partitions int) harness.Workload {
	batch, filled := 16<<10, int64(gib)
	if bytes < batch {
		batch, filled = bytes, gib/4
	}
	name := fmt.Sprintf("fetch %s of each of %d partitions a request", size(bytes), partitions)
	if partitions == 1 {
		name = fmt.Sprintf("fetch %s of one partition a request", size(bytes))
	}
	w := harness.Workload{Expect: expect(s, client.Fetch), Row: result.Row{
		Name: name, Client: clientNames[client.Fetch], Acks: "-", Durability: "-", Headline: result.CPUPerGB,
		Goals: []result.Goal{{System: system.Moldau, Metric: result.BudgetShare, AtMost: 1}},
	}}
	if bytes*partitions <= halfOfKafkaBytesMax {
		w.Row.Goals = append(w.Row.Goals, result.Goal{System: system.Moldau, Metric: result.CPUPerGB, Against: system.Kafka, AtMost: 0.5})
	}
	if bytes == mib {
		w.Row.Goals = append(w.Row.Goals, result.Goal{System: system.Moldau, Metric: result.CPUPerGB, Against: system.Sendfile, AtMost: 1.3})
	}
	share := budget(system.FetchLimits, fetchRequestUs+fetchPartitionUs*float64(partitions))
	w.AfterTurn = func(row *result.Row, turn int) { share(row, turn); hot(row, turn) }
	l := client.Load{
		Kind: client.Fetch, Partitions: partitions, RecordBytes: 1 << 10, BatchBytes: batch, Exact: true,
		PartitionBytesMax: bytes, Bytes: 64 * gib, Seconds: blockSeconds(s),
	}
	w.Row.Shape = l.Shape()
	names := systemsOf(s)
	for _, name := range append(names[:len(names):len(names)], system.FetchLimits...) {
		c := contestant{pool: pool, session: s, name: name, content: content(s, 1<<10, batch, filled), load: l}
		w.Contestants = append(w.Contestants, c.at())
	}
	prepare(&w, s)
	return w
}

func standardFetch(pool *system.Pool, s *harness.Session, kind string, record int) harness.Workload {
	w := harness.Workload{Expect: expect(s, kind), Row: result.Row{
		Name: fmt.Sprintf("fetch %s, 6 partitions", size(record)), Client: clientNames[kind], Acks: "-", Durability: "-", Headline: result.CPUPerGB,
		Goals: []result.Goal{{System: system.Moldau, Metric: result.CPUPerGB, Against: system.Kafka, AtMost: 1}},
	}}
	filled := int64(gib)
	if record < 1<<10 {
		filled = gib / 2
	}
	l := client.Load{Kind: kind, Partitions: 6, RecordBytes: record, Bytes: 64 * gib, Seconds: blockSeconds(s)}
	w.Row.Shape = l.Shape()
	for _, name := range systemsOf(s) {
		c := contestant{pool: pool, session: s, name: name, load: l, content: content(s, record, 16<<10, filled)}
		w.Contestants = append(w.Contestants, c.at())
	}
	w.AfterTurn = hot
	prepare(&w, s)
	return w
}

// travelled is how many of the bytes that a standard consumer fetches go by
// sendfile, which no other system counts.
func travelled(pool *system.Pool, s *harness.Session) harness.Workload {
	bytes := int64(gib)
	if s.Quick {
		bytes /= 4
	}
	block := func(ctx context.Context, _ int) (result.Block, error) {
		t, err := pool.Travelled(ctx, *content(s, 1<<10, 16<<10, gib), client.Load{Kind: client.StandardFetch, Partitions: 6, Bytes: bytes})
		return result.Block{Metrics: map[result.Metric]float64{
			result.BySendfile: 100 * t.Share(), result.CopiedMB: float64(t.Copied) / 1e6,
		}}, err
	}
	return harness.Workload{Blocks: 1, Expect: 5 * time.Second, Row: result.Row{
		Name: "how fetched bytes travel, 6 partitions", Client: clientNames[client.StandardFetch], Acks: "-", Durability: "-", Headline: result.BySendfile,
		Goals: []result.Goal{{System: system.Moldau, Metric: result.BySendfile, AtLeast: 95}},
	}, Contestants: []harness.Contestant{{System: system.Moldau, Block: block}}}
}
