package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"testing"

	"moldau/server/servertest/certificate"
)

// countedConn is a connection whose writes are counted, and fail as they are told to.
type countedConn struct {
	net.Conn
	writes  int
	written bytes.Buffer // with no Conn
	take    int          // of the next write, if fails
	fails   error
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.writes++
	if c.fails != nil {
		c.written.Write(b[:c.take])
		return c.take, c.fails
	}
	if c.Conn != nil {
		return c.Conn.Write(b)
	}
	return c.written.Write(b)
}

// The records of a Write leave together, from the first on, of which the library makes
// small ones.
func TestRecordsLeaveTogether(t *testing.T) {
	both, public, err := certificate.SelfSigned("broker")
	if err != nil {
		t.Fatal(err)
	}
	server, trusting, err := certificate.Configs(both, public)
	if err != nil {
		t.Fatal(err)
	}
	trusting.ServerName = "broker"
	near, far := net.Pipe()
	counted := &countedConn{Conn: near}
	out := &recordWriter{Conn: counted}
	c := &tlsConn{Conn: tls.Server(out, server), out: out}
	peer := tls.Client(far, trusting)
	defer peer.Close()

	const message = 32 << 10
	sent := bytes.Repeat([]byte("0123456789abcdef"), 8*message/16)
	ended := make(chan error, 1)
	go func() {
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

// A write that has failed is told by flush, and nothing goes behind what may have left
// in part.
func TestNothingFollowsAFailedWrite(t *testing.T) {
	c := &countedConn{}
	w := &recordWriter{Conn: c}
	w.gather()
	if _, err := w.Write([]byte("first")); err != nil || c.writes != 0 {
		t.Fatal(c.writes, err)
	}
	c.take, c.fails = 2, os.ErrDeadlineExceeded
	if err := w.flush(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("flush: %v", err)
	}
	c.fails = nil
	w.gather()
	if _, err := w.Write([]byte("second")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write behind it: %v", err)
	}
	if err := w.flush(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a flush behind it: %v", err)
	}
	if got := c.written.String(); got != "fi" {
		t.Errorf("wrote %q", got)
	}
}

// An answer to new keys that meets the deadline of an earlier reply, long past, leaves
// with the next reply, in front of it; but no more than is gathered is kept.
func TestRecordsOfNobodyWait(t *testing.T) {
	c := &countedConn{fails: os.ErrDeadlineExceeded}
	w := &recordWriter{Conn: c}
	if _, err := w.Write([]byte("keys, ")); err != nil {
		t.Fatal(err)
	}
	c.fails = nil
	w.gather()
	if _, err := w.Write([]byte("reply")); err != nil {
		t.Fatal(err)
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	if got := c.written.String(); got != "keys, reply" {
		t.Errorf("wrote %q", got)
	}

	c.fails = os.ErrDeadlineExceeded
	var err error
	kept := 0
	for ; err == nil && kept <= gatheredBytesMax; kept += 1000 {
		_, err = w.Write(make([]byte, 1000))
	}
	if err == nil {
		t.Errorf("%d bytes were kept", kept)
	}
}
