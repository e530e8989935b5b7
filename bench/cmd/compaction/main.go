package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"moldau/bench/disk"
	"moldau/bench/yardstick"
)

type options struct {
	dir, out       string
	blocks         int
	bytes          int64
	value          int
	batchKiB       int
	mapBytes       int64
	keep           bool
	codec          string
	segmentBytes   int64
	transactional  bool
	tombstoneEvery int
	kafka          bool
	warmUp         int
	producer       int
	window         time.Duration
	throttleMB     int64
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", os.TempDir(), "`directory` on the disk to measure")
	flag.StringVar(&o.out, "out", "", "`directory` for the results")
	flag.IntVar(&o.blocks, "blocks", 5, "blocks of each row")
	flag.Int64Var(&o.bytes, "bytes", 1<<30, "bytes of each log")
	flag.IntVar(&o.value, "value", 1000, "bytes of a value")
	flag.IntVar(&o.batchKiB, "batch-kib", 16, "KiB in a batch")
	flag.Int64Var(&o.mapBytes, "map-bytes", 0, "memory for keys; 0 is the engine's and Kafka's default, 128 MiB")
	flag.Int64Var(&o.segmentBytes, "segment-bytes", 256<<20, "bytes of a segment")
	flag.StringVar(&o.codec, "codec", "none", "codec of the batches")
	flag.BoolVar(&o.transactional, "transactions", false, "every fourth batch is of a transaction, half of which are aborted")
	flag.IntVar(&o.tombstoneEvery, "tombstone-every", 0, "one in so many records has no value; 0 is none")
	flag.BoolVar(&o.keep, "keep", false, "keep the compacted directories, and say where they are")
	flag.BoolVar(&o.kafka, "kafka", false, "have Kafka's cleaner compact copies")
	flag.IntVar(&o.warmUp, "warm-up", 4, "logs that Kafka's cleaner compacts before it is measured")
	flag.IntVar(&o.producer, "producer", 0, "measure so many appends a `second` beside compactions instead")
	flag.DurationVar(&o.window, "window", 5*time.Second, "how long a block with a producer lasts, at most")
	flag.Int64Var(&o.throttleMB, "throttle-mb", 50, "MB/s of the compaction that is throttled, beside a producer")
	flag.Parse()
	if o.mapBytes == 0 {
		o.mapBytes = mapBytesDefault
	}
	if o.out == "" || flag.NArg() > 0 || o.blocks < 1 || o.bytes < 1<<20 || o.value < 0 {
		flag.Usage()
		os.Exit(2)
	}
	measure := run
	if o.producer > 0 {
		measure = runProducers
	}
	if err := measure(o); err != nil {
		fmt.Fprintln(os.Stderr, "compaction:", err)
		os.Exit(1)
	}
}

// report is everything that was measured, raw.
type report struct {
	At          time.Time         `json:"at"`
	Environment map[string]string `json:"environment"`
	Command     []string          `json:"command"`
	Rows        []*row            `json:"rows"`
}

// row is a distribution of keys.
type row struct {
	Name   string                     `json:"name"`
	Blocks []block                    `json:"blocks"`
	keys   func(n int64) func() int64 // of a log of n records
}

// block is one log, with the loop and the compaction of it.
type block struct {
	Bytes          int64   `json:"bytes"`
	Records        int64   `json:"records"`
	Left           int64   `json:"leftRecords"`
	LoopSeconds    float64 `json:"loopSeconds"`
	CompactSeconds float64 `json:"compactSeconds"`
	CompactCPU     float64 `json:"compactCPUSeconds"`
	KafkaSeconds   float64 `json:"kafkaSeconds"`
	KafkaCPU       float64 `json:"kafkaCPUSeconds"`
	ReadBytes      int64   `json:"readBytes"`
	WrittenBytes   int64   `json:"writtenBytes"`
	Rounds         int     `json:"rounds"`
	HeapBytes      uint64  `json:"heapBytes"` // the most that was seen during the compaction
}

func (b block) loopRate() float64    { return float64(b.Bytes) / 1e6 / b.LoopSeconds }
func (b block) compactRate() float64 { return float64(b.Bytes) / 1e6 / b.CompactSeconds }
func (b block) ratio() float64       { return b.compactRate() / b.loopRate() }

// compactCPURate and kafkaCPURate are in MB for a CPU-second.
func (b block) compactCPURate() float64 { return float64(b.Bytes) / 1e6 / b.CompactCPU }
func (b block) kafkaCPURate() float64   { return float64(b.Bytes) / 1e6 / b.KafkaCPU }
func (b block) timesKafka() float64     { return b.KafkaCPU / b.CompactCPU }

func run(o options) (err error) {
	root, err := os.MkdirTemp(o.dir, "compaction-")
	if err != nil {
		return err
	}
	if !o.keep {
		defer os.RemoveAll(root)
	}
	r := &report{At: time.Now().UTC(), Command: os.Args[1:], Environment: yardstick.Environment(map[string]string{"disk": disk.FileSystem(o.dir)}), Rows: rows()}
	var kafka *kafkaCleaner
	if o.kafka {
		if kafka, err = startKafka(o); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, kafka.close()) }()
		if err := kafka.warmUp(o, r.Rows, root); err != nil {
			return err
		}
	} else {
		delete(r.Environment, "java")
	}
	for n := range o.blocks {
		for i, row := range r.Rows {
			dir := filepath.Join(root, fmt.Sprintf("%d-%d", i, n))
			b, err := measure(o, row, dir, kafka, n%2 == 1)
			if err != nil {
				return fmt.Errorf("%s: %w", row.Name, err)
			}
			row.Blocks = append(row.Blocks, b)
			fmt.Printf("%s, block %d: loop %.0f MB/s, compaction %.0f MB/s, %d of %d records left, %d rounds, heap %d MB\n",
				row.Name, n+1, b.loopRate(), b.compactRate(), b.Left, b.Records, b.Rounds, b.HeapBytes>>20)
			if o.kafka {
				fmt.Printf("  of a CPU-second: %.0f MB, Kafka %.0f MB, %.0f MB/s; the same records are left\n", b.compactCPURate(), b.kafkaCPURate(), float64(b.Bytes)/1e6/b.KafkaSeconds)
			}
			if !o.keep {
				if err := os.RemoveAll(dir); err != nil {
					return err
				}
			}
		}
	}
	r.print(o)
	if o.keep {
		fmt.Println("kept:", root)
	}
	return yardstick.Save(o.out, "compaction", r.At, r)
}

func (r *report) print(o options) {
	fmt.Println("\n| keys | loop, MB/s | compaction, MB/s | of the loop | written | heap, MB |\n|---|---|---|---|---|---|")
	for _, row := range r.Rows {
		of := row.median
		fmt.Printf("| %s | %.0f | %.0f | %.0f %% | %.0f %% | %.0f |\n", row.Name, of(block.loopRate), of(block.compactRate), 100*of(block.ratio),
			100*of(func(b block) float64 { return float64(b.WrittenBytes) / float64(b.Bytes) }), of(func(b block) float64 { return float64(b.HeapBytes) / 1e6 }))
	}
	if !o.kafka {
		return
	}
	fmt.Println("\n| keys | MB for a CPU-s (least-most) | Kafka's (least-most) | times Kafka's | MB/s | Kafka's |\n|---|---|---|---|---|---|")
	for _, row := range r.Rows {
		of := row.median
		ours, kafkas := yardstick.Values(row.Blocks, block.compactCPURate), yardstick.Values(row.Blocks, block.kafkaCPURate)
		fmt.Printf("| %s | %.0f (%.0f-%.0f) | %.0f (%.0f-%.0f) | %.2f | %.0f | %.0f |\n", row.Name,
			yardstick.Median(ours), slices.Min(ours), slices.Max(ours), yardstick.Median(kafkas), slices.Min(kafkas), slices.Max(kafkas), of(block.timesKafka),
			of(block.compactRate), of(func(b block) float64 { return float64(b.Bytes) / 1e6 / b.KafkaSeconds }))
	}
}

func (w *row) median(of func(block) float64) float64 {
	return yardstick.Median(yardstick.Values(w.Blocks, of))
}
