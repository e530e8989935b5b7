package wire

import (
	"log/slog"
	"time"
)

// Options makes a [Server]. Only Handler is mandatory; a zero value of the
// others stands for the default.
type Options struct {
	Handler Handler
	Logger  *slog.Logger // nil discards

	// FrameBytesMax is the largest request accepted, without its length field;
	// default 100 MiB, Kafka's socket.request.max.bytes.
	FrameBytesMax int
	// InFlightBytesMax bounds the buffers of all requests being received or served
	// and what they are decoded to; default 256 MiB. One request may exceed it, so
	// memory is bounded by both limits together.
	InFlightBytesMax int64
	// ConnectionsMax bounds open connections, default 10,000. More are accepted
	// and closed at once: left in the backlog they would hold up nobody but
	// clients, who could not tell a full broker from a dead one.
	ConnectionsMax int
	// MaxConnsPerAddr bounds open connections of one IP address, default
	// ConnectionsMax: most clients of a broker share one behind a balancer.
	MaxConnsPerAddr int
	// PipelineMax is how many replies of one connection may be outstanding before
	// its next request is left unread, default 64.
	PipelineMax int

	// IdleTimeout closes a connection without requests and outstanding replies,
	// default 10 minutes, Kafka's connections.max.idle.ms.
	IdleTimeout time.Duration
	// FrameTimeout closes a connection that does not get on with a request it
	// began, or whose peer is not done with TLS; default 30 s for every 64 KiB.
	FrameTimeout time.Duration
	// WriteTimeout closes a connection whose peer does not read, default 2 minutes
	// for every MiB of a response.
	WriteTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&o.FrameBytesMax, 100<<20)
	setDefault(&o.InFlightBytesMax, 256<<20)
	setDefault(&o.ConnectionsMax, 10_000)
	setDefault(&o.MaxConnsPerAddr, o.ConnectionsMax)
	setDefault(&o.PipelineMax, 64)
	setDefault(&o.IdleTimeout, 10*time.Minute)
	setDefault(&o.FrameTimeout, 30*time.Second)
	setDefault(&o.WriteTimeout, 2*time.Minute)
	return o
}

func setDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Counters are what a [Server] did since it was made, but for Connections.
type Counters struct {
	Connections   int64 // open now
	Accepted      int64 // connections
	Refused       int64 // connections above a limit
	Frames        int64 // requests received
	Rejected      int64 // requests that ended their connection
	BytesIn       int64 // frames with their length fields
	BytesOut      int64 // by all paths
	SendfileBytes int64 // of records, from file to socket by the kernel
	CopiedBytes   int64 // of records, through a buffer
}
