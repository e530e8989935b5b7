package wire

import "net"

// Conn is the connection a request came on.
type Conn struct {
	ID uint64 // unique within the server, from 1

	nc       net.Conn
	draining <-chan struct{}
}

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// LocalAddr is the address the peer connected to.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// Draining is closed when the server begins to shut down. Replies then still
// leave, but a long poll should answer with what it has.
func (c *Conn) Draining() <-chan struct{} { return c.draining }
