package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/bench/result"
	"moldau/bench/wire"
	"moldau/server/compat/broker"
)

// Kinds of load.
const (
	Produce         = "produce"          // the replay client
	Fetch           = "fetch"            // the replay client
	StandardProduce = "standard-produce" // franz-go
	StandardFetch   = "standard-fetch"   // franz-go
	OpenLoopProduce = "open-loop"        // the replay client, at times fixed beforehand
	Idle            = "idle"             // connections that have nothing to do
	ApacheProduce   = "apache-produce"   // Apache's ProducerPerformance
	ApacheFetch     = "apache-fetch"     // Apache's ConsumerPerformance
	NATSProduce     = "nats-produce"     // nats.go, to JetStream
	NATSFetch       = "nats-fetch"       // nats.go, from JetStream
)

// Load is what a client is to do.
type Load struct {
	Kind              string `json:"kind"`
	Addr              string `json:"addr"`
	Trusts            string `json:"trusts,omitempty"`            // PEM file of the system's certificate; empty: plaintext
	Topic             string `json:"topic"`                       // or the stream
	Connections       int    `json:"connections,omitempty"`       // default 1
	InFlight          int    `json:"inFlight,omitempty"`          // requests on each connection, default 5
	Partitions        int    `json:"partitions,omitempty"`        // of the topic
	PerRequest        int    `json:"perRequest,omitempty"`        // partitions in one produce request
	RecordBytes       int    `json:"recordBytes,omitempty"`       // of a value
	BatchBytes        int    `json:"batchBytes,omitempty"`        // at most
	PartitionBytesMax int    `json:"partitionBytesMax,omitempty"` // that a fetch asks of each partition
	Ends              int64  `json:"ends,omitempty"`              // of each partition, for a fetch; 0: the broker is asked
	Codec             string `json:"codec,omitempty"`             // of the replay client's batches: "lz4", "zstd"
	Exact             bool   `json:"exact,omitempty"`             // whether batches fill what they may
	Bytes             int64  `json:"bytes"`                       // to move in all
	Topics            int    `json:"topics,omitempty"`            // produce to so many, called as WideTopic does; 0: to the one
	Rounds            int    `json:"rounds,omitempty"`            // produce so many batches to each partition, whatever the bytes
	// Seconds ends the load sooner; 0: it ends when the bytes are moved. Apache's
	// client, which cannot be ended, does not look at it. An open loop has no bytes.
	Seconds float64 `json:"seconds,omitempty"`
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
	case Fetch, StandardFetch, ApacheFetch, NATSFetch:
		s.Consumers = connections
	default:
		s.Producers, s.Consumers, s.BatchBytes = connections, l.Consumers, cmp.Or(l.BatchBytes, defaults.BatchBytes)
	}
	return s
}

// dial connects, by TLS where the system has a certificate.
func (l Load) dial(ctx context.Context) (*wire.Conn, error) {
	trusting, err := broker.Trusting(l.Trusts)
	switch {
	case err != nil:
		return nil, err
	case trusting != nil:
		return wire.DialTLS(ctx, l.Addr, trusting) // by the cipher that all have, or not at all
	}
	return wire.Dial(ctx, l.Addr)
}

// client is franz-go's, connected likewise.
func (l Load) client(more ...kgo.Opt) (*kgo.Client, error) {
	trusting, err := broker.Trusting(l.Trusts)
	if err != nil {
		return nil, err
	}
	if trusting != nil {
		more = append(more, kgo.DialTLSConfig(trusting))
	}
	return kgo.NewClient(append(more, kgo.SeedBrokers(l.Addr))...)
}

// over tells whether the time of a load that began at start has passed.
func (l Load) over(start time.Time) bool {
	return l.Seconds > 0 && time.Since(start).Seconds() >= l.Seconds
}

// shape is that of the batches.
func (l Load) shape() wire.Shape {
	return wire.Shape{RecordBytes: l.RecordBytes, BatchBytes: l.BatchBytes, Codec: l.Codec, Exact: l.Exact}
}

// Outcome is what a client did. Bytes are those of record batches (by the replay
// client) or of record values (by the others).
type Outcome struct {
	Requests int64 `json:"requests"` // 0 where the client does not count them
	Batches  int64 `json:"batches"`
	Records  int64 `json:"records"`
	Bytes    int64 `json:"bytes"`
	// Uncompressed are the bytes before compression, 0 where nothing was compressed.
	Uncompressed int64           `json:"uncompressed,omitempty"`
	Seconds      float64         `json:"seconds"`
	More         int64           `json:"more,omitempty"`    // records that were produced and do not count
	Latency      *result.Latency `json:"latency,omitempty"` // of requests
	CPUSeconds   float64         `json:"cpuSeconds"`        // of the client's process, known to who started it
	// Of an open loop, whose Latency counts from when a request was due:
	Windows   []*result.Latency `json:"windows,omitempty"`   // the same, by when that was
	SendLag   *result.Latency   `json:"sendLag,omitempty"`   // how much later than due requests were sent
	Tail      *result.Latency   `json:"tail,omitempty"`      // from then until a consumer had it
	Delivered int64             `json:"delivered,omitempty"` // bytes that consumers got
}

var kinds = map[string]func(context.Context, Load) (Outcome, error){
	Produce: produce, Fetch: fetch, StandardProduce: standardProduce, StandardFetch: standardFetch,
	OpenLoopProduce: runOpenLoop, Idle: idle,
	ApacheProduce: apacheProduce, ApacheFetch: apacheFetch, NATSProduce: natsProduce, NATSFetch: natsFetch,
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

// A system that does not answer shall end a run, not hold it up: a client may take so
// long beside its load's seconds or, where it has none, for its bytes at that rate.
const (
	answersMax   = 15 * time.Minute
	bytesMinRate = 1_000_000 // a second
)

// longest is how long a load may take.
func (l Load) longest() time.Duration {
	seconds := l.Seconds
	if seconds == 0 {
		seconds = float64(l.Bytes) / bytesMinRate
	}
	return answersMax + time.Duration(seconds*float64(time.Second))
}

var errNoAnswer = errors.New("the client has not ended long after it should have: the system does not answer")

// Run starts a client, pinned to cpus in taskset's notation unless that is empty,
// and waits for it.
func Run(ctx context.Context, cpus string, l Load) (_ Outcome, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.longest(), errNoAnswer)
	defer cancel()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
	}()
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
