package wire

import (
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
	errHandshake    = errors.New("TLS handshake")
	errShuttingDown = errors.New("server is shutting down")
)

// rejectedReplyTimeout is how long replies to earlier requests may take to
// leave when a later one ends the connection.
const rejectedReplyTimeout = time.Second

const (
	// heldBackMax is for how long a reply may wait for others that are ready soon,
	// to share a write with them. The peer has sent their requests already. Those of a
	// run are ready at once.
	heldBackMax = 100 * time.Microsecond
	// heldBackCrowd is above how many connections that are served at a time replies
	// are held back for less, so that all have had their turn within 1.6 ms.
	heldBackCrowd = 16
)

// Conn is the connection a request came on.
type Conn struct {
	ID uint64 // unique within the server, from 1

	server *Server
	nc     net.Conn
	cancel context.CancelCauseFunc // ends both goroutines and closes nc

	frames frameReader   // of the reading goroutine
	client string        // id of the last request; of the reading goroutine
	queue  replyQueue    // to the writing goroutine
	writer replyWriter   // of the writing goroutine; of the reading one while owed is 0
	owed   atomic.Int64  // replies handed to the writing goroutine and not sent yet
	paidAt atomic.Int64  // when that one last sent any, in ns
	ended  chan struct{} // closed when the writing goroutine is gone, if there was one

	run run // of the reading goroutine

	// Of the reading goroutine. Invariant: while replies are held back owed is 0.
	parks      bool          // the writing goroutine was started
	heldBack   bool          // replies are encoded that were not sent
	heldBackAt time.Duration // since when, of the server's time
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
		ended:  make(chan struct{}),
	}
	c.queue.init(s.options.PipelineMax, &s.replies)
	c.frames = frameReader{
		nc:    nc,
		in:    newIntake(nc, &s.pool, s.budget),
		pool:  &s.pool,
		limit: &s.options,
		held:  reservation{budget: s.budget, closed: ctx.Done(), draining: s.draining, beforeWait: func() error { return c.settle(ctx) }},

		beforeWait: func() error { return c.beginWait(ctx) },
		afterWait:  c.endWait,
	}
	c.writer = newReplyWriter(c)
	return c, ctx
}

// serve runs the connection to its end and returns the reason.
func (c *Conn) serve(ctx context.Context) error {
	// Both goroutines may sit in a read or write of the network then.
	stop := context.AfterFunc(ctx, func() { c.nc.Close() })
	defer stop()
	err := c.handshake(ctx)
	if err == nil {
		err = c.serveRequests(ctx)
	} else {
		c.frames.close() // what was read ahead is of no use
	}
	rejected := isRejection(err)
	if rejected {
		defer time.AfterFunc(rejectedReplyTimeout, func() { c.cancel(err) }).Stop()
	}
	c.sendHeldBack()
	if !rejected && !errors.Is(err, errShuttingDown) {
		c.cancel(err)
	} // else what was read is answered; Shutdown cancels when its patience ends
	if c.queue.close(); c.parks {
		<-c.ended
	}
	c.cancel(err)
	c.nc.Close()
	return context.Cause(ctx)
}

// handshaker is a connection of TLS.
type handshaker interface {
	HandshakeContext(context.Context) error
}

// handshake completes TLS, whose own timeouts would be those of a request.
func (c *Conn) handshake(ctx context.Context) error {
	secure, ok := c.nc.(handshaker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.server.options.FrameTimeout, errStalled)
	defer cancel()
	err := secure.HandshakeContext(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errStalled):
		return fmt.Errorf("%w: %w: %w", errHandshake, errStalled, err)
	}
	return fmt.Errorf("%w: %w", errHandshake, err)
}

// serveRequests returns why no more requests are read.
func (c *Conn) serveRequests(ctx context.Context) error {
	c.server.served.busy.Add(1)
	defer c.server.served.busy.Add(-1)
	defer c.frames.close()
	for {
		size, err := c.frames.await(c.isIdle)
		if err == nil {
			err = c.serveRequest(ctx, size)
		}
		if err != nil {
			if earlier := c.serveRun(ctx); earlier != nil {
				return earlier
			}
			return err
		}
		c.yield()
	}
}

// serveRequest is by itself for the sake of the stack: what it has there would
// otherwise be below the wait for the next request, where the collector takes a
// stack back only if next to nothing of it is in use.
func (c *Conn) serveRequest(ctx context.Context, size int) error {
	if c.run.bytes+size > runBytesMax { // what has arrived does not wait for more than that
		if err := c.serveRun(ctx); err != nil {
			return err
		}
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
	if r.Key == keyProduce && c.server.runs != nil && !c.run.pauses() {
		return c.join(ctx, r, keptFrame{frame, c.frames.keep(), began})
	}
	if err := c.serveRun(ctx); err != nil {
		return err
	}
	if !isQuick(r) {
		c.sendHeldBack()
	}
	reply, err := c.handle(ctx, r)
	if err != nil {
		return err
	}
	c.frames.release(frame)
	c.answer(ctx, pending{correlationID: r.CorrelationID, key: r.Key, began: began, reply: reply})
	return nil
}

// isQuick tells a request that earlier replies may wait for. A Produce is written
// to the page cache, whatever acks it has, and so are committed offsets; their clients
// pipeline requests, and gain by replies that share a write. All others may take any
// time: topics are made for them, a disk is waited for, or they are many times as large
// as they look.
func isQuick(r *Request) bool { return r.Key == keyProduce || r.Key == keyOffsetCommit }

// yield lets other connections have their turn, where there are any and the next
// request has arrived whole: or a thousand who send without reading take 10 ms
// each, one after the other. With none it would only wake another core for
// nothing. A turn lasts until the replies that are held back leave, and the shorter
// the more there are who wait for theirs: who yields may be passed over many times.
func (c *Conn) yield() {
	busy := c.server.served.busy.Load()
	if busy < 2 || len(c.run.requests) > 0 || !c.frames.whole() {
		return
	}
	if c.heldBack && (busy <= heldBackCrowd || c.server.served.now()-c.heldBackAt < heldBackMax*heldBackCrowd/time.Duration(busy)) {
		return
	}
	c.sendHeldBack()
	runtime.Gosched()
}

// beginWait is called before the peer is waited for.
func (c *Conn) beginWait(ctx context.Context) error {
	err := c.settle(ctx)
	c.server.served.busy.Add(-1)
	return err
}

// settle leaves nothing undone that a wait would delay.
func (c *Conn) settle(ctx context.Context) error {
	err := c.serveRun(ctx)
	c.sendHeldBack()
	return err
}

func (c *Conn) endWait() { c.server.served.busy.Add(1) }

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

// answer sends a reply, holds it back for others to share a write with, or hands
// it to the writing goroutine. It leaves that alone where nothing is before the
// reply: waking a goroutine on another core for each request costs more than the
// write.
func (c *Conn) answer(ctx context.Context, p pending) {
	if p.reply.Response == nil && p.reply.Park == nil {
		c.server.served.observe(p.key, p.began)
		if c.heldBack { // a flood of such requests shall not keep it for ever
			c.holdBack()
		}
		return
	}
	if p.reply.Response != nil && c.owed.Load() == 0 {
		if _, sections := p.reply.Response.(*FetchResponse); !sections {
			c.writer.answer(ctx, &p)
			c.holdBack()
			return
		}
		if c.frames.in.buffered() == 0 {
			c.writer.answer(ctx, &p)
			c.writer.flush()
			c.heldBack = false
			return
		}
	}
	c.sendHeldBack()
	c.enqueue(ctx, p)
}

// enqueue hands a reply to the writing goroutine. That is there from the first one
// on: many a connection never has any.
func (c *Conn) enqueue(ctx context.Context, p pending) {
	if !c.parks {
		c.parks = true
		go func() {
			defer close(c.ended)
			c.writer.run(ctx, &c.queue)
		}()
	}
	c.owed.Add(1)
	if c.frames.receiving {
		c.queue.add(p) // others may want the memory of what is being received
		return
	}
	if c.queue.put(p, c.server.probeInterval, func() {
		if peerClosed(c.nc) {
			c.cancel(errPeerClosed)
		}
	}) {
		c.server.counters.waitedForRoom.Add(1)
	}
}

// holdBack leaves a reply where it was encoded until the next wait, or until the
// first such reply was held back for long enough.
func (c *Conn) holdBack() {
	now := c.server.served.now()
	if !c.heldBack {
		c.heldBack, c.heldBackAt = true, now
	}
	if now-c.heldBackAt >= heldBackMax || c.writer.holds() >= sharedWriteBytesMax {
		c.sendHeldBack()
	}
}

// sendHeldBack sends what is held back, and waits for the peer to take it. It is
// the reading goroutine's.
func (c *Conn) sendHeldBack() {
	if c.heldBack {
		c.heldBack = false
		c.writer.flush()
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
