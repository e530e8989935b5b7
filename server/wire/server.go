package wire

import (
	"context"
	"errors"
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
	pool     bufferPool
	budget   *budget
	draining chan struct{} // closed by the first Shutdown, with mu held

	probeInterval time.Duration // between looks whether a peer that is not read from is gone

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
	perAddr   map[netip.Addr]int // of conns
	lastID    uint64

	running       sync.WaitGroup // a goroutine for each of conns
	refusedLogged seldom
	memoryLogged  seldom
	counters      counters
}

type counters struct {
	accepted, refused, frames, rejected           atomic.Int64
	bytesIn, bytesOut, sendfileBytes, copiedBytes atomic.Int64
}

// NewServer returns a server that has no listener yet.
func NewServer(o Options) *Server {
	o = o.withDefaults()
	s := &Server{
		options:  o,
		budget:   newBudget(o.InFlightBytesMax),
		draining: make(chan struct{}),

		probeInterval: time.Second,

		listeners: map[net.Listener]struct{}{},
		conns:     map[*Conn]struct{}{},
		perAddr:   map[netip.Addr]int{},
	}
	s.budget.exhausted = func() {
		if s.memoryLogged.now() {
			o.Logger.Warn("requests wait for memory: those in flight hold all there is for them", "bytesMax", o.InFlightBytesMax)
		}
	}
	return s
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
			s.admit(nc)
		case s.isDraining():
			return ErrServerClosed
		case !isTemporary(err):
			return err
		default:
			// Out of descriptors, most likely; connections that end make room.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.options.Logger.Warn("cannot accept a connection", "err", err, "retry_in", pause)
			select {
			case <-time.After(pause):
			case <-s.draining:
			}
		}
	}
}

func isTemporary(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && t.Temporary()
}

// admit starts a connection, or closes it where a limit is reached.
func (s *Server) admit(nc net.Conn) {
	addr := ipOf(nc)
	s.mu.Lock()
	var limit string
	switch {
	case s.isDraining():
		s.mu.Unlock()
		nc.Close()
		return
	case len(s.conns) >= s.options.ConnectionsMax:
		limit = "connections"
	case addr.IsValid() && s.perAddr[addr] >= s.options.MaxConnsPerAddr:
		limit = "connections of the address"
	}
	if limit != "" {
		s.mu.Unlock()
		s.refuse(nc, limit)
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
	nc.Close()
	refused := s.counters.refused.Add(1)
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
	case errors.Is(err, os.ErrDeadlineExceeded):
		level = slog.LevelWarn
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

// Counters returns a snapshot; its fields are read one after the other.
func (s *Server) Counters() Counters {
	s.mu.Lock()
	open := int64(len(s.conns))
	s.mu.Unlock()
	return Counters{
		Connections:   open,
		Accepted:      s.counters.accepted.Load(),
		Refused:       s.counters.refused.Load(),
		Frames:        s.counters.frames.Load(),
		Rejected:      s.counters.rejected.Load(),
		BytesIn:       s.counters.bytesIn.Load(),
		BytesOut:      s.counters.bytesOut.Load(),
		SendfileBytes: s.counters.sendfileBytes.Load(),
		CopiedBytes:   s.counters.copiedBytes.Load(),
	}
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
