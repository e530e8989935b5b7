package wire_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"moldau/fuzz/target"
	"moldau/server/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		target.Flush()
		os.Exit(code)
	}))
}

// handlerFunc is a handler.
type handlerFunc func(ctx context.Context, r *wire.Request) (wire.Reply, error)

func (f handlerFunc) Serve(ctx context.Context, r *wire.Request) (wire.Reply, error) {
	return f(ctx, r)
}

func answering(reply wire.Reply) wire.Handler {
	return handlerFunc(func(context.Context, *wire.Request) (wire.Reply, error) { return reply, nil })
}

// pong is a response of a few bytes with the header of a non-flexible one.
type pong string

func (pong) Key() int16                   { return 12 }
func (pong) IsFlexible() bool             { return false }
func (p pong) AppendTo(dst []byte) []byte { return append(dst, p...) }
func echo(r *wire.Request) wire.Reply     { return wire.Reply{Response: pong(r.Body)} }
func ready(p pong) wire.Reply             { return wire.Reply{Response: p} }
func parked(f func(context.Context) (wire.Response, error)) wire.Reply {
	return wire.Reply{Park: f}
}

var echoing = handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) { return echo(r), nil })

// running is a server with one listener.
type running struct {
	*wire.Server
	log    *logLines
	listen net.Listener
	served chan error
}

// start serves on a loopback port; startOn on any listener.
func start(t *testing.T, o wire.Options) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, o, l)
}

func startOn(t *testing.T, o wire.Options, l net.Listener) *running {
	t.Helper()
	s := &running{log: &logLines{}, listen: l, served: make(chan error, 1)}
	o.Logger = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Server = wire.NewServer(o)
	s.PoisonBuffers(0xdb)
	s.ProbePeersEvery(time.Millisecond)
	go func() { s.served <- s.Serve(l) }()
	t.Cleanup(func() { s.stop(t) })
	return s
}

// stop shuts down with patience, and may be called again.
func (s *running) stop(t *testing.T) {
	t.Helper()
	if s.listen == nil {
		return
	}
	s.listen = nil
	if err := s.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-s.served; !errors.Is(err, wire.ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if held := s.HeldBytes(); held != 0 {
		t.Errorf("%d bytes are held when all is over", held)
	}
}

// holdsNothing waits until no request holds memory. What was read ahead is given back
// when the peer is waited for next, and by then that may have its reply.
func (s *running) holdsNothing(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ; s.HeldBytes() != 0; runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatalf("%d bytes are held when all is answered", s.HeldBytes())
		}
	}
}

// logLines collects what was logged.
type logLines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logLines) contains(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.text.Bytes(), []byte(s))
}

// client is the other end of a connection.
type client struct{ net.Conn }

func (s *running) dial(t *testing.T) client {
	t.Helper()
	c, err := net.Dial("tcp", s.listen.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return client{c}
}

// pipes is a listener in memory, for tests in which time matters.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	wrap   func(net.Conn) net.Conn
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), closed: make(chan struct{}), wrap: func(c net.Conn) net.Conn { return c }}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return p.wrap(c), nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(t *testing.T) client {
	t.Helper()
	ours, theirs := net.Pipe()
	p.conns <- theirs
	t.Cleanup(func() { ours.Close() })
	return client{ours}
}

// frame is a request of key 12 (Heartbeat), version 0, with any body.
func frame(correlationID int32, body string) []byte { return frameOf(12, correlationID, body) }

const keyProduce, keyOffsetCommit = 0, 8

// frameOf is a request of any key, version 0.
func frameOf(key byte, correlationID int32, body string) []byte {
	b := []byte{0, 0, 0, 0, 0, key, 0, 0}
	b = binary.BigEndian.AppendUint32(b, uint32(correlationID))
	b = append(b, 0, 1, 'c')
	b = append(b, body...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func (c client) send(t *testing.T, m kmsg.Request, correlationID int32) {
	t.Helper()
	c.write(t, kmsg.NewRequestFormatter(kmsg.FormatterClientID("tester")).AppendRequest(nil, m, correlationID))
}

func (c client) write(t *testing.T, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// writeCut writes in pieces of any length below 1<<bits.
func (c client) writeCut(t *testing.T, b []byte, rng *rand.Rand, bits int) {
	for len(b) > 0 {
		n := min(len(b), 1+rng.IntN(1<<rng.IntN(bits)))
		if _, err := c.Write(b[:n]); err != nil {
			t.Error(err)
			return
		}
		b = b[n:]
	}
}

// receive reads one response, checks whose it is, and returns its body.
func (c client) receive(t *testing.T, correlationID int32, flexibleHeader bool) []byte {
	t.Helper()
	var head [8]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		t.Fatalf("reply to %d: %v", correlationID, err)
	}
	if got := int32(binary.BigEndian.Uint32(head[4:])); got != correlationID {
		t.Fatalf("reply to %d came, want that to %d", got, correlationID)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(c, body); err != nil {
		t.Fatalf("reply to %d: %v", correlationID, err)
	}
	if flexibleHeader {
		if body[0] != 0 {
			t.Fatalf("reply to %d: %d tags in the header", correlationID, body[0])
		}
		body = body[1:]
	}
	return body
}

// expect is receive of a pong.
func (c client) expect(t *testing.T, correlationID int32, body string) {
	t.Helper()
	if got := c.receive(t, correlationID, false); string(got) != body {
		t.Fatalf("reply to %d is %q, want %q", correlationID, got, body)
	}
}

// expectClosed checks that the server has no more to say.
func (c client) expectClosed(t *testing.T) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Fatalf("read %d bytes, %v from a connection that should be closed", n, err)
	}
}
