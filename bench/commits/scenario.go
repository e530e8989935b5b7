package commits

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

type options struct {
	block, warmUp time.Duration
}

func (o *options) declare(flags *pflag.FlagSet) {
	flags.DurationVar(&o.block, "block", 4*time.Second, "how long a block lasts")
	flags.DurationVar(&o.warmUp, "warm-up-time", 30*time.Second, "how long members commit to each broker before it is measured")
	harness.Quick(flags, "block", "500ms")
	harness.Quick(flags, "warm-up-time", "5s")
}

// Scenario is offset commits of members of stable groups.
func Scenario(pool func(*harness.Session) *system.Pool) harness.Scenario {
	var o options
	return harness.Scenario{
		Name:    "commits",
		Summary: "offset commits a second, and the broker's CPU time for each, in os mode and synced",
		Help: `Members of stable groups commit, so that every commit's generation is checked, one
partition a commit, encoded beforehand. Each block ends by asking whether the last
commits are what is committed. Synced is Kafka's flush.messages=1 on __consumer_offsets,
and Moldau's default. ingest, or ingest-synced, is the limit: it writes each request to a
file and knows of no group.`,
		Flags: o.declare,
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			if o.block <= 0 || o.warmUp <= 0 {
				return nil, errors.New("a block and a warm-up need some time")
			}
			b := &brokers{session: s, pool: pool(s), options: &o, running: map[string]*server{}}
			return b.plan(), nil
		},
	}
}

func (b *brokers) plan() (workloads []harness.Workload) {
	for _, durability := range []string{"os", "synced"} {
		if !b.session.WantsDurability(durability) {
			continue
		}
		for i, r := range rowsOf(b.session) {
			w := harness.Workload{Expect: b.options.block + time.Second, Row: result.Row{
				Name: r.name(), Client: "replay", Acks: "all", Durability: durability, Headline: result.RequestsPerSecond,
			}}
			for _, name := range []string{system.Moldau, system.Kafka, system.IngestOf(durability == "synced")} {
				w.Contestants = append(w.Contestants, harness.Contestant{System: name, Limit: system.Limit(name), Block: func(ctx context.Context, _ int) (result.Block, error) {
					s, err := b.get(ctx, name, durability)
					if err != nil {
						return result.Block{}, err
					}
					return s.measure(ctx, b.session.ClientCPUs, r, b.options.block)
				}})
			}
			if i == 0 { // the brokers of this durability are started
				w.Prepare = 2 * (b.options.warmUp + 4*time.Second)
			}
			workloads = append(workloads, w)
		}
	}
	return workloads
}
