package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Why a connection ended, where the error is not of the network.
var (
	errPeerClosed   = errors.New("closed by the peer")
	errIdle         = errors.New("idle for too long")
	errStalled      = errors.New("a request did not get on")
	errShuttingDown = errors.New("server is shutting down")
)

// rejectedReplyTimeout is how long replies to earlier requests may take to
// leave when a later one ends the connection.
const rejectedReplyTimeout = time.Second

// prefixBytes is read ahead of a frame: a small request arrives in one system
// call that way, instead of one for its length and one for the rest, and of a
// large one little is copied. Held by idle connections, so it is small.
const prefixBytes = 1 << 10

// Conn is the connection a request came on.
type Conn struct {
	ID uint64 // unique within the server, from 1

	server *Server
	nc     net.Conn
	cancel context.CancelCauseFunc // ends both goroutines and closes nc

	frames frameReader   // of the reading goroutine
	client string        // id of the last request; of the reading goroutine
	queue  replyQueue    // to the writing goroutine
	writer replyWriter   // of the writing goroutine; of the reading one while outstanding is 0
	owed   atomic.Int64  // replies handed to the writing goroutine and not sent yet
	paidAt atomic.Int64  // when that one last sent any, in ns
	ended  chan struct{} // closed when the writing goroutine is gone
}

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// LocalAddr is the address the peer connected to.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// Draining is closed when the server begins to shut down. Replies then still
// leave, but a long poll should answer with what it has.
func (c *Conn) Draining() <-chan struct{} { return c.server.draining }

// newConn makes c ready to serve, and returns what is done when c ends.
func newConn(s *Server, nc net.Conn, id uint64) (*Conn, context.Context) {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &Conn{
		ID:     id,
		server: s,
		nc:     nc,
		cancel: cancel,
		queue:  newReplyQueue(s.options.PipelineMax, &s.replies),
		ended:  make(chan struct{}),
	}
	c.frames = frameReader{
		nc:    nc,
		in:    bufio.NewReaderSize(nc, prefixBytes),
		pool:  &s.pool,
		limit: &s.options,
		held:  reservation{budget: s.budget, closed: ctx.Done(), draining: s.draining},
	}
	c.writer = newReplyWriter(c)
	return c, ctx
}

// serve runs the connection to its end and returns the reason.
func (c *Conn) serve(ctx context.Context) error {
	// Both goroutines may sit in a read or write of the network then.
	stop := context.AfterFunc(ctx, func() { c.nc.Close() })
	defer stop()
	go func() {
		defer close(c.ended)
		c.writer.run(ctx, &c.queue)
	}()

	err := c.handshake(ctx)
	if err == nil {
		err = c.serveRequests(ctx)
	}
	switch {
	case errors.Is(err, errShuttingDown):
		// What was read is answered; Shutdown cancels when its patience ends.
	case isRejection(err):
		defer time.AfterFunc(rejectedReplyTimeout, func() { c.cancel(err) }).Stop()
	default:
		c.cancel(err)
	}
	close(c.queue.replies)
	<-c.ended
	c.cancel(err)
	c.nc.Close()
	return context.Cause(ctx)
}

// handshake completes TLS, whose own timeouts would be those of a request.
func (c *Conn) handshake(ctx context.Context) error {
	secure, ok := c.nc.(interface {
		HandshakeContext(context.Context) error
	})
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.server.options.FrameTimeout, errStalled)
	defer cancel()
	err := secure.HandshakeContext(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return fmt.Errorf("TLS handshake: %w: %w", errStalled, err)
	}
	return err
}

// serveRequests returns why no more requests are read.
func (c *Conn) serveRequests(ctx context.Context) error {
	defer c.frames.held.release() // of a request that ended the connection
	for {
		size, err := c.frames.await(c.isIdle)
		if err != nil {
			return err
		}
		frame, err := c.frames.read(size)
		if err != nil {
			return err
		}
		began := c.server.served.now()
		c.server.counters.frames.Add(1)
		c.server.counters.bytesIn.Add(int64(size) + 4)
		r := &Request{Conn: c, held: &c.frames.held}
		if err := parseHeader(r, frame, c.client); err != nil {
			return &rejection{err: err}
		}
		c.client = r.ClientID
		reply, err := c.handle(ctx, r)
		if err != nil {
			return err
		}
		c.frames.release(frame)
		c.answer(ctx, pending{correlationID: r.CorrelationID, key: r.Key, began: began, reply: reply})
		if c.frames.in.Buffered() > 0 {
			runtime.Gosched() // or a thousand who send without reading take 10 ms each, one after the other
		}
	}
}

// isIdle tells a peer that is quiet from one that waits for a reply, or has
// only just got it.
func (c *Conn) isIdle() bool {
	if c.owed.Load() > 0 {
		return false
	}
	return time.Since(time.Unix(0, c.paidAt.Load())) >= c.server.options.IdleTimeout
}

// handle keeps a panic of a handler from taking the process with it. The frame
// of a request that failed goes to the garbage collector: nobody knows who still
// holds a part of it.
func (c *Conn) handle(ctx context.Context, r *Request) (reply Reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &rejection{r, &panicError{p, debug.Stack()}}
		}
	}()
	reply, err = c.server.options.Handler.Serve(ctx, r)
	if err != nil {
		err = &rejection{r, err}
	}
	return reply, err
}

// answer sends a reply, or hands it to the writing goroutine. It sends it itself
// where nothing is before it and nothing behind it: waking a goroutine on another
// core for each request costs more than the write.
func (c *Conn) answer(ctx context.Context, p pending) {
	if p.reply.Response == nil && p.reply.Park == nil {
		c.server.served.observe(p.key, p.began)
		return
	}
	if p.reply.Response != nil && c.owed.Load() == 0 && c.frames.in.Buffered() == 0 {
		c.writer.answer(ctx, p)
		c.writer.flush()
		return
	}
	c.owed.Add(1)
	if c.queue.put(p, c.server.probeInterval, func() {
		if peerClosed(c.nc) {
			c.cancel(errPeerClosed)
		}
	}) {
		c.server.counters.waitedForRoom.Add(1)
	}
}

// rejection is an error that a peer's request caused.
type rejection struct {
	request *Request // nil where it came to none
	err     error
}

func (e *rejection) Error() string {
	if e.request == nil {
		return e.err.Error()
	}
	return fmt.Sprintf("key %d, version %d: %v", e.request.Key, e.request.Version, e.err)
}

func (e *rejection) Unwrap() error { return e.err }

func isRejection(err error) bool {
	_, ok := errors.AsType[*rejection](err)
	return ok
}

// panicError is a panic of a handler or of a reply.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }
