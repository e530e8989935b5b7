package wire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"moldau/server/servertest/certificate"
	"moldau/server/wire"
)

// What was read is answered before its connection ends; what was not, is not
// served any more.
func TestShutdownLetsRepliesLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
			if string(r.Body) != "wait" {
				return echo(r), nil
			}
			return parked(func(context.Context) (wire.Response, error) { <-release; return pong("durable"), nil }), nil
		})
		p := newPipes()
		s := startOn(t, wire.Options{Handler: h}, p)
		idle, half, busy := p.dial(t), p.dial(t), p.dial(t)
		half.write(t, frame(1, strings.Repeat("x", 5000))[:3000])
		busy.write(t, frame(1, "wait"))
		busy.write(t, frame(2, "quick"))
		synctest.Wait()

		over := make(chan error, 1)
		go func() { over <- s.Shutdown(t.Context()) }()
		idle.expectClosed(t)
		half.expectClosed(t)
		synctest.Wait()
		select {
		case <-over:
			t.Error("over before a reply has left")
		default:
		}
		close(release)
		busy.expect(t, 1, "durable")
		busy.expect(t, 2, "quick")
		busy.expectClosed(t)
		if err := <-over; err != nil {
			t.Error(err)
		}
		s.stop(t)
	})
}

// A handler that is at work when the shutdown begins is the last of its
// connection.
func TestShutdownWhileAHandlerWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
			time.Sleep(9 * time.Minute) // so long that the idle timeout is due to be set again
			return echo(r), nil
		})
		p := newPipes()
		s := startOn(t, wire.Options{Handler: h}, p)
		c := p.dial(t)
		c.write(t, frame(1, "last"))
		synctest.Wait()
		from := time.Now()
		over := make(chan error, 1)
		go func() { over <- s.Shutdown(t.Context()) }()
		c.expect(t, 1, "last")
		c.expectClosed(t)
		if err := <-over; err != nil || time.Since(from) != 9*time.Minute {
			t.Errorf("over after %v with %v", time.Since(from), err)
		}
		s.stop(t)
	})
}

// A long poll learns of the shutdown; a wait that does not care ends when
// patience does.
func TestShutdownEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
			conn, polite := r.Conn, string(r.Body) == "polite"
			return parked(func(ctx context.Context) (wire.Response, error) {
				if polite {
					<-conn.Draining()
					return pong("empty"), nil
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}), nil
		})
		p := newPipes()
		s := startOn(t, wire.Options{Handler: h}, p)
		polite, stubborn := p.dial(t), p.dial(t)
		polite.write(t, frame(1, "polite"))
		stubborn.write(t, frame(1, "stubborn"))
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		over := make(chan error, 1)
		from := time.Now()
		go func() { over <- s.Shutdown(ctx) }()
		polite.expect(t, 1, "empty")
		polite.expectClosed(t)
		if d := time.Since(from); d != 0 {
			t.Errorf("a polite wait took %v to end", d)
		}
		stubborn.expectClosed(t)
		if err := <-over; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("over with %v", err)
		}
		if d := time.Since(from); d != time.Minute {
			t.Errorf("over after %v", d)
		}
		s.stop(t)
	})
}

func TestServeAfterShutdown(t *testing.T) {
	s := start(t, wire.Options{Handler: echoing})
	s.stop(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); !errors.Is(err, wire.ErrServerClosed) {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
}

// faultyListener fails before it accepts.
type faultyListener struct {
	net.Listener
	errs []error
}

func (l *faultyListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	return l.Listener.Accept()
}

// Running out of descriptors passes, a broken listener does not.
func TestServeOutlivesTemporaryErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		full := &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
		s := startOn(t, wire.Options{Handler: echoing}, &faultyListener{p, []error{full, full, full}})
		c := p.dial(t)
		c.write(t, frame(1, "in"))
		c.expect(t, 1, "in")
		s.stop(t)
		if !s.log.contains("cannot accept") {
			t.Error("the log does not say so")
		}

		broken := errors.New("broken")
		other := wire.NewServer(wire.Options{Handler: echoing})
		if err := other.Serve(&faultyListener{newPipes(), []error{broken}}); !errors.Is(err, broken) {
			t.Error(err)
		}
	})
}

func TestTLS(t *testing.T) {
	t.Run("of a server's listener", func(t *testing.T) { servesTLS(t, wire.NewTLSListener) })
	t.Run("of any other", func(t *testing.T) { servesTLS(t, tls.NewListener) })
}

func servesTLS(t *testing.T, listener func(net.Listener, *tls.Config) net.Listener) {
	secure, trusting := tlsConfigs(t)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		f, _ := fetchPair(r.Version)
		return wire.Reply{Response: f}, nil
	})
	s := startOn(t, wire.Options{Handler: h}, listener(plain, secure))
	nc, err := tls.Dial("tcp", plain.Addr().String(), trusting)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_, want := fetchPair(13)
	want.Version = 13
	request := frame(3, "")
	request[5], request[7] = 1, 13 // Fetch 13
	request = append(request, 0)   // no tags in its header
	request[3]++
	client{nc}.write(t, request)
	if got := (client{nc}).receive(t, 3, true); string(got) != string(want.AppendTo(nil)) {
		t.Error("other bytes by TLS")
	}

	// Who does not speak TLS is shown the door.
	noise, err := net.Dial("tcp", plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer noise.Close()
	noise.Write(frame(1, strings.Repeat("plain text", 5000))) // more than TLS asks for at first
	for b := make([]byte, 100); err == nil; {
		_, err = noise.Read(b)
	}
	s.stop(t)
	if n := s.Counters(); n.SendfileBytes != 0 || n.CopiedBytes != 7000 || n.Frames != 1 || n.HandshakesFailed != 1 {
		t.Errorf("counted %+v", n)
	}
	if held := s.HeldBytes(); held != 0 {
		t.Errorf("%d bytes are held when all connections have ended", held)
	}
}

// dialTLS starts a server that speaks TLS, and connects by a connection whose writes
// can be cut.
func dialTLS(t *testing.T, o wire.Options) (*running, client) {
	t.Helper()
	secure, trusting := tlsConfigs(t)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := startOn(t, o, wire.NewTLSListener(plain, secure))
	nc, err := net.Dial("tcp", plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return s, client{tls.Client(&pieces{Conn: nc}, trusting)}
}

// pieces is a connection whose writes arrive in several, where that is asked for.
type pieces struct {
	net.Conn
	rng *rand.Rand // nil: as they are
}

// inPieces has the records of TLS arrive in pieces from now on.
func (c client) inPieces(t *testing.T, rng *rand.Rand) client {
	t.Helper()
	secure := c.Conn.(*tls.Conn)
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	secure.NetConn().(*pieces).rng = rng
	return c
}

func (p *pieces) Write(b []byte) (n int, err error) {
	for p.rng != nil && len(b) > 1 && err == nil {
		cut := 1 + p.rng.IntN(len(b)-1)
		var m int
		m, err = p.Conn.Write(b[:cut])
		n, b = n+m, b[cut:]
		runtime.Gosched()
	}
	if err != nil {
		return n, err
	}
	m, err := p.Conn.Write(b)
	return n + m, err
}

// tlsConfigs are those of a server called broker, and of its clients.
func tlsConfigs(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	both, public, err := certificate.SelfSigned("broker")
	if err == nil {
		server, client, err = certificate.Configs(both, public)
	}
	if err != nil {
		t.Fatal(err)
	}
	client.ServerName = "broker"
	return server, client
}
