package wire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"moldau/server/wire"
)

// runner is a handler that serves runs, and of each as many requests as some says.
type runner struct {
	handlerFunc
	some    func(n int) int
	dear    bool         // runs are
	largest atomic.Int64 // run
	runs    atomic.Int64
}

func (r *runner) ServeRun(ctx context.Context, rs []*wire.Request, replies []wire.Reply) (n int, cheaper bool, err error) {
	r.runs.Add(1)
	r.largest.Store(max(r.largest.Load(), int64(len(rs))))
	for n < r.some(len(rs)) && err == nil {
		if replies[n], err = r.Serve(ctx, rs[n]); err == nil {
			n++
		}
	}
	return n, !r.dear, err
}

func all(n int) int { return n }

// Requests of all sizes, cut anywhere, with others between, are served in their order
// and with their bytes, whether together or not: where there is memory for them, where
// it is short, and where a connection cannot be asked what has arrived.
func TestRunsAreServedAsOneByOne(t *testing.T) {
	for name, c := range map[string]struct {
		network string
		budget  int64
		run     int64 // that some are as long at least
	}{
		"tcp": {"tcp", 0, 3}, "unix": {"unix", 0, 3}, "little memory": {"tcp", 16 << 10, 2}, "pipe": {"", 0, 1}, "TLS": {"", 0, 3}, "TLS and little memory": {"", 160 << 10, 2},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(c.budget)))
			var frames []byte
			var bodies []string
			for id := range int32(600) {
				body := strings.Repeat(string(rune('a'+id%26)), rng.IntN(1<<rng.IntN(18)))
				key := byte(keyProduce)
				if rng.IntN(8) == 0 {
					key = 12
				}
				bodies = append(bodies, body)
				frames = append(frames, frameOf(key, id, body)...)
			}
			served := int32(0)
			h := &runner{handlerFunc: func(_ context.Context, r *wire.Request) (wire.Reply, error) {
				if r.CorrelationID != served || string(r.Body) != bodies[served] {
					t.Errorf("request %d of %d bytes is served, want %d of %d", r.CorrelationID, len(r.Body), served, len(bodies[served]))
				}
				served++
				reply := echo(r)
				for i := range r.Body {
					r.Body[i] = 0xee
				}
				return reply, nil
			}, some: func(n int) int { return 1 + rng.IntN(n) }}
			if c.network == "" {
				c.network = "tcp"
			}
			s, conn := dialSocket(t, wire.Options{Handler: h, InFlightBytesMax: c.budget}, c.network)
			if strings.HasPrefix(name, "TLS") {
				s.stop(t)
				s, conn = dialTLS(t, wire.Options{Handler: h, InFlightBytesMax: c.budget})
				conn = conn.inPieces(t, rand.New(rand.NewPCG(3, 3)))
			}
			if name == "pipe" {
				s.stop(t)
				p := newPipes()
				s = startOn(t, wire.Options{Handler: h}, p)
				conn = p.dial(t)
			}
			go conn.writeCut(t, frames, rand.New(rand.NewPCG(2, 2)), 21)
			for id, body := range bodies {
				if got := conn.receive(t, int32(id), false); !bytes.Equal(got, []byte(body)) {
					t.Fatalf("the reply to %d has %d bytes that are not the %d sent", id, len(got), len(body))
				}
			}
			s.holdsNothing(t)
			s.stop(t)
			if n := h.largest.Load(); n < c.run {
				t.Errorf("the largest run has %d requests, want %d", n, c.run)
			}
		})
	}
}

// A run does not wait for what has not arrived: not for a request of which a part is
// missing.
func TestRunDoesNotWaitForWhatHasNotArrived(t *testing.T) {
	o := wire.Options{Handler: &runner{handlerFunc: echoing, some: all}}
	runDoesNotWait(t, start(t, o).dial(t))
	_, c := dialTLS(t, o)
	runDoesNotWait(t, c)
}

func runDoesNotWait(t *testing.T, c client) {
	second := frameOf(keyProduce, 2, strings.Repeat("x", 30<<10))
	for _, size := range []int{5, 40 << 10} { // read ahead, and into a buffer of its own
		first := strings.Repeat("y", size)
		for _, cut := range []int{0, 1, 3, 4, 5, 100, 20 << 10} {
			c.write(t, append(frameOf(keyProduce, 1, first), second[:cut]...))
			c.expect(t, 1, first)
			c.write(t, second[cut:])
			c.receive(t, 2, false)
		}
	}
}

// A run has a bound, in requests and in bytes.
func TestRunIsBounded(t *testing.T) {
	for _, c := range []struct{ bodyBytes, requests, max int64 }{{10, 100, 8}, {100 << 10, 30, 2}} {
		h := &runner{handlerFunc: echoing, some: all}
		s := start(t, wire.Options{Handler: h})
		conn := s.dial(t)
		var frames []byte
		for id := range int32(c.requests) {
			frames = append(frames, frameOf(keyProduce, id, strings.Repeat("x", int(c.bodyBytes)))...)
		}
		go func() {
			if _, err := conn.Write(frames); err != nil {
				t.Error(err)
			}
		}()
		for id := range int32(c.requests) {
			conn.receive(t, id, false)
		}
		s.stop(t)
		if n := h.largest.Load(); n > c.max || c.bodyBytes == 10 && n < c.max {
			t.Errorf("%d requests of %d bytes in a run, want %d at most", n, c.bodyBytes, c.max)
		}
	}
}

// Runs that are for nothing are seldom tried.
func TestRunsThatAreForNothingAreSeldom(t *testing.T) {
	const requests, pause = 2000, 256
	h := &runner{handlerFunc: echoing, some: all, dear: true}
	s := start(t, wire.Options{Handler: h})
	c := s.dial(t)
	var frames []byte
	for id := range int32(requests) {
		frames = append(frames, frameOf(keyProduce, id, "x")...)
	}
	go func() {
		if _, err := c.Write(frames); err != nil {
			t.Error(err)
		}
	}()
	for id := range int32(requests) {
		c.expect(t, id, "x")
	}
	s.stop(t)
	if n := h.runs.Load(); n == 0 || n > requests/pause+1 {
		t.Errorf("%d runs of %d requests", n, requests)
	}
}

// One that was received is served before more than a run may have is received.
func TestRunDoesNotWaitForALargeRequest(t *testing.T) {
	s := start(t, wire.Options{Handler: &runner{handlerFunc: echoing, some: all}})
	c := s.dial(t)
	first, large := strings.Repeat("y", 40<<10), frameOf(keyProduce, 2, strings.Repeat("x", 1<<20))
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.expect(t, 1, first)
	}()
	c.write(t, append(frameOf(keyProduce, 1, first), large[:len(large)-1]...))
	<-done
	c.write(t, large[len(large)-1:])
	c.receive(t, 2, false)
}

// What has arrived is served when the peer ends the connection behind it, or sends what
// nobody understands.
func TestRunIsServedBeforeTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		bodyBytes int
		behind    []byte // nil: the end
	}{
		"end": {10, nil}, "end, large": {40 << 10, nil},
		"length": {10, []byte{0xff, 0xff, 0xff, 0xff}}, "length, large": {40 << 10, []byte{0xff, 0xff, 0xff, 0xff}},
		"header": {10, []byte{0, 0, 0, 1, 0}},
		"middle": {40 << 10, frame(9, strings.Repeat("x", 30<<10))[:20<<10]},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, wire.Options{Handler: &runner{handlerFunc: echoing, some: all}})
			conn := s.dial(t)
			body := strings.Repeat("x", c.bodyBytes)
			var frames []byte
			for id := range int32(3) {
				frames = append(frames, frameOf(keyProduce, id, body)...)
			}
			conn.write(t, append(frames, c.behind...))
			if err := conn.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			for id := range int32(3) {
				conn.expect(t, id, body)
			}
		})
	}
}

// What the requests of a run reserve is given back when they are served.
func TestRunGivesBackWhatItReserved(t *testing.T) {
	h := &runner{handlerFunc: func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		if err := r.Reserve(10 << 10); err != nil {
			return wire.Reply{}, err
		}
		return ready("done"), nil
	}, some: all}
	s := start(t, wire.Options{Handler: h, InFlightBytesMax: 100 << 10})
	c := s.dial(t)
	for round := range int32(20) {
		var frames []byte
		for id := range int32(4) {
			frames = append(frames, frameOf(keyProduce, 4*round+id, strings.Repeat("x", 5<<10))...)
		}
		c.write(t, frames)
		for id := range int32(4) {
			c.expect(t, 4*round+id, "done")
		}
		s.holdsNothing(t)
	}
}

// A peer that always has the next request on the way does not keep the memory that is
// short for itself.
func TestEndlessRunsLeaveMemoryToOthers(t *testing.T) {
	const bodyBytes = 100 << 10
	h := &runner{handlerFunc: answering(ready("done")).(handlerFunc), some: all}
	s, endless := dialSocket(t, wire.Options{Handler: h, InFlightBytesMax: 64 << 10}, "unix")
	go io.Copy(io.Discard, endless)
	one := frameOf(keyProduce, 1, strings.Repeat("x", bodyBytes))
	turned := append(bytes.Clone(one[len(one)/2:]), one[:len(one)/2]...) // ends in the middle of the next
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		if _, err := endless.Write(one[:len(one)/2]); err != nil {
			t.Error(err)
			return
		}
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := endless.Write(turned); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 3 {
		c, err := net.Dial("unix", endless.RemoteAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for id := range int32(20) {
			client{c}.write(t, frameOf(keyProduce, id, strings.Repeat("y", bodyBytes)))
			client{c}.expect(t, id, "done")
		}
	}
	close(stop)
	writer.Wait()
	endless.Close()
	s.stop(t)
}

// What a request of a run fails with ends the connection, once those before it were
// answered. What is behind it is not served.
func TestRequestOfARunFails(t *testing.T) {
	failure := errors.New("not this one")
	for name, fail := range map[string]func() (wire.Reply, error){
		"error": func() (wire.Reply, error) { return wire.Reply{}, failure },
		"panic": func() (wire.Reply, error) { panic("not this one") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const bad = 3
				var mu sync.Mutex
				last := int32(-1)
				h := &runner{handlerFunc: func(_ context.Context, r *wire.Request) (wire.Reply, error) {
					mu.Lock()
					last = r.CorrelationID
					mu.Unlock()
					if r.CorrelationID == bad {
						return fail()
					}
					return echo(r), nil
				}, some: func(n int) int {
					if name == "panic" { // takes along those that are served with it
						return 1
					}
					return n
				}}
				p := newPipes()
				s := startOn(t, wire.Options{Handler: h}, p)
				c := p.dial(t)
				var frames []byte
				for id := range int32(6) {
					frames = append(frames, frameOf(keyProduce, id, "x")...)
				}
				go c.Write(frames) // the end of it is not taken
				for id := range int32(bad) {
					c.expect(t, id, "x")
				}
				if n, err := c.Read(make([]byte, 1)); err == nil {
					t.Errorf("%d bytes behind the failure", n)
				}
				synctest.Wait()
				s.stop(t)
				mu.Lock()
				defer mu.Unlock()
				if last != bad || !s.log.contains("not this one") {
					t.Errorf("the last request that was served is %d", last)
				}
			})
		})
	}
}

// Runs of several connections that hold all the memory there is get on: who waits for
// more serves what it has.
func TestRunsShareLittleMemory(t *testing.T) {
	const conns, requests, bodyBytes = 8, 40, 50 << 10
	h := &runner{handlerFunc: echoing, some: all}
	s := start(t, wire.Options{Handler: h, InFlightBytesMax: 150 << 10})
	var wait sync.WaitGroup
	for range conns {
		c := s.dial(t)
		wait.Go(func() {
			for id := range int32(requests) {
				if _, err := c.Write(frameOf(keyProduce, id, strings.Repeat("x", bodyBytes))); err != nil {
					t.Error(err)
					return
				}
			}
		})
		wait.Go(func() {
			got := make([]byte, 8+bodyBytes)
			for range requests {
				if _, err := io.ReadFull(c, got); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	s.holdsNothing(t)
	s.stop(t)
}
