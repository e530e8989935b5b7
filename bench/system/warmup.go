package system

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"moldau/bench/client"
	"moldau/bench/result"
)

// The bytes of a warm-up are divided into so many rounds, of which so many are made
// in any case: a JVM that compiles in the background may pause between two steps.
const warmUpRounds, warmUpRoundsMin = 12, 6

// JVM tells whether a system's code is compiled while it runs.
func JVM(name string) bool {
	name, _ = byTLS(name)
	return name == Kafka || name == KafkaTuned
}

// warmUp produces to and fetches from a system whose code is compiled while it
// runs, round after round, until a round costs hardly less CPU time than the best
// before, or as many bytes were moved as are allowed. The run's environment says
// what the rounds cost.
func (s *System) warmUp(ctx context.Context, cpus string, bytesMax int64) (string, error) {
	round := bytesMax / (2*warmUpRounds + 1) // each way, and once for what is fetched
	topic, err := s.Filled(ctx, cpus, Content{Partitions: 6, Load: client.Load{Bytes: round}})
	if err != nil {
		return "", err
	}
	var costs []float64
	for len(costs) < warmUpRounds && (len(costs) < warmUpRoundsMin || !Settled(costs)) {
		cost := 0.0
		for _, l := range []client.Load{{Kind: client.Produce, Bytes: round}, {Kind: client.Fetch, Topic: topic, Bytes: round}} {
			b, err := s.Work(ctx, cpus, Topic{Partitions: 6}, l)
			if err != nil {
				return "", fmt.Errorf("warming up: %w", err)
			}
			cost += b.Metrics[result.CPUPerGB] / 2
		}
		costs = append(costs, cost)
	}
	var words []string
	for _, c := range costs {
		words = append(words, fmt.Sprintf("%.2f", c))
	}
	end := "then no longer falling"
	if !Settled(costs) {
		end = "maybe still falling"
	}
	return fmt.Sprintf("%.1f GiB, CPU-s/GB %s, %s", float64(2*round*int64(len(costs))+round)/(1<<30), strings.Join(words, ", "), end), nil
}

// Settled tells whether the last three costs did not fall by more than 5 % under the
// best before them: one round, or two, may be slow for another reason.
func Settled(costs []float64) bool {
	const last = 3
	n := len(costs)
	return n > last && slices.Min(costs[n-last:]) >= 0.95*slices.Min(costs[:n-last])
}
