package wire_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"moldau/server/wire"
)

// dialSocket connects by TCP, or by a Unix socket.
func dialSocket(t *testing.T, o wire.Options, network string) (*running, client) {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "socket")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	s := startOn(t, o, l)
	c, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return s, client{c}
}

// Requests of all sizes, cut anywhere and many at a time, are served as they were
// sent, whether they are read ahead, in part or not. A handler may write over its
// own, and over no other.
func TestRequestsThatArriveTogetherAreServedApart(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, budget := range []int64{0, 16 << 10} { // with room to read ahead, and without
			h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
				reply := echo(r)
				for i := range r.Body {
					r.Body[i] = 0xee
				}
				return reply, nil
			})
			s, c := dialSocket(t, wire.Options{Handler: h, InFlightBytesMax: budget}, network)
			rng := rand.New(rand.NewPCG(1, uint64(budget)))
			var all []byte
			var bodies []string
			for id := range int32(400) {
				size := rng.IntN(1 << rng.IntN(18))
				body := strings.Repeat(string(rune('a'+id%26)), size)
				bodies = append(bodies, body)
				all = append(all, frame(id, body)...)
			}
			go func() {
				for len(all) > 0 {
					n := min(len(all), 1+rng.IntN(1<<rng.IntN(19)))
					if _, err := c.Write(all[:n]); err != nil {
						t.Error(err)
						return
					}
					all = all[n:]
				}
			}()
			for id, body := range bodies {
				if got := c.receive(t, int32(id), false); !bytes.Equal(got, []byte(body)) {
					t.Fatalf("%s: the reply to %d has %d bytes that are not the %d sent", network, id, len(got), len(body))
				}
			}
			s.stop(t)
		}
	}
}

// A reply is held back while there are requests to serve, and no longer: not for a
// request of which a part is missing, be it a part of its length.
func TestReplyDoesNotWaitForWhatHasNotArrived(t *testing.T) {
	s := start(t, wire.Options{Handler: echoing})
	c := s.dial(t)
	second := frame(2, strings.Repeat("x", 30<<10))
	for _, cut := range []int{1, 3, 4, 5, 100, 20 << 10} {
		c.write(t, append(frame(1, "first"), second[:cut]...))
		c.expect(t, 1, "first")
		c.write(t, second[cut:])
		c.receive(t, 2, false)
	}
}

// Nor does it wait longer than for the request behind it, if that takes long.
func TestReplyDoesNotWaitForManyRequests(t *testing.T) {
	served := make(chan int32, 100)
	h := handlerFunc(func(ctx context.Context, r *wire.Request) (wire.Reply, error) {
		served <- r.CorrelationID
		for began := time.Now(); time.Since(began) < time.Millisecond; {
			// busy, as with a disk write
		}
		if r.CorrelationID == 50 {
			<-ctx.Done()
		}
		return echo(r), nil
	})
	s := start(t, wire.Options{Handler: h})
	c := s.dial(t)
	var all []byte
	for id := range int32(51) {
		all = append(all, frame(id, "x")...)
	}
	c.write(t, all)
	for id := range int32(49) { // while the last is served, for as long as it takes
		c.expect(t, id, "x")
	}
	c.Close()
}

// Replies that the peer does not take leave the reading goroutine alone: it goes
// on to serve, and they arrive, whole and in order, once they are read.
func TestRepliesThatAreNotTakenAtOnce(t *testing.T) {
	const requests, replyBytes = 40, 400 << 10
	served := make(chan struct{}, requests)
	h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		served <- struct{}{}
		return ready(pong(strings.Repeat(fmt.Sprintf("%07d ", r.CorrelationID), replyBytes/8))), nil
	})
	s := start(t, wire.Options{Handler: h})
	c := s.dial(t)
	var all []byte
	for id := range int32(requests) {
		all = append(all, frame(id, "")...)
	}
	c.write(t, all)
	<-served // none is read before the first is served
	for id := range int32(requests) {
		c.expect(t, id, strings.Repeat(fmt.Sprintf("%07d ", id), replyBytes/8))
	}
	s.stop(t)
	if out := s.Counters().BytesOut; out != requests*(replyBytes+8) {
		t.Errorf("%d bytes are counted", out)
	}
}

// What was read ahead is given back when there is no more of it, and a connection
// that waits in the middle of a length holds nothing.
func TestConnectionsThatWaitHoldNothing(t *testing.T) {
	s := start(t, wire.Options{Handler: echoing})
	c := s.dial(t)
	body := strings.Repeat("x", 3000)
	var all []byte
	for id := range int32(20) {
		all = append(all, frame(id, body)...)
	}
	last := frame(20, "last")
	c.write(t, append(all, last[:3]...))
	for id := range int32(20) {
		c.expect(t, id, body)
	}
	// The reply to the last leaves when the connection begins to wait; what it held
	// is given back a moment later.
	for ctx := t.Context(); s.HeldBytes() > 0; runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
	}
	c.write(t, last[3:])
	c.expect(t, 20, "last")
}
