package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"moldau/server/servertest/certificate"
)

// countedConn is a connection whose writes are counted, and fail as they are told to.
type countedConn struct {
	net.Conn
	writes  int
	written bytes.Buffer // with no Conn
	take    int          // of the next write, if fails
	fails   error        // until a deadline is set

	begun chan struct{} // told of a write, which waits for end
	end   chan error    // what it ends by
	held  atomic.Bool   // one waits
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.writes++
	switch {
	case c.begun != nil:
		c.held.Store(true)
		c.begun <- struct{}{}
		return 0, <-c.end
	case c.fails != nil:
		c.written.Write(b[:c.take])
		return c.take, c.fails
	case c.Conn == nil:
		return c.written.Write(b)
	}
	return c.Conn.Write(b)
}

func (c *countedConn) SetWriteDeadline(t time.Time) error {
	c.fails = nil
	c.endBy(os.ErrDeadlineExceeded)
	if c.Conn == nil {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

func (c *countedConn) Close() error {
	c.endBy(net.ErrClosed)
	return c.Conn.Close()
}

func (c *countedConn) endBy(err error) {
	if c.held.Swap(false) {
		c.end <- err
	}
}

// tlsPair is a connection of TLS, its counted writes, and its peer.
func tlsPair(t *testing.T, near, far net.Conn) (*tlsConn, *countedConn, *tls.Conn) {
	t.Helper()
	both, public, err := certificate.SelfSigned("broker")
	if err != nil {
		t.Fatal(err)
	}
	server, trusting, err := certificate.Configs(both, public)
	if err != nil {
		t.Fatal(err)
	}
	trusting.ServerName = "broker"
	c := newTLSConn(near, server)
	counted := &countedConn{Conn: near}
	c.out.Conn = counted
	peer := tls.Client(far, trusting)
	t.Cleanup(func() { near.Close(); far.Close() })
	return c, counted, peer
}

// loopback is both ends of a connection by TCP.
func loopback(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if far, err = net.Dial("tcp", l.Addr().String()); err == nil {
		near, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	return near, far
}

// The records of a Write leave together, from the first on, of which the library makes
// small ones.
func TestRecordsLeaveTogether(t *testing.T) {
	near, far := loopback(t)
	c, counted, peer := tlsPair(t, near, far)
	const message = 32 << 10
	sent := bytes.Repeat([]byte("0123456789abcdef"), 8*message/16)
	ended := make(chan error, 1)
	go func() {
		defer near.Close()
		err := c.Handshake()
		before := counted.writes
		for from := 0; from < len(sent) && err == nil; from += message {
			_, err = c.Write(sent[from : from+message])
		}
		if n := counted.writes - before; err == nil && n != len(sent)/message {
			t.Errorf("%d writes for %d messages", n, len(sent)/message)
		}
		before = counted.writes
		if err == nil {
			_, err = c.Write(sent) // more than is gathered
		}
		if n := counted.writes - before; err == nil && n > len(sent)/message+1 {
			t.Errorf("%d writes for %d bytes", n, len(sent))
		}
		if err == nil {
			err = c.Close()
		}
		ended <- err
	}()
	got := new(bytes.Buffer)
	if _, err := got.ReadFrom(peer); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !bytes.Equal(got.Bytes(), append(bytes.Clone(sent), sent...)) {
		t.Error("other bytes arrived")
	}
}

// Close breaks a write that waits for a peer that does not read, instead of waiting for
// that to take the news.
func TestCloseBreaksAWrite(t *testing.T) {
	for _, size := range []int{100, 16 << 10, 100 << 10} {
		near, far := loopback(t)
		c, counted, peer := tlsPair(t, near, far)
		shaken := make(chan error, 1)
		go func() { shaken <- c.Handshake() }()
		if err := errors.Join(peer.Handshake(), <-shaken); err != nil {
			t.Fatal(err)
		}
		counted.begun, counted.end = make(chan struct{}), make(chan error, 1)
		written := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, size))
			written <- err
		}()
		<-counted.begun
		_ = c.Close()
		if err := <-written; !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write of %d bytes ended by: %v", size, err)
		}
		if _, err := c.Write(make([]byte, size)); err == nil {
			t.Error("a write behind it did not fail")
		}
	}
}

// A record of the library's own that the peer does not take keeps Close for a bounded
// time, with no deadline of a reply: the library holds what Close waits for.
func TestCloseEndsARecordOfNobody(t *testing.T) {
	near, far := loopback(t)
	c, counted, _ := tlsPair(t, near, far)
	counted.begun, counted.end = make(chan struct{}), make(chan error, 1)
	written := make(chan error, 1)
	go func() {
		_, err := c.out.Write([]byte("keys"))
		written <- err
	}()
	<-counted.begun
	_ = c.Close()
	if err := <-written; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it ended by: %v", err)
	}
}

// A write that has failed is told by end, and nothing goes behind what may have left
// in part.
func TestNothingFollowsAFailedWrite(t *testing.T) {
	c := &countedConn{}
	w := &recordWriter{Conn: c}
	w.begin(true)
	if _, err := w.Write([]byte("first")); err != nil || c.writes != 0 {
		t.Fatal(c.writes, err)
	}
	c.take, c.fails = 2, os.ErrDeadlineExceeded
	if err := w.end(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the end: %v", err)
	}
	c.fails = nil
	w.begin(true)
	if _, err := w.Write([]byte("second")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write behind it: %v", err)
	}
	if err := w.end(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an end behind it: %v", err)
	}
	if got := c.written.String(); got != "fi" {
		t.Errorf("wrote %q", got)
	}
}

// An answer to new keys that meets the deadline of a reply long gone has one of its
// own; a reply has not.
func TestRecordsOfNobodyHaveTime(t *testing.T) {
	c := &countedConn{fails: os.ErrDeadlineExceeded}
	w := &recordWriter{Conn: c}
	if _, err := w.Write([]byte("keys, ")); err != nil {
		t.Error(err)
	}
	w.begin(true)
	if _, err := w.Write([]byte("reply")); err != nil {
		t.Error(err)
	}
	if err := w.end(); err != nil {
		t.Error(err)
	}
	if got := c.written.String(); got != "keys, reply" {
		t.Errorf("wrote %q", got)
	}
	c.fails = os.ErrDeadlineExceeded
	w.begin(false)
	if _, err := w.Write([]byte("reply")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a late reply: %v", err)
	}
}
