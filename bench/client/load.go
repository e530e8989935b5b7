package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"moldau/bench/result"
)

// Kinds of load.
const (
	Produce         = "produce"          // the replay client
	Fetch           = "fetch"            // the replay client
	StandardProduce = "standard-produce" // franz-go
	StandardFetch   = "standard-fetch"   // franz-go
	OpenLoopProduce = "open-loop"        // the replay client, at times fixed beforehand
	Idle            = "idle"             // connections that have nothing to do
)

// Load is what a client is to do.
type Load struct {
	Kind              string `json:"kind"`
	Addr              string `json:"addr"`
	Topic             string `json:"topic"`
	Connections       int    `json:"connections,omitempty"`       // default 1
	InFlight          int    `json:"inFlight,omitempty"`          // requests on each connection, default 5
	Partitions        int    `json:"partitions,omitempty"`        // of the topic
	PerRequest        int    `json:"perRequest,omitempty"`        // partitions in one produce request
	RecordBytes       int    `json:"recordBytes,omitempty"`       // of a value
	BatchBytes        int    `json:"batchBytes,omitempty"`        // at most
	PartitionBytesMax int    `json:"partitionBytesMax,omitempty"` // that a fetch asks of each partition
	Ends              int64  `json:"ends,omitempty"`              // of each partition, for a fetch; 0: the broker is asked
	Bytes             int64  `json:"bytes"`                       // to move in all
	Topics            int    `json:"topics,omitempty"`            // produce to so many, called as WideTopic does; 0: to the one
	// Held has the client say when it is at work, and work until it is stopped.
	Held bool `json:"held,omitempty"`
	OpenLoop
	hold hold
}

// defaults are those of fields that a Load leaves out.
var defaults = Load{Connections: 1, InFlight: 5, Partitions: 6, PerRequest: 6, RecordBytes: 1024, BatchBytes: 16384, PartitionBytesMax: 1 << 20, Bytes: 1 << 30}

// Shape is the load in numbers, for a row.
func (l Load) Shape() result.Shape {
	s := result.Shape{RecordBytes: cmp.Or(l.RecordBytes, defaults.RecordBytes), Partitions: cmp.Or(l.Partitions, defaults.Partitions)}
	connections := cmp.Or(l.Connections, defaults.Connections)
	switch l.Kind {
	case Fetch, StandardFetch:
		s.Consumers = connections
	default:
		s.Producers, s.Consumers, s.BatchBytes = connections, l.Consumers, cmp.Or(l.BatchBytes, defaults.BatchBytes)
	}
	return s
}

// Outcome is what a client did. Bytes are those of record batches (by the replay
// client) or of record values (by franz-go).
type Outcome struct {
	Requests   int64           `json:"requests"` // 0 where the client does not count them
	Batches    int64           `json:"batches"`
	Records    int64           `json:"records"`
	Bytes      int64           `json:"bytes"`
	Seconds    float64         `json:"seconds"`
	Latency    *result.Latency `json:"latency,omitempty"` // of requests
	CPUSeconds float64         `json:"cpuSeconds"`        // of the client's process, known to who started it
	// Of an open loop, whose Latency counts from when a request was due:
	Windows   []*result.Latency `json:"windows,omitempty"`   // the same, by when that was
	SendLag   *result.Latency   `json:"sendLag,omitempty"`   // how much later than due requests were sent
	Tail      *result.Latency   `json:"tail,omitempty"`      // from then until a consumer had it
	Delivered int64             `json:"delivered,omitempty"` // bytes that consumers got
}

var kinds = map[string]func(context.Context, Load) (Outcome, error){
	Produce: produce, Fetch: fetch, StandardProduce: standardProduce, StandardFetch: standardFetch,
	OpenLoopProduce: runOpenLoop, Idle: idle,
}

// Command is the hidden command's name.
const Command = "client"

// Serve is the client's process: it reads a Load and writes an Outcome.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	l := defaults
	if err := json.NewDecoder(in).Decode(&l); err != nil {
		return err
	}
	run := kinds[l.Kind]
	if run == nil {
		return fmt.Errorf("no load %q", l.Kind)
	}
	if l.Held {
		l.hold = newHold(in, out)
	}
	o, err := run(ctx, l)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(o)
}

// Run starts a client, pinned to cpus in taskset's notation unless that is empty,
// and waits for it.
func Run(ctx context.Context, cpus string, l Load) (Outcome, error) {
	p, err := Start(ctx, cpus, l)
	if err != nil {
		return Outcome{}, err
	}
	o, err := p.Stop()
	if err == nil && o.Bytes == 0 {
		err = errors.New("nothing was moved")
	}
	return o, err
}
