package wire

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// ErrServerClosed is returned by [Server.Serve] after [Server.Shutdown].
var ErrServerClosed = errors.New("wire: server closed")

// Server accepts connections and serves the requests on them.
type Server struct {
	options  Options
	runs     RunHandler // the handler, if it is one
	pool     bufferPool
	budget   *budget
	draining chan struct{} // closed by the first Shutdown, with mu held

	probeInterval time.Duration // between looks whether a peer that is not read from is gone

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
	perAddr   map[netip.Addr]int // of conns
	limits    Limits
	lastID    uint64

	running         sync.WaitGroup // a goroutine for each of conns
	rate            *rate          // of accepting
	replies         replyBudget
	refusedLogged   seldom
	handshakeLogged seldom
	memoryLogged    seldom
	delayedLogged   seldom
	counters        counters
	served          served
}

// NewServer returns a server that has no listener yet.
func NewServer(o Options) *Server {
	o = o.withDefaults()
	s := &Server{
		options:  o,
		budget:   newBudget(o.InFlightBytesMax),
		draining: make(chan struct{}),

		probeInterval: time.Second,
		served:        served{began: time.Now()},

		listeners: map[net.Listener]struct{}{},
		conns:     map[*Conn]struct{}{},
		perAddr:   map[netip.Addr]int{},
		limits:    o.Limits,
		rate:      newRate(o.Limits.RateMax, time.Now()),
		replies:   replyBudget{max: o.RepliesBytesMax},
	}
	s.runs, _ = o.Handler.(RunHandler)
	s.budget.exhausted = func() {
		s.counters.waitedForMemory.Add(1)
		if s.memoryLogged.now() {
			o.Logger.Warn("requests wait for memory: those in flight hold all there is for them", "bytesMax", o.InFlightBytesMax)
		}
	}
	return s
}

// SetLimits changes how connections are accepted from now on. Those that are open
// stay.
func (s *Server) SetLimits(l Limits) {
	l = l.withDefaults()
	s.mu.Lock()
	s.limits = l
	s.mu.Unlock()
	s.rate.change(l.RateMax, time.Now())
}

// seldom tells whether to log, once a second: whoever reaches a limit reaches
// it again and again.
type seldom struct{ last atomic.Int64 } // in ns

func (s *seldom) now() bool {
	now, last := time.Now().UnixNano(), s.last.Load()
	return now-last >= int64(time.Second) && s.last.CompareAndSwap(last, now)
}

// Serve accepts connections until the listener fails or the server is shut
// down, which gives [ErrServerClosed]. It may run for several listeners, and
// closes its own.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.addListener(l) {
		return ErrServerClosed
	}
	defer s.removeListener(l)
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			// Before the turn: who is refused shall not cost the others theirs.
			if !s.refuseAboveLimits(nc) {
				s.awaitTurn()
				s.admit(nc)
			}
		case s.isDraining():
			return ErrServerClosed
		case !isTemporary(err):
			return err
		default:
			// Out of descriptors, most likely; connections that end make room.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.options.Logger.Warn("cannot accept a connection", "err", err, "retry_in", pause)
			s.sleep(pause)
		}
	}
}

// awaitTurn delays an accepted connection while they come too fast. The next
// ones wait in the backlog meanwhile, as they would for a broker that is slower.
func (s *Server) awaitTurn() {
	wait := s.rate.take(time.Now())
	if wait <= 0 {
		return
	}
	s.counters.delayed.Add(1)
	if s.delayedLogged.now() {
		s.options.Logger.Warn("connections come faster than they are accepted, and wait", "perSecondMax", s.currentLimits().RateMax)
	}
	s.sleep(wait)
}

// sleep ends early when the server begins to shut down.
func (s *Server) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.draining:
	}
}

func (s *Server) currentLimits() Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limits
}

func isTemporary(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && t.Temporary()
}

// refuseAboveLimits closes a connection that is one too many, and tells whether
// it did. One listener accepts at a time, so that several may overshoot by as
// many as there are.
func (s *Server) refuseAboveLimits(nc net.Conn) bool {
	addr := ipOf(nc)
	s.mu.Lock()
	var limit string
	switch {
	case s.isDraining():
	case len(s.conns) >= s.options.ConnectionsMax:
		limit = "connections"
	case addr.IsValid() && s.perAddr[addr] >= s.limits.perAddr(addr):
		limit = "connections of the address"
		s.counters.refusedPerAddr.Add(1)
	}
	s.mu.Unlock()
	if limit == "" {
		return false
	}
	s.refuse(nc, limit)
	return true
}

// admit starts a connection, or closes it where a limit is reached.
func (s *Server) admit(nc net.Conn) {
	if s.refuseAboveLimits(nc) {
		return // others came during the wait
	}
	addr := ipOf(nc)
	s.mu.Lock()
	if s.isDraining() {
		s.mu.Unlock()
		nc.Close()
		return
	}
	s.lastID++
	c, ctx := newConn(s, nc, s.lastID)
	s.conns[c] = struct{}{}
	s.perAddr[addr]++
	s.counters.accepted.Add(1)
	s.running.Go(func() { // before Shutdown can wait for it
		err := c.serve(ctx)
		s.remove(c, addr)
		s.logEnd(c, err)
	})
	s.mu.Unlock()
}

func (s *Server) remove(c *Conn, addr netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.perAddr[addr]--; s.perAddr[addr] == 0 {
		delete(s.perAddr, addr)
	}
}

func (s *Server) refuse(nc net.Conn, limit string) {
	refused := s.counters.refused.Add(1) // first, so that who sees the end finds it counted
	nc.Close()
	if s.refusedLogged.now() {
		s.options.Logger.Warn("connection refused",
			"remote", nc.RemoteAddr(), "limit", limit, "refused_so_far", refused)
	}
}

// ipOf is invalid for a peer that has no IP address.
func ipOf(nc net.Conn) netip.Addr {
	if tcp, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// clientLoggedMax is how much is logged of a client's id, which may have 32 KiB.
const clientLoggedMax = 64

func (s *Server) logEnd(c *Conn, err error) {
	attrs := []any{"conn", c.ID, "remote", c.RemoteAddr(), "client", c.client[:min(len(c.client), clientLoggedMax)], "err", err}
	level := slog.LevelDebug
	switch {
	case isRejection(err):
		s.counters.rejected.Add(1)
		level = slog.LevelWarn
	case errors.Is(err, errStalled):
		s.counters.stalledSending.Add(1)
		level = slog.LevelWarn
	case errors.Is(err, errHandshake) && !errors.Is(err, io.EOF): // who only looks whether somebody listens
		attrs = append(attrs, "failed_so_far", s.counters.handshakesFailed.Add(1))
		if s.handshakeLogged.now() {
			level = slog.LevelWarn
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.counters.stalledReading.Add(1)
		level = slog.LevelWarn
	case errors.Is(err, errIdle):
		s.counters.idle.Add(1)
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		level = slog.LevelError
		attrs = append(attrs, "stack", string(p.stack))
	}
	s.options.Logger.Log(context.Background(), level, "connection ended", attrs...)
}

// Shutdown closes the listeners, stops reading, lets the replies to what was
// read leave, and closes the connections. When ctx is done it stops being
// patient: waits are cut short and connections closed. It returns when no
// goroutine is left, with ctx's error if replies may have been lost.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.isDraining() {
		close(s.draining)
	}
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.nc.SetReadDeadline(time.Unix(1, 0)) // wakes the reading goroutine, which sees draining
	}
	s.mu.Unlock()

	gone := make(chan struct{})
	go func() {
		defer close(gone)
		s.running.Wait()
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.cancel(errShuttingDown)
	}
	s.mu.Unlock()
	<-gone
	return ctx.Err()
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isDraining() {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}
