package wire

import (
	"log/slog"
	"math"
	"net/netip"
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
	// and what they are decoded to; default 256 MiB. One request may exceed it, with
	// 512 KiB of those that arrived right before it, so memory is bounded by both limits
	// together. Kafka's queued.max.request.bytes.
	InFlightBytesMax int64
	// ConnectionsMax bounds open connections, default 10,000. More are accepted
	// and closed at once: left in the backlog they would hold up nobody but
	// clients, who could not tell a full broker from a dead one. Kafka's
	// max.connections.
	ConnectionsMax int
	// Limits are those that [Server.SetLimits] changes.
	Limits Limits
	// PipelineMax is how many replies of one connection may be outstanding before
	// its next request is left unread, default 64; those of eight requests that have
	// arrived together may come on top.
	PipelineMax int
	// RepliesBytesMax bounds what the replies of all connections hold that wait, for
	// earlier ones, for data, for disks or for their peers; default 256 MiB. Beyond it
	// the next request of a connection that has any such reply is left unread, and
	// peers that take nothing for 3 s are dropped, but for those of TLS and those that
	// records are sent to. Those that have none have one request served each, or eight
	// that have arrived together, so memory is bounded by this and their replies.
	RepliesBytesMax int64
	// ReadAheadBytesMax is how much of a file is asked of the disk ahead of what a
	// connection is sent of it, default 2 MiB; negative leaves it to the system. See
	// [zerocopy.Sender]: with TLS, and of little at a time, nothing is.
	ReadAheadBytesMax int64

	// IdleTimeout closes a connection without requests and outstanding replies,
	// default 10 minutes, Kafka's connections.max.idle.ms.
	IdleTimeout time.Duration
	// FrameTimeout closes a connection that does not get on with a request it
	// began, or whose peer is not done with TLS; default 30 s for every 64 KiB.
	FrameTimeout time.Duration
	// WriteTimeout closes a connection whose peer does not read, default 2 minutes
	// for every MiB of a response. Where memory is short see RepliesBytesMax.
	WriteTimeout time.Duration
}

// Limits are about how connections are accepted. A zero value stands for the
// default.
type Limits struct {
	// PerAddrMax bounds open connections of one IP address; more are closed at
	// once. By default it is ConnectionsMax: most clients of a broker share
	// one address behind a balancer. Kafka's
	// max.connections.per.ip.
	PerAddrMax int
	// PerAddr says otherwise for some addresses, 0 included. Kafka's
	// max.connections.per.ip.overrides.
	PerAddr map[netip.Addr]int
	// RateMax is how many connections are accepted a second, and at once after a
	// quiet second; default 5000. More wait until it is their turn, so that a storm
	// of them leaves room for requests. Kafka's max.connection.creation.rate.
	RateMax int
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.PerAddrMax, math.MaxInt)
	setDefault(&l.RateMax, 5000)
	return l
}

// perAddr is how many connections an address may have.
func (l *Limits) perAddr(addr netip.Addr) int {
	if own, ok := l.PerAddr[addr]; ok {
		return own
	}
	return l.PerAddrMax
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&o.FrameBytesMax, 100<<20)
	setDefault(&o.InFlightBytesMax, 256<<20)
	setDefault(&o.ConnectionsMax, 10_000)
	o.Limits = o.Limits.withDefaults()
	setDefault(&o.PipelineMax, 64)
	setDefault(&o.RepliesBytesMax, 256<<20)
	if o.ReadAheadBytesMax == 0 {
		o.ReadAheadBytesMax = 2 << 20
	}
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
