package limit

import (
	"bufio"
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
	return SecureListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}), nil
}

// SecureListener is of connections of TLS, of which as much is read by one system call
// as is there.
func SecureListener(l net.Listener, config *tls.Config) net.Listener {
	return &secureListener{l, config}
}

type secureListener struct {
	net.Listener
	config *tls.Config
}

func (l *secureListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	in := &ahead{nc, bufio.NewReaderSize(nc, 256<<10)}
	return secured{tls.Server(in, l.config), in}, nil
}

// ahead is read ahead.
type ahead struct {
	net.Conn
	in *bufio.Reader
}

func (a *ahead) Read(b []byte) (int, error) { return a.in.Read(b) }

// outlet is a connection as programs use it.
type outlet interface {
	Read(b []byte) (int, error)
	write(b []byte, more bool) error
	sendfile(f *os.File, at int64, bytes int) error
	// more tells that what arrived with the last read is not all taken yet.
	more() bool
}

// outletOf is by bare system calls where no TLS is between.
func outletOf(nc net.Conn) (outlet, error) {
	if secure, ok := nc.(secured); ok {
		return secure, nil
	}
	return newSocket(nc.(*net.TCPConn))
}

// secured is a connection of TLS, by Go's library.
type secured struct {
	*tls.Conn
	in *ahead
}

func (s secured) more() bool { return s.in.in.Buffered() > 0 }

func (s secured) write(b []byte, _ bool) error {
	if len(b) == 0 {
		return nil
	}
	_, err := s.Write(b)
	return err
}

func (s secured) sendfile(*os.File, int64, int) error { return errors.ErrUnsupported }
