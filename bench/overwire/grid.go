package overwire

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"moldau/bench/client"
	"moldau/bench/wire"
)

// grid is a cross product of what batches are like and where they go. What has no
// values has one, the default.
type grid struct {
	records, batches, partitions []int
	codecs                       []string
}

// uncompressed is what the absence of a codec is called.
const uncompressed = "none"

// whole is that of the design.
var whole = &grid{
	records: []int{100, 1 << 10, 10 << 10}, batches: []int{1, 16 << 10, 1_000_000},
	partitions: []int{1, 6, 100}, codecs: []string{uncompressed, wire.LZ4, wire.Zstd},
}

func (g *grid) declare(f *pflag.FlagSet) {
	f.IntSliceVar(&g.records, "record", nil, "`BYTES` of a record; these flags measure what they name instead of the default rows")
	f.IntSliceVar(&g.batches, "batch", nil, "`BYTES` of a batch at most; 1: one record each")
	f.IntSliceVar(&g.partitions, "partitions", nil, "`PARTITIONS`, ten of which at most get a batch by each request; from 100 on by 6 connections")
	f.StringSliceVar(&g.codecs, "codec", nil, "`CODECS`: none, lz4, zstd")
}

// What a request may hold is bounded by the brokers' default.
const recordBytesMax, batchBytesMax, partitionsMax = 1_000_000, 1_000_000, 10_000

func (g *grid) check() error {
	var failed error
	check := func(what string, values []int, most int) {
		for _, v := range values {
			if v < 1 || v > most {
				failed = errors.Join(failed, fmt.Errorf("--%s %d: 1 to %d", what, v, most))
			}
		}
	}
	check("record", g.records, recordBytesMax)
	check("batch", g.batches, batchBytesMax)
	check("partitions", g.partitions, partitionsMax)
	for _, c := range g.codecs {
		if !slices.Contains(whole.codecs, c) {
			failed = errors.Join(failed, fmt.Errorf("--codec %s: one of %v", c, whole.codecs))
		}
	}
	return failed
}

func (g *grid) empty() bool {
	return len(g.records)+len(g.batches)+len(g.partitions)+len(g.codecs) == 0
}

func (g *grid) shapes() (all []shape) {
	for _, record := range orOne(g.records, 1<<10) {
		for _, batch := range orOne(g.batches, 16<<10) {
			for _, partitions := range orOne(g.partitions, 6) {
				for _, codec := range orOne(g.codecs, uncompressed) {
					l := client.Load{RecordBytes: record, BatchBytes: batch, Partitions: partitions, PerRequest: perRequest(partitions)}
					if codec != uncompressed {
						l.Codec = codec
					}
					if partitions >= 100 {
						l.Connections = 6
					}
					all = append(all, shape{name: gridName(l), load: l})
				}
			}
		}
	}
	return all
}

// perRequest is how many partitions get a batch by each request: ten at most, and such
// that requests go around all of them.
func perRequest(partitions int) int {
	n := min(partitions, 10)
	for partitions%n != 0 {
		n--
	}
	return n
}

// orOne are the values, or one where there are none.
func orOne[T any](values []T, one T) []T {
	if len(values) > 0 {
		return values
	}
	return []T{one}
}

func gridName(l client.Load) string {
	return fmt.Sprintf("grid: produce %s %s, batches of %s, %d of %d partitions a request",
		size(l.RecordBytes), cmp.Or(l.Codec, "uncompressed"), batchSize(l.BatchBytes), l.PerRequest, l.Partitions)
}

func batchSize(bytes int) string {
	switch bytes {
	case 1:
		return "one record"
	case 1_000_000:
		return "1 MB"
	}
	return size(bytes)
}
