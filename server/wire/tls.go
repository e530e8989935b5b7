package wire

import (
	"crypto/tls"
	"net"
)

// NewTLSListener is tls.NewListener for a [Server], which knows of its connections
// when there is nothing more to read: requests that have arrived together are served
// together, as without TLS, and one system call reads several records.
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
	if records := newRecordReader(nc); records != nil {
		return &tlsConn{tls.Server(records, l.config), records}, nil
	}
	return tls.Server(nc, l.config), nil
}

// tlsConn is a connection of TLS, and what it reads from.
type tlsConn struct {
	*tls.Conn
	records *recordReader
}
