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

// What a peer asks that does not read is not answered into memory: it costs one
// reply, and one more where an earlier one was waited for.
func TestPeerThatDoesNotReadIsServedNoMore(t *testing.T) {
	const requests, replyBytes = 40, 10 << 10
	for _, first := range []string{"at once", "after a wait"} {
		t.Run(first, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reply := pong(strings.Repeat("x", replyBytes))
				var served atomic.Int32
				h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
					served.Add(1)
					if r.CorrelationID == 0 && first == "after a wait" {
						return parked(func(context.Context) (wire.Response, error) { return reply, nil }), nil
					}
					return ready(reply), nil
				})
				p := newPipes()
				s := startOn(t, wire.Options{Handler: h}, p)
				c := p.dial(t)
				c.write(t, frame(0, ""))
				synctest.Wait()
				go func() {
					for id := int32(1); id < requests; id++ {
						c.write(t, frame(id, ""))
					}
				}()
				synctest.Wait()
				if n, held := served.Load(), s.Counters().ReplyBytes; n > 2 || held < replyBytes || held > 4*replyBytes {
					t.Errorf("%d requests are served, replies hold %d bytes", n, held)
				}
				for id := range int32(requests) {
					c.expect(t, id, string(reply))
				}
				s.stop(t)
				if n := s.Counters(); n.ReplyBytes != 0 || n.Frames != requests || n.BytesOut != requests*(replyBytes+8) {
					t.Errorf("counted %+v", n)
				}
			})
		})
	}
}

// A peer may take its time, unless replies hold more memory than they may: then who
// takes nothing at all is dropped, until they do not, and who is slow is not.
func TestPeersThatDoNotReadAreDroppedWhenMemoryIsShort(t *testing.T) {
	const replyBytes = 60 << 10
	synctest.Test(t, func(t *testing.T) {
		reply := pong(strings.Repeat("x", replyBytes))
		p := newPipes()
		s := startOn(t, wire.Options{Handler: answering(ready(reply)), RepliesBytesMax: 2*replyBytes + replyBytes/2}, p)
		ask := func() client {
			c := p.dial(t)
			c.write(t, frame(1, ""))
			synctest.Wait()
			return c
		}
		first := ask()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := s.Counters(); n.Connections != 1 {
			t.Errorf("with memory for others, counted %+v", n)
		}
		slow, third := ask(), ask()
		for got, b := 0, make([]byte, 1<<10); got < replyBytes+8; time.Sleep(2 * time.Millisecond) {
			n, err := slow.Read(b)
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
			got += n
		}
		if n := s.Counters(); n.Connections != 2 || n.StalledReading != 1 || n.ReplyBytes < replyBytes {
			t.Errorf("of three, one that is slow and two that do not read: counted %+v", n)
		}
		for _, c := range []client{first, slow, third} {
			_ = c.Close()
		}
		s.stop(t)
	})
}

// A peer that is slow has time for each part of a large reply.
func TestSlowPeerHasTimeForEachMiB(t *testing.T) {
	const replyBytes, timeout = 4 << 20, time.Minute
	synctest.Test(t, func(t *testing.T) {
		reply := pong(strings.Repeat("x", replyBytes))
		p := newPipes()
		s := startOn(t, wire.Options{Handler: answering(ready(reply)), WriteTimeout: timeout}, p)
		c := p.dial(t)
		c.write(t, frame(1, ""))
		for got, b := 0, make([]byte, 64<<10); got < replyBytes+8; time.Sleep(timeout / 20) {
			n, err := c.Read(b)
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
			got += n
		}
		c.write(t, frame(2, ""))
		time.Sleep(2 * timeout)
		synctest.Wait()
		if n := s.Counters(); n.Connections != 0 || n.StalledReading != 1 {
			t.Errorf("of a peer that takes nothing any more: counted %+v", n)
		}
		s.stop(t)
	})
}
