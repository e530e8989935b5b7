package limit

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
)

// listen is net.Listen, and by a keystore the connections are of TLS.
func listen(addr, keystore string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil || keystore == "" {
		return l, err
	}
	pair, err := tls.LoadX509KeyPair(keystore, keystore)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}), nil
}

// outlet is a connection as programs use it.
type outlet interface {
	Read(b []byte) (int, error)
	write(b []byte, more bool) error
	sendfile(f *os.File, at int64, bytes int) error
}

// outletOf is by bare system calls where no TLS is between.
func outletOf(nc net.Conn) (outlet, error) {
	if secure, ok := nc.(*tls.Conn); ok {
		return secured{secure}, nil
	}
	return newSocket(nc.(*net.TCPConn))
}

// secured is a connection of TLS, by Go's library.
type secured struct{ *tls.Conn }

func (s secured) write(b []byte, _ bool) error {
	if len(b) == 0 {
		return nil
	}
	_, err := s.Write(b)
	return err
}

func (s secured) sendfile(*os.File, int64, int) error { return errors.ErrUnsupported }
