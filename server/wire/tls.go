package wire

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// NewTLSListener is tls.NewListener for a [Server], which knows of its connections
// when there is nothing more to read: requests that have arrived together are served
// together, as without TLS, and one system call reads, or writes, several records.
func NewTLSListener(l net.Listener, config *tls.Config) net.Listener {
	return &tlsListener{l, config}
}

type tlsListener struct {
	net.Listener
	config *tls.Config
}

func (l *tlsListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newTLSConn(nc, l.config), nil
}

// tlsConn is a connection of TLS, and what is beneath it.
type tlsConn struct {
	*tls.Conn
	records *recordReader // nil where nothing is read ahead
	out     *recordWriter
	writers atomic.Int32 // in Write
}

func newTLSConn(nc net.Conn, config *tls.Config) *tlsConn {
	c := &tlsConn{out: &recordWriter{Conn: nc}}
	if c.records = newRecordReader(nc, c.out); c.records != nil {
		c.Conn = tls.Server(c.records, config)
	} else {
		c.Conn = tls.Server(c.out, config)
	}
	return c
}

// Write sends the records of b by as few writes as they take. After an error nothing
// can follow, and n tells nothing.
func (c *tlsConn) Write(b []byte) (n int, err error) {
	c.writers.Add(1)
	defer c.writers.Add(-1)
	if c.out.closing.Load() {
		return 0, net.ErrClosed
	}
	if err := c.Handshake(); err != nil { // not gathered: the peer has to answer
		return 0, err
	}
	c.out.begin(len(b) >= gatheredBytesMin)
	n, err = c.Conn.Write(b)
	if ended := c.out.end(); err == nil && ended != nil {
		return 0, ended
	}
	return n, err
}

// Close breaks a Write that waits for the peer, which the library does only of what it
// writes itself; otherwise the peer is told. It does not wait for long for that, nor for a
// record of the library's own that the peer does not take.
func (c *tlsConn) Close() error {
	c.out.closing.Store(true)
	if c.writers.Load() > 0 {
		_ = c.out.Conn.Close()
	} else {
		c.out.Conn.SetWriteDeadline(time.Now().Add(closingTimeout)) // fails on a closed connection only
	}
	return c.Conn.Close()
}
