package compaction

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/harness"
	"moldau/bench/result"
)

const (
	moldau   = "moldau"
	kafka    = "kafka"
	bareLoop = "read-hash-copy"
)

type options struct {
	bytes          int64
	value          int
	batchKiB       int
	mapBytes       int64
	codec          string
	segmentBytes   int64
	transactional  bool
	tombstoneEvery int
	warmUp         int
}

func (o *options) declare(flags *pflag.FlagSet) {
	flags.Int64Var(&o.bytes, "bytes", 1<<30, "bytes of each log")
	flags.IntVar(&o.value, "value", 1000, "bytes of a value")
	flags.IntVar(&o.batchKiB, "batch-kib", 16, "KiB in a batch")
	flags.Int64Var(&o.mapBytes, "map-bytes", mapBytesDefault, "memory for keys")
	flags.Int64Var(&o.segmentBytes, "segment-bytes", 256<<20, "bytes of a segment")
	flags.StringVar(&o.codec, "codec", "none", "codec of the batches")
	flags.BoolVar(&o.transactional, "transactions", false, "every fourth batch is of a transaction, half of which are aborted")
	flags.IntVar(&o.tombstoneEvery, "tombstone-every", 0, "one in so many records has no value; 0 is none")
	harness.Quick(flags, "bytes", "134217728")
	harness.Quick(flags, "segment-bytes", "33554432")
}

func (o *options) check() error {
	if o.bytes < 1<<20 || o.value < 0 || o.segmentBytes <= 0 {
		return errors.New("at least 1 MiB of log, and of a segment something")
	}
	return nil
}

// Scenario is how fast a log is compacted.
func Scenario() harness.Scenario {
	var o options
	return harness.Scenario{
		Name:    "compaction",
		Summary: "how fast the engine compacts a log, beside a bare loop and Kafka's cleaner",
		Help: `Each turn writes a log anew. The limit reads its segments once, checks each batch's
CRC-32C, hashes each key and writes as large a share of the bytes as of the records is to
stay; the engine, and Kafka's own cleaner with as much memory for keys and
one thread, work on the same log, and must keep the same records. Rates are in bytes
of the log as it was.`,
		Flags: func(flags *pflag.FlagSet) {
			o.declare(flags)
			flags.IntVar(&o.warmUp, "cleaner-warm-up", 4, "logs that Kafka's cleaner compacts before it is measured")
			harness.Quick(flags, "cleaner-warm-up", "2")
		},
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			return plan(s, &o)
		},
	}
}

func plan(s *harness.Session, o *options) ([]harness.Workload, error) {
	if err := o.check(); err != nil || !s.WantsDurability("os") {
		return nil, err
	}
	root, err := s.Directory("compaction")
	if err != nil {
		return nil, err
	}
	cleaner := &kafkaCleaner{session: s, options: o, root: root}
	var workloads []harness.Workload
	for _, k := range distributions() {
		t := &trial{options: o, keys: k, root: root, cleaner: cleaner, engine: s.Wants(moldau, false), kafka: s.Wants(kafka, false)}
		workloads = append(workloads, harness.Workload{Expect: time.Second + time.Duration(o.bytes>>20)*9*time.Millisecond, Row: result.Row{
			Name:   fmt.Sprintf("compact %d MiB, %s", o.bytes>>20, k.name),
			Client: "embedded", Acks: "-", Durability: "os", Headline: result.PerCPUSecond,
			Goals: []result.Goal{
				{System: moldau, Metric: result.PerCPUSecond, Against: kafka, AtLeast: 2},
				{System: moldau, Metric: result.BytesPerSecond, Against: bareLoop, AtLeast: 0.6},
			},
		}, Contestants: []harness.Contestant{
			{System: bareLoop, Limit: true, Block: t.block(t.loop)},
			{System: moldau, Block: t.block(t.compact)},
			{System: kafka, Block: t.block(t.clean)},
		}, After: t.end})
	}
	return workloads, nil
}
