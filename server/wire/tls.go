package wire

import (
	"crypto/tls"
	"net"
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
	c := &tlsConn{out: &recordWriter{Conn: nc}}
	if c.records = newRecordReader(nc, c.out); c.records != nil {
		c.Conn = tls.Server(c.records, l.config)
	} else {
		c.Conn = tls.Server(c.out, l.config)
	}
	return c, nil
}

// tlsConn is a connection of TLS, and what is beneath it.
type tlsConn struct {
	*tls.Conn
	records *recordReader // nil where nothing is read ahead
	out     *recordWriter
}

// Write sends the records of b by as few writes as they take. After an error nothing
// can follow, and n tells nothing.
func (c *tlsConn) Write(b []byte) (n int, err error) {
	if err := c.Handshake(); err != nil { // not gathered: the peer has to answer
		return 0, err
	}
	c.out.gather()
	n, err = c.Conn.Write(b)
	if flushed := c.out.flush(); err == nil && flushed != nil {
		return 0, flushed
	}
	return n, err
}
