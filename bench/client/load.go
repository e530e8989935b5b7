package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"moldau/bench/result"
)

// Kinds of load.
const (
	Produce         = "produce"          // the replay client
	Fetch           = "fetch"            // the replay client
	StandardProduce = "standard-produce" // franz-go
	StandardFetch   = "standard-fetch"   // franz-go
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
		s.Producers, s.BatchBytes = connections, cmp.Or(l.BatchBytes, defaults.BatchBytes)
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
}

var kinds = map[string]func(context.Context, Load) (Outcome, error){
	Produce: produce, Fetch: fetch, StandardProduce: standardProduce, StandardFetch: standardFetch,
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
	o, err := run(ctx, l)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(o)
}

// Run starts a client, pinned to cpus in taskset's notation unless that is empty,
// and waits for it.
func Run(ctx context.Context, cpus string, l Load) (Outcome, error) {
	self, err := os.Executable()
	if err != nil {
		return Outcome{}, err
	}
	argv := []string{self, Command}
	if cpus != "" {
		argv = append([]string{"taskset", "-c", cpus}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return Outcome{}, err
	}
	cmd.Stderr = os.Stderr
	go func() {
		_ = json.NewEncoder(in).Encode(l) // a client that is gone tells so by its exit
		in.Close()
	}()
	b, err := cmd.Output()
	if err != nil {
		return Outcome{}, fmt.Errorf("%s against %s: %w", l.Kind, l.Addr, err)
	}
	var o Outcome
	err = json.Unmarshal(b, &o)
	o.CPUSeconds = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if err == nil && o.Bytes == 0 {
		err = errors.New("nothing was moved")
	}
	return o, err
}
