package wire

import (
	"context"
	"errors"
)

// ErrMalformed tells that the bytes of a request are not what its key and
// version say. The connection cannot be trusted to be in step any more.
var ErrMalformed = errors.New("malformed request")

// Request is one request of a connection.
//
// Body, and every byte slice that was parsed from it, is valid until the
// handler returns: a wait in [Reply.Park] must not touch them. All else,
// strings included, may be kept.
type Request struct {
	Key, Version  int16
	CorrelationID int32
	ClientID      string // "" where the client sent null
	Body          []byte // what follows the request header
	Conn          *Conn

	held         *reservation // what the request holds in flight; nil outside a server
	decodedBytes int64
}

// DecodedBytes is what [Request.Decode] allocated, at most.
func (r *Request) DecodedBytes() int64 { return r.decodedBytes }

// Reserve counts what the handler is about to allocate for the request as in
// flight, like what was decoded, until the handler returns.
func (r *Request) Reserve(bytes int64) error {
	if r.held == nil {
		return nil
	}
	return r.held.acquire(bytes)
}

// Response is the body of a response. Every kmsg.Response is one.
type Response interface {
	Key() int16
	IsFlexible() bool
	AppendTo(dst []byte) []byte
}

// Reply is what a handler answers. The zero Reply is no response at all: that
// of a Produce with acks=0.
type Reply struct {
	// Response is ready now.
	Response Response

	// Park is run where Response is nil, once all earlier replies were written,
	// on the connection's writing goroutine: waits for durability and long polls
	// belong here. A nil Response means none; an error closes the connection.
	//
	// It is called exactly once, whatever becomes of the connection, so it may
	// clean up. ctx is done when the peer is gone: Park must return at once then,
	// and its Response is released, not sent. A wait that may be cut short without
	// harm also watches [Conn.Draining].
	Park func(ctx context.Context) (Response, error)

	// HeldBytes is what the reply holds in memory until it is sent, beside what
	// every reply does: the memory of a wait, or of a Response that is kept as it
	// is. Where replies of a connection, or of all, hold much, its next request
	// waits. A Response without it is encoded if it must wait for earlier replies.
	HeldBytes int64

	// Ready, where set, reports without waiting whether Park would return at
	// once. Such replies share a write with those before them.
	Ready func() bool
}

// Handler serves requests.
type Handler interface {
	// Serve serves one request. It runs on the connection's reading goroutine, one
	// request at a time, and must not wait for anything but disk writes and locks.
	// An error closes the connection, with the reason logged; replies to earlier
	// requests still leave. ctx is done when the connection is closed.
	Serve(ctx context.Context, r *Request) (Reply, error)
}

// RunHandler is a Handler that gains by serving several requests at once. Those of
// Produce that have arrived one right behind the other on a connection are a run.
type RunHandler interface {
	Handler
	// ServeRun serves the first n of two requests or more, one at least, and leaves
	// their replies in replies: it comes to the same as if Serve served them one after
	// the other. It tells whether it was cheaper. An error is that of the request behind
	// them. A panic ends the connection, and none of the requests is answered.
	ServeRun(ctx context.Context, rs []*Request, replies []Reply) (n int, cheaper bool, err error)
}
