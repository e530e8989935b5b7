package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"moldau/server/wire"
)

// On one connection, whatever becomes ready first, replies leave in the order
// of the requests, and waits run one after the other.
func TestRepliesLeaveInOrder(t *testing.T) {
	const requests = 300
	var lastParked atomic.Int32
	h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		id, body := r.CorrelationID, pong(r.Body)
		wait := func(context.Context) (wire.Response, error) {
			if before := lastParked.Swap(id); before >= id {
				return nil, fmt.Errorf("%d waits after %d", id, before)
			}
			return body, nil
		}
		switch id % 5 {
		case 0:
			return wire.Reply{}, nil
		case 1:
			return parked(wait), nil
		case 2:
			return wire.Reply{Park: wait, Ready: func() bool { return true }}, nil
		case 3:
			return parked(func(context.Context) (wire.Response, error) { return nil, nil }), nil
		}
		return ready(body), nil
	})
	s := start(t, wire.Options{Handler: h, PipelineMax: 7})
	c := s.dial(t)
	go func() {
		var all []byte
		for id := range int32(requests) {
			all = append(all, frame(id, fmt.Sprint("body ", id))...)
		}
		c.Write(all)
	}()
	for id := range int32(requests) {
		if id%5 != 0 && id%5 != 3 {
			c.expect(t, id, fmt.Sprint("body ", id))
		}
	}
	s.stop(t)
	if n := s.Counters().Frames; n != requests {
		t.Errorf("%d frames counted", n)
	}
}

// A parked reply holds up replies, not requests.
func TestRequestsAreServedWhileAnEarlierOneWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served, release := 0, make(chan struct{})
		h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
			served++
			if r.CorrelationID == 0 {
				return parked(func(context.Context) (wire.Response, error) {
					<-release
					return pong("late"), nil
				}), nil
			}
			return ready("early"), nil
		})
		p := newPipes()
		s := startOn(t, wire.Options{Handler: h, PipelineMax: 4}, p)
		c := p.dial(t)
		for id := range int32(4) {
			c.write(t, frame(id, ""))
		}
		synctest.Wait()
		if served != 4 {
			t.Errorf("%d requests served while the first waits", served)
		}
		close(release)
		c.expect(t, 0, "late")
		for id := int32(1); id < 4; id++ {
			c.expect(t, id, "early")
		}
		s.stop(t)
	})
}

// A reply that waits is not overtaken by one that was ready before anything was
// left to send: the requests come one at a time here.
func TestReadyReplyDoesNotOvertakeAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := []chan struct{}{make(chan struct{}), make(chan struct{})}
		h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
			if id := r.CorrelationID; id%2 == 0 {
				return parked(func(context.Context) (wire.Response, error) { <-release[id/2]; return pong("slow"), nil }), nil
			}
			return ready("fast"), nil
		})
		p := newPipes()
		s := startOn(t, wire.Options{Handler: h}, p)
		c := p.dial(t)
		for id := range int32(3) {
			c.write(t, frame(id, ""))
		}
		close(release[0])
		c.expect(t, 0, "slow")
		c.expect(t, 1, "fast")
		synctest.Wait()
		c.write(t, frame(3, ""))
		synctest.Wait()
		close(release[1])
		c.expect(t, 2, "slow")
		c.expect(t, 3, "fast")
		s.stop(t)
	})
}

// With PipelineMax replies outstanding, the next request is served, but the one
// behind it is not read.
func TestPipelineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served, release := 0, make(chan struct{})
		h := handlerFunc(func(context.Context, *wire.Request) (wire.Reply, error) {
			served++
			return parked(func(context.Context) (wire.Response, error) { <-release; return pong(""), nil }), nil
		})
		p := newPipes()
		s := startOn(t, wire.Options{Handler: h, PipelineMax: 3}, p)
		c := p.dial(t)
		go func() {
			for id := range int32(20) {
				c.Write(frame(id, strings.Repeat("x", 2000)))
			}
		}()
		synctest.Wait()
		// One reply waits in Park, three are queued, one is about to be.
		if served != 5 {
			t.Errorf("%d requests served", served)
		}
		close(release)
		for id := range int32(20) {
			c.expect(t, id, "")
		}
		s.stop(t)
	})
}

// countingConn counts writes.
type countingConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// Replies that pile up behind one that waits leave together, and those that say
// they are ready do not break them up.
func TestSmallRepliesShareAWrite(t *testing.T) {
	for _, readyToo := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
				switch {
				case r.CorrelationID == 0:
					return parked(func(context.Context) (wire.Response, error) { <-release; return pong("0"), nil }), nil
				case r.CorrelationID%2 == 0:
					return wire.Reply{
						Park:  func(context.Context) (wire.Response, error) { return pong("e"), nil },
						Ready: func() bool { return readyToo },
					}, nil
				}
				return ready("o"), nil
			})
			var writes atomic.Int32
			p := newPipes()
			p.wrap = func(c net.Conn) net.Conn { return countingConn{c, &writes} }
			s := startOn(t, wire.Options{Handler: h}, p)
			c := p.dial(t)
			for id := range int32(21) {
				c.write(t, frame(id, ""))
			}
			synctest.Wait()
			close(release)
			for id := range int32(21) {
				c.receive(t, id, false)
			}
			want := int32(1)
			if !readyToo {
				want = 11 // one before each of ten waits, one at the end
			}
			if n := writes.Load(); n != want {
				t.Errorf("%d writes, want %d", n, want)
			}
			s.stop(t)
		})
	}
}

// A request may touch its body while it is served, and not any more afterwards.
func TestBodyIsTheHandlersUntilItReturns(t *testing.T) {
	var kept []byte
	h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		kept = r.Body
		return parked(func(context.Context) (wire.Response, error) {
			return pong(fmt.Sprint(bytes.Count(kept, []byte{0xdb}))), nil
		}), nil
	})
	s := start(t, wire.Options{Handler: h})
	c := s.dial(t)
	c.write(t, frame(1, "0123456789"))
	c.expect(t, 1, "10")
}

func TestRequestFieldsAndCounters(t *testing.T) {
	var mu sync.Mutex
	var conns []uint64
	h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		mu.Lock()
		defer mu.Unlock()
		if r.Key != 12 || r.Version != 0 || r.ClientID != "c" {
			return wire.Reply{}, fmt.Errorf("key %d, version %d, client %q", r.Key, r.Version, r.ClientID)
		}
		if len(conns) == 0 || conns[len(conns)-1] != r.Conn.ID {
			conns = append(conns, r.Conn.ID)
		}
		return ready(pong(fmt.Sprint(r.Conn.RemoteAddr(), " ", r.Conn.LocalAddr()))), nil
	})
	s := start(t, wire.Options{Handler: h})
	out := 0
	for range 2 {
		c := s.dial(t)
		for id := range int32(3) {
			body := fmt.Sprint(c.Conn.LocalAddr(), " ", c.Conn.RemoteAddr())
			c.write(t, frame(id, ""))
			c.expect(t, id, body)
			out += 8 + len(body)
		}
	}
	s.stop(t)
	if len(conns) != 2 || conns[0] == conns[1] {
		t.Errorf("connection ids %v", conns)
	}
	want := wire.Counters{Accepted: 2, Frames: 6, BytesIn: 6 * int64(len(frame(0, ""))), BytesOut: int64(out)}
	if got := s.Counters(); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// A wait is told when its peer is gone, and all waits behind it still run once,
// so that they can clean up.
func TestPeerThatLeavesEndsWaits(t *testing.T) {
	const requests = 5
	ended := make(chan error, requests)
	h := answering(parked(func(ctx context.Context) (wire.Response, error) {
		<-ctx.Done()
		ended <- ctx.Err()
		return pong(""), nil
	}))
	s := start(t, wire.Options{Handler: h})
	c := s.dial(t)
	for id := range int32(requests) {
		c.write(t, frame(id, ""))
	}
	c.Close()
	for range requests {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	s.stop(t)
	if out := s.Counters().BytesOut; out != 0 {
		t.Errorf("%d bytes written", out)
	}
}

// With its queue full a connection is not read any more; that its peer is gone
// is noticed all the same.
func TestPeerThatLeavesAFullQueueIsNoticed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell")
	}
	for _, secure := range []bool{false, true} {
		ended := make(chan struct{}, 100)
		o := wire.Options{PipelineMax: 1, Handler: answering(parked(func(ctx context.Context) (wire.Response, error) {
			<-ctx.Done()
			ended <- struct{}{}
			return nil, ctx.Err()
		}))}
		s, c := dialSocket(t, o, "tcp")
		if secure {
			s.stop(t)
			s, c = dialTLS(t, o)
		}
		for id := range int32(20) {
			c.write(t, frame(id, strings.Repeat("x", 1000)))
		}
		c.Close()
		<-ended
		s.stop(t)
		if held := s.HeldBytes(); held != 0 {
			t.Errorf("by TLS %v: %d bytes are held", secure, held)
		}
	}
}

func TestPeerClosed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if wire.PeerClosed(far) {
		t.Error("closed before it was")
	}
	near.Close()
	if _, err := far.Read(make([]byte, 1)); err == nil {
		t.Fatal("read from a closed connection")
	}
	if !wire.PeerClosed(far) {
		t.Error("not closed after it was")
	}
	if wire.PeerClosed(countingConn{}) {
		t.Error("a connection that is not the system's is closed")
	}
}
