package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

type load struct {
	addr, topic           string
	connections, inFlight int
	partitions            int
	perRequest            int // partitions in one produce request
	recordBytes           int
	batchBytes            int
	partitionBytesMax     int
	bytes                 int64 // to move in all
	end                   int64 // offset at which every partition ends, 0 to ask
}

// result is what a load did. Bytes are those of record batches (by the replay
// client) or of record values (by the standard client).
type result struct {
	Requests int64   `json:"requests"`
	Records  int64   `json:"records"`
	Bytes    int64   `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	P50Us    int64   `json:"p50Us"`
	P99Us    int64   `json:"p99Us"`
}

var commands = map[string]func(context.Context, load) (result, error){
	"produce":          produce,
	"fetch":            fetch,
	"standard-produce": standardProduce,
	"standard-fetch":   standardFetch,
}

func main() {
	var l load
	flags := flag.NewFlagSet("replay produce|fetch|standard-produce|standard-fetch", flag.ExitOnError)
	flags.StringVar(&l.addr, "b", "127.0.0.1:9092", "broker")
	flags.StringVar(&l.topic, "topic", "bench", "topic, which exists")
	flags.IntVar(&l.connections, "connections", 1, "connections")
	flags.IntVar(&l.inFlight, "in-flight", 5, "requests in flight on each connection")
	flags.IntVar(&l.partitions, "partitions", 6, "partitions of the topic")
	flags.IntVar(&l.perRequest, "per-request", 6, "partitions in one produce request")
	flags.IntVar(&l.recordBytes, "record", 1024, "bytes of a record's value")
	flags.IntVar(&l.batchBytes, "batch", 16384, "bytes of a batch")
	flags.IntVar(&l.partitionBytesMax, "partition-bytes", 1<<20, "bytes that a fetch asks of each partition")
	flags.Int64Var(&l.end, "end", 0, "offset at which every partition ends, for a fetch of what does not answer ListOffsets, as limit does not")
	flags.Int64Var(&l.bytes, "bytes", 1<<30, "bytes to move in all")
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		flags.Usage()
		os.Exit(2)
	}
	_ = flags.Parse(os.Args[2:])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := commands[os.Args[1]](ctx, l)
	if err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(r)
}

// latencies are those of one connection's requests.
type latencies []time.Duration

func (l latencies) into(r *result) {
	if len(l) == 0 {
		return
	}
	slices.Sort(l)
	r.P50Us = l[len(l)/2].Microseconds()
	r.P99Us = l[min(len(l)-1, len(l)*99/100)].Microseconds()
}
