package overwire

import (
	"context"
	"fmt"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

// limitOfTLS is how much more CPU time than the bare program by the same library a
// broker may need.
const limitOfTLS = 1.2

// TLS is produce and fetch by TLS 1.3.
func TLS(pool func(*harness.Session) *system.Pool) harness.Scenario {
	return harness.Scenario{
		Name:    "tls",
		Summary: "what a broker needs for a GB that is produced and fetched by TLS 1.3",
		Help: `The replay client speaks TLS 1.3, by AES-128-GCM, to brokers that have no other
listener. Produce and fetch are those of the scenarios of these names, in some sizes;
every block of produce has a topic of its own. The limit programs are ingest and copy,
by the same library of Go's: they read as much of what is encrypted as is there, check
and write it, and acknowledge what has arrived together, or read and send 64 KiB at a
time. Moldau may need 1.2 times their CPU time.`,
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			return planTLS(pool(s), s), nil
		},
	}
}

func planTLS(pool *system.Pool, s *harness.Session) (rows []harness.Workload) {
	for _, durability := range []string{"os", "synced"} {
		for i, l := range []client.Load{{}, {PerRequest: 1}, {PerRequest: 1, BatchBytes: 1_000_000}} {
			if s.WantsDurability(durability) && (!s.Quick || i == 0) {
				rows = append(rows, producedByTLS(pool, s, produceLoad(s, l), durability))
			}
		}
	}
	for _, f := range []struct{ bytes, partitions int }{{16 << 10, 1}, {16 << 10, 6}, {128 << 10, 1}, {mib, 6}} {
		if !s.Quick || f.bytes == mib {
			rows = append(rows, fetchedByTLS(pool, s, f.bytes, f.partitions))
		}
	}
	atFirst(rows, pool, []string{system.Moldau, system.Kafka})
	return rows
}

func producedByTLS(pool *system.Pool, s *harness.Session, l client.Load, durability string) harness.Workload {
	synced := durability == "synced"
	what := fmt.Sprintf("%d batches of %s", l.PerRequest, size(l.BatchBytes))
	if l.PerRequest == 1 {
		what = "one batch of " + size(l.BatchBytes)
	}
	w := harness.Workload{Expect: expect(s, l.Kind), Row: result.Row{
		Name: "by TLS, produce 1 KiB, " + what + " a request", Client: clientNames[l.Kind], Acks: "all", Durability: durability,
		Headline: result.CPUPerGB, Shape: l.Shape(), Goals: goalsOfTLS(system.TLS(system.IngestOf(synced))),
	}}
	row := new(wrote)
	for _, c := range contestantsOfTLS(system.IngestOf(synced)) {
		c.pool, c.session, c.load, c.wrote = pool, s, l, row
		c.topic = system.Topic{Partitions: l.Partitions, Synced: synced, Begun: true}
		w.Contestants = append(w.Contestants, c.at())
	}
	prepare(&w, s)
	return w
}

func fetchedByTLS(pool *system.Pool, s *harness.Session, bytes, partitions int) harness.Workload {
	const batch = 16 << 10
	l := client.Load{
		Kind: client.Fetch, Partitions: partitions, RecordBytes: 1 << 10, BatchBytes: batch, Exact: true,
		PartitionBytesMax: bytes, Bytes: 64 * gib, Seconds: blockSeconds(s),
	}
	w := harness.Workload{Expect: expect(s, client.Fetch), AfterTurn: hot, Row: result.Row{
		Name: fmt.Sprintf("by TLS, fetch %s of each of %s a request", size(bytes), harness.Counted(partitions, "partition")), Client: clientNames[client.Fetch],
		Acks: "-", Durability: "-", Headline: result.CPUPerGB, Shape: l.Shape(), Goals: goalsOfTLS(system.TLS(system.Copy)),
	}}
	for _, c := range contestantsOfTLS(system.Copy) {
		c.pool, c.session, c.load, c.content = pool, s, l, content(s, 1<<10, batch, gib)
		w.Contestants = append(w.Contestants, c.at())
	}
	prepare(&w, s)
	return w
}

// contestantsOfTLS are the brokers, called as ever, and a limit program.
func contestantsOfTLS(limit string) []contestant {
	return []contestant{
		{name: system.TLS(system.Moldau), label: system.Moldau},
		{name: system.TLS(system.Kafka), label: system.Kafka},
		{name: system.TLS(limit)},
	}
}

func goalsOfTLS(limit string) []result.Goal {
	return []result.Goal{{System: system.Moldau, Metric: result.CPUPerGB, Against: limit, AtMost: limitOfTLS}}
}
