package wire_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"moldau/server/wire"
)

// Replies come out in the order they went in, however many there is room for, and
// whoever waits is told at once: no time passes.
func TestQueueKeepsOrder(t *testing.T) {
	const replies = 2000
	for _, most := range []int{1, 3, 4, 5, 8, 64} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			q := wire.NewReplyQueue(most)
			go func() {
				defer q.Close()
				for id := range int32(replies) {
					q.Put(id)
					if id%(7*int32(most)) == 0 {
						synctest.Wait() // until all was taken
					}
				}
			}()
			for want := range int32(replies) {
				if id, ok := q.Take(); !ok || id != want {
					t.Fatalf("room for %d: took %d, %t in place of %d", most, id, ok, want)
				}
			}
			if id, ok := q.Take(); ok {
				t.Errorf("room for %d: took %d of a queue that is closed", most, id)
			}
			if waited := time.Since(began); waited > 0 {
				t.Errorf("room for %d: waited %v", most, waited)
			}
		})
	}
}

// So many replies are queued and no more: the next one waits for the first to be
// taken. Those that are in a queue when it is closed can still be taken.
func TestQueueIsBounded(t *testing.T) {
	for _, most := range []int32{1, 4, 6, 64} {
		synctest.Test(t, func(t *testing.T) {
			q := wire.NewReplyQueue(int(most))
			for range 3 { // what it took up before makes no difference
				for id := range most {
					if q.Put(id) {
						t.Errorf("room for %d: waited for the place of %d", most, id)
					}
				}
				put := make(chan bool, 1)
				go func() { put <- q.Put(most) }()
				synctest.Wait()
				if len(put) > 0 {
					t.Fatalf("room for %d: there was for one more", most)
				}
				began := time.Now()
				q.Take()
				if waited := <-put; !waited || time.Since(began) > 0 {
					t.Errorf("room for %d: %t, through after %v", most, waited, time.Since(began))
				}
				for range most {
					q.Take()
				}
			}
			q.Put(7)
			q.Close()
			if id, ok := q.Take(); !ok || id != 7 {
				t.Errorf("room for %d: took %d, %t", most, id, ok)
			}
		})
	}
}

// A client that pipelines large requests, and waits for none of the answers, is
// read from no more when some are held, and gets them all in the end.
func TestReadingPausesWhileRepliesHoldMuch(t *testing.T) {
	const requests, responseBytes = 40, 60 << 10
	large := pong(strings.Repeat("x", responseBytes))
	for _, r := range []struct {
		name  string
		large func(wire.Response) wire.Reply
		most  int32 // served while the first waits
	}{
		{"ready", func(p wire.Response) wire.Reply { return wire.Reply{Response: p} }, 1 + 5},
		{"ready, of known size", func(p wire.Response) wire.Reply {
			return wire.Reply{Response: p, HeldBytes: 100 << 10}
		}, 1 + 3},
		{"parked", func(p wire.Response) wire.Reply {
			return wire.Reply{Park: func(context.Context) (wire.Response, error) { return p, nil }, HeldBytes: 200 << 10}
		}, 1 + 2},
		{"small", func(p wire.Response) wire.Reply { return wire.Reply{Response: p, HeldBytes: 1 << 10} }, requests},
	} {
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var served atomic.Int32
				release := make(chan struct{})
				h := handlerFunc(func(_ context.Context, req *wire.Request) (wire.Reply, error) {
					served.Add(1)
					if req.CorrelationID == 0 {
						return parked(func(context.Context) (wire.Response, error) { <-release; return pong("first"), nil }), nil
					}
					return r.large(large), nil
				})
				p := newPipes()
				s := startOn(t, wire.Options{Handler: h}, p)
				c := p.dial(t)
				go func() {
					for id := range int32(requests) {
						c.Write(frame(id, ""))
					}
				}()
				synctest.Wait()
				if n := served.Load(); n > r.most || n < 2 {
					t.Errorf("%d requests were answered into memory, want at most %d", n, r.most)
				}
				close(release)
				c.expect(t, 0, "first")
				for id := int32(1); id < requests; id++ {
					c.expect(t, id, string(large))
				}
				s.stop(t)
			})
		})
	}
}

// A connection that is not read from ends with the server, and with its peer.
func TestPauseEnds(t *testing.T) {
	large := pong(strings.Repeat("x", 300<<10))
	h := handlerFunc(func(_ context.Context, req *wire.Request) (wire.Reply, error) {
		if req.CorrelationID == 0 {
			return parked(func(ctx context.Context) (wire.Response, error) { <-ctx.Done(); return nil, ctx.Err() }), nil
		}
		return ready(large), nil
	})
	s := start(t, wire.Options{Handler: h})
	for _, end := range []func(c client){
		func(c client) { _ = c.Close() },
		func(client) {
			atOnce, cancel := context.WithCancel(t.Context())
			cancel()
			_ = s.Shutdown(atOnce)
		},
	} {
		c := s.dial(t)
		for id := range int32(5) {
			c.write(t, frame(id, ""))
		}
		end(c)
	}
	s.stop(t)
	if n := s.Counters().Connections; n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// Many connections with many waits each: all replies together hold what the
// limit says and one reply a connection, and in the end all are there.
func TestRepliesOfAllConnectionsAreBounded(t *testing.T) {
	const conns, requests, held, limit = 20, 10, 1000, 20_000
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := handlerFunc(func(context.Context, *wire.Request) (wire.Reply, error) {
			return wire.Reply{HeldBytes: held, Park: func(context.Context) (wire.Response, error) { <-release; return pong("done"), nil }}, nil
		})
		p := newPipes()
		s := startOn(t, wire.Options{Handler: h, RepliesBytesMax: limit}, p)
		var all []client
		for range conns {
			c := p.dial(t)
			all = append(all, c)
			go func() {
				for id := range int32(requests) {
					c.Write(frame(id, ""))
				}
			}()
		}
		synctest.Wait()
		// Up to the limit nobody is held back, beyond it each has one more.
		if n := s.Counters(); n.ReplyBytes <= limit || n.ReplyBytes > limit+conns*held || n.Frames != n.ReplyBytes/held {
			t.Errorf("counted %+v", n)
		}
		// Who has no reply that waits is served whatever others hold.
		late := p.dial(t)
		late.write(t, frame(1, ""))
		synctest.Wait()
		before := s.Counters()
		if before.Frames != before.ReplyBytes/held || before.Connections != conns+1 {
			t.Errorf("counted %+v", before)
		}
		close(release)
		late.expect(t, 1, "done")
		for _, c := range all {
			for id := range int32(requests) {
				c.expect(t, id, "done")
			}
		}
		s.stop(t)
		if n := s.Counters(); n.ReplyBytes != 0 || n.WaitedForRoom == 0 || n.Frames != conns*requests+1 {
			t.Errorf("counted %+v", n)
		}
	})
}
