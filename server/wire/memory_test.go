package wire_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"moldau/server/wire"
)

// stalled sends the first part of a large frame on connections of their own.
func stalled(t *testing.T, p *pipes, conns, sent int) []client {
	t.Helper()
	whole := frame(1, strings.Repeat("x", 8<<20))
	all := make([]client, conns)
	for i := range all {
		all[i] = p.dial(t)
		go all[i].Write(whole[:sent])
	}
	synctest.Wait()
	return all
}

// Clients that hold all memory there is for requests do not keep others from
// what takes next to none of it.
func TestSmallRequestsDoNotWaitForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := startOn(t, wire.Options{Handler: echoing, InFlightBytesMax: 64 << 10}, p)
		holders := stalled(t, p, 5, 100<<10)
		if !s.log.contains("requests wait for memory") {
			t.Error("nobody is told that memory is short")
		}
		c := p.dial(t)
		began := time.Now()
		c.write(t, frame(7, "small"))
		c.expect(t, 7, "small")
		if waited := time.Since(began); waited > 0 {
			t.Errorf("it waited %v", waited)
		}
		for _, c := range append(holders, c) {
			_ = c.Close()
		}
		s.stop(t)
	})
}

// While others wait, a frame must get on as fast as is worth what it holds;
// while nobody does, it may take its time.
func TestSlowFramesHoldMemoryOnlyWhileNobodyNeedsIt(t *testing.T) {
	for _, r := range []struct {
		name    string
		others  int
		dropped bool
	}{{"alone", 0, false}, {"others wait", 2, true}} {
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipes()
				s := startOn(t, wire.Options{Handler: echoing, InFlightBytesMax: 512 << 10, FrameTimeout: 30 * time.Second}, p)
				// The first one gets what it asks for.
				slow := stalled(t, p, 1, 400<<10)[0]
				holders := stalled(t, p, r.others, 400<<10)
				var failed error
				for range 20 {
					time.Sleep(25 * time.Second)
					slow.SetWriteDeadline(time.Now().Add(time.Second))
					if _, failed = slow.Write(make([]byte, 66<<10)); failed != nil {
						break
					}
				}
				if (failed != nil) != r.dropped {
					t.Errorf("the slow one's end: %v", failed)
				}
				for _, c := range append(holders, slow) {
					_ = c.Close()
				}
				s.stop(t)
			})
		})
	}
}
