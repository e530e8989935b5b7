package main

import (
	"context"
	"fmt"

	"moldau/bench/yardstick"
)

// block is one measured run.
type block struct {
	outcome
	// CPUSeconds are the broker process's, user and system.
	CPUSeconds float64 `json:"cpuSeconds"`
	// StealSeconds are those that the machine's host took from it.
	StealSeconds float64 `json:"stealSeconds"`
}

func (b block) cpuPerGB() float64      { return b.CPUSeconds / (float64(b.Bytes) / 1e9) }
func (b block) gbPerSecond() float64   { return float64(b.Bytes) / 1e9 / b.Seconds }
func (b block) recordsPerSec() float64 { return float64(b.Records) / b.Seconds }

// cpuPerRequestUs is 0 where the client does not count requests.
func (b block) cpuPerRequestUs() float64 {
	if b.Requests == 0 {
		return 0
	}
	return b.CPUSeconds * 1e6 / float64(b.Requests)
}

// measure runs a row in alternating blocks: Moldau, Kafka, Moldau, Kafka, so
// that a slow minute of the machine meets both.
func measure(ctx context.Context, o options, r row, systems []*system, report *report) error {
	for n := range o.blocks {
		for _, s := range systems {
			b, err := s.measure(ctx, &r)
			if err != nil {
				return err
			}
			fmt.Printf("%-54s %-6s block %d: %6.2f GB/s %8.3f CPU-s/GB\n", r.name, s.name, n+1, b.gbPerSecond(), b.cpuPerGB())
			report.add(&r, s.name, b)
		}
	}
	return nil
}

func (s *system) measure(ctx context.Context, r *row) (block, error) {
	topic := s.filled
	if !r.fetches {
		var err error
		if topic, err = s.create(ctx, r); err != nil {
			return block{}, err
		}
	}
	cpu, steal, err := yardstick.Times(s.broker.PID())
	if err != nil {
		return block{}, err
	}
	done, err := s.load(ctx, r, topic)
	if err != nil {
		return block{}, err
	}
	cpuAfter, stealAfter, err := yardstick.Times(s.broker.PID())
	if err != nil {
		return block{}, err
	}
	if !r.fetches {
		if err := s.delete(ctx, topic); err != nil {
			return block{}, err
		}
	}
	return block{outcome: done, CPUSeconds: cpuAfter - cpu, StealSeconds: stealAfter - steal}, nil
}
