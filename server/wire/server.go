package wire

import (
	"context"
	"errors"
	"net"
)

// ErrServerClosed is returned by [Server.Serve] after [Server.Shutdown].
var ErrServerClosed = errors.New("wire: server closed")

// Server accepts connections and serves the requests on them.
type Server struct{}

// NewServer returns a server that has no listener yet.
func NewServer(o Options) *Server { return &Server{} }

// Serve accepts connections until the listener fails or the server is shut
// down, which gives [ErrServerClosed]. It may run for several listeners.
func (s *Server) Serve(l net.Listener) error { return ErrServerClosed }

// Shutdown closes the listeners, stops reading, lets the replies to what was
// read leave, and closes the connections. When ctx is done it stops being
// patient: waits are cut short and connections closed. It returns when no
// goroutine is left, with ctx's error if replies may have been lost.
func (s *Server) Shutdown(ctx context.Context) error { return nil }

// Counters returns a snapshot; its fields are read one after the other.
func (s *Server) Counters() Counters { return Counters{} }
