package wire_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
			go c.writeCut(t, all, rng, 19)
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

// Nor does it wait longer than for the Produce behind it, if that takes long.
func TestReplyDoesNotWaitForManyRequests(t *testing.T) {
	const requests, took, heldBackMax = 40, 30 * time.Microsecond, 100 * time.Microsecond
	for _, key := range []byte{keyProduce, keyOffsetCommit} {
		t.Run(fmt.Sprint("key ", key), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var served [requests]time.Time
				h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
					time.Sleep(took) // as with a disk write
					served[r.CorrelationID] = time.Now()
					return echo(r), nil
				})
				p := newPipes()
				var writes atomic.Int32
				p.wrap = func(c net.Conn) net.Conn { return countingConn{c, &writes} }
				s := startOn(t, wire.Options{Handler: h}, p)
				c := p.dial(t)
				var all []byte
				for id := range int32(requests) {
					all = append(all, frameOf(key, id, "x")...)
				}
				c.write(t, all) // at once, and so it is read
				for id := range int32(requests) {
					c.expect(t, id, "x")
					if held := time.Since(served[id]); held >= heldBackMax+took {
						t.Errorf("the reply to %d was held back for %v", id, held)
					}
				}
				s.stop(t)
				// Each takes along those behind it that are ready within 100 microseconds.
				if n := writes.Load(); n > requests/4 {
					t.Errorf("%d writes for %d replies", n, requests)
				}
			})
		})
	}
}

// Requests that get no reply let none wait longer, however many they are.
func TestReplyDoesNotWaitForRequestsWithoutOne(t *testing.T) {
	const requests, took, heldBackMax = 40, 30 * time.Microsecond, 100 * time.Microsecond
	synctest.Test(t, func(t *testing.T) {
		h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
			time.Sleep(took)
			if r.CorrelationID > 0 {
				return wire.Reply{}, nil
			}
			return echo(r), nil
		})
		p := newPipes()
		s := startOn(t, wire.Options{Handler: h}, p)
		c := p.dial(t)
		var all []byte
		for id := range int32(requests) {
			all = append(all, frameOf(keyProduce, id, "x")...)
		}
		began := time.Now()
		c.write(t, all) // at once, and so it is read
		c.expect(t, 0, "x")
		if waited := time.Since(began); waited > heldBackMax+2*took {
			t.Errorf("the reply arrived after %v", waited)
		}
		s.stop(t)
	})
}

// Requests of which nobody knows how long they take are not waited for at all:
// replies arrive while one is served.
func TestReplyDoesNotWaitForWhatMayTakeLong(t *testing.T) {
	const rounds, slow = 10, 19 // CreateTopics
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
			if r.Key == slow {
				<-release
			}
			return echo(r), nil
		})
		p := newPipes()
		s := startOn(t, wire.Options{Handler: h}, p)
		c := p.dial(t)
		var all []byte
		for id := int32(0); id < 4*rounds; id += 4 {
			for i, key := range []byte{keyProduce, keyProduce, slow, keyProduce} {
				all = append(all, frameOf(key, id+int32(i), "x")...)
			}
		}
		c.write(t, all) // at once, and so it is read
		var arrived atomic.Int32
		go func() {
			for id := range int32(4 * rounds) {
				c.expect(t, id, "x")
				arrived.Add(1)
			}
		}()
		for round := range int32(rounds) {
			synctest.Wait()
			if n := arrived.Load(); n != 4*round+2 {
				t.Errorf("%d replies arrived while the request behind %d is served", n, 4*round+2)
			}
			release <- struct{}{}
		}
		synctest.Wait()
		s.stop(t)
	})
}

// Replies that the peer does not take at once arrive whole and in order.
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
