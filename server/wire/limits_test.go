package wire_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/server/wire"
	"moldau/zerocopy"
)

// What cannot be a request ends its connection, with the reason logged, and no
// other.
func TestFramesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, frame, reason string
	}{
		{"negative size", "\xff\xff\xff\xff", "frame of -1 bytes"},
		{"above the limit", "\x00\x00\x10\x01", "frame of 4097 bytes, allowed are 0 to 4096"},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", "frame of 1195725856 bytes"},
		{"empty", "\x00\x00\x00\x00", "header of key 0, version 0"},
		{"shorter than a header", "\x00\x00\x00\x07\x00\x0c\x00\x00\x00\x00\x00", "header of key 12, version 0"},
		{"client id beyond the frame", "\x00\x00\x00\x0b\x00\x0c\x00\x00\x00\x00\x00\x01\x00\x02c", "header of key 12, version 0"},
		{"client id of -2 bytes", "\x00\x00\x00\x0a\x00\x0c\x00\x00\x00\x00\x00\x01\xff\xfe", "header of key 12, version 0"},
		{"tags beyond the frame", "\x00\x00\x00\x0f\x00\x0c\x00\x04\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\x0f", "header of key 12, version 4"},
		{"refused by the handler", string(frame(1, "refuse")), `key 12, version 0: no such \"thing\"`},
		{"panic in the handler", string(frame(1, "panic")), "panic: a planted bug"},
		{"panic in a wait", string(frame(1, "park panic")), "panic: a planted bug"},
		{"panic in encoding", string(frame(1, "encode panic")), "panic: a planted bug"},
		{"error of a wait", string(frame(1, "park error")), "the disk is gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, wire.Options{Handler: faulty{}, FrameBytesMax: 4096})
			other := s.dial(t)
			bad := s.dial(t)
			bad.write(t, frame(0, "before"))
			bad.write(t, []byte(c.frame))
			bad.expect(t, 0, "before")
			bad.expectClosed(t)
			other.write(t, frame(7, "after"))
			other.expect(t, 7, "after")
			s.stop(t)
			if !s.log.contains(c.reason) {
				t.Errorf("the log does not say %q:\n%s", c.reason, s.log.text.String())
			}
			if strings.HasPrefix(c.name, "panic") && !s.log.contains("limits_test.go") {
				t.Error("the log does not show where the panic was")
			}
			if n := s.Counters().Rejected; n != 1 {
				t.Errorf("%d rejections counted", n)
			}
		})
	}
}

// faulty does what the body says.
type faulty struct{}

type brokenResponse struct{ pong }

func (brokenResponse) AppendTo([]byte) []byte { panic("a planted bug") }

func (faulty) Serve(_ context.Context, r *wire.Request) (wire.Reply, error) {
	switch string(r.Body) {
	case "refuse":
		return wire.Reply{}, errors.New(`no such "thing"`)
	case "panic":
		panic("a planted bug")
	case "park panic":
		return parked(func(context.Context) (wire.Response, error) { panic("a planted bug") }), nil
	case "park error":
		return parked(func(context.Context) (wire.Response, error) { return nil, errors.New("the disk is gone") }), nil
	case "encode panic":
		return wire.Reply{Response: brokenResponse{}}, nil
	}
	return echo(r), nil
}

// A frame that begins and does not go on, or goes on too slowly, ends; one that
// is merely slow does not.
func TestFrameThatDoesNotGetOn(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes int           // of the frame
		step  int           // bytes a write
		every time.Duration // between writes
		ends  bool
	}{
		{"stalled", 1000, 500, time.Hour, true},
		{"trickle", 100_000, 10, time.Second, true},
		{"slow", 300_000, 32 << 10, 10 * time.Second, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPipes()
			s := startOn(t, wire.Options{Handler: echoing, FrameTimeout: 30 * time.Second}, p)
			conn := p.dial(t)
			whole := frame(1, strings.Repeat("x", c.bytes))
			cut := false
			go func() {
				for b := whole; len(b) > 0; time.Sleep(c.every) {
					n, err := conn.Write(b[:min(c.step, len(b))])
					if err != nil {
						cut = true
						return
					}
					b = b[n:]
				}
			}()
			if c.ends {
				conn.expectClosed(t)
			} else {
				conn.receive(t, 1, false)
			}
			time.Sleep(2 * time.Hour)
			synctest.Wait()
			s.stop(t)
			if n := s.Counters().StalledSending; (n == 1) != c.ends {
				t.Errorf("%s: %d counted as stalled", c.name, n)
			}
			if cut != c.ends || s.log.contains("did not get on") != c.ends {
				t.Errorf("%s: cut %t, log:\n%s", c.name, cut, s.log.text.String())
			}
		})
	}
}

func TestIdleConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wait time.Duration
		h := handlerFunc(func(context.Context, *wire.Request) (wire.Reply, error) {
			return parked(func(context.Context) (wire.Response, error) {
				time.Sleep(wait)
				return pong("done"), nil
			}), nil
		})
		p := newPipes()
		s := startOn(t, wire.Options{Handler: h, IdleTimeout: 10 * time.Minute}, p)
		c := p.dial(t)
		// Waiting for a reply is not being idle, being quiet for a while neither.
		for id, d := range []time.Duration{time.Hour, 0, 0} {
			wait = d
			c.write(t, frame(int32(id), ""))
			c.expect(t, int32(id), "done")
			time.Sleep(8 * time.Minute)
		}
		from := time.Now()
		c.expectClosed(t)
		if quiet := 8*time.Minute + time.Since(from); quiet < 8*time.Minute+45*time.Second || quiet > 20*time.Minute {
			t.Errorf("closed after %v", quiet)
		}
		s.stop(t)
		if n := s.Counters(); !s.log.contains("idle for too long") || n.Idle != 1 || n.StalledSending+n.StalledReading != 0 {
			t.Errorf("counted %+v, log:\n%s", n, s.log.text.String())
		}
	})
}

// A peer that does not read is dropped, with what it was to get released. One
// that reads much, slowly, gets it all.
func TestPeerThatDoesNotRead(t *testing.T) {
	for _, reads := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			const bytesOfRecords = 5 << 20
			records := bytes.Repeat([]byte{1}, bytesOfRecords)
			released := 0
			f := &wire.FetchResponse{Version: 4, Release: func() { released++ }, Topics: []wire.FetchTopic{{
				Partitions: []wire.FetchPartition{{
					Records: &logstore.Fetch{Sections: []zerocopy.Section{section(records)}},
				}},
			}}}
			p := newPipes()
			s := startOn(t, wire.Options{Handler: answering(wire.Reply{Response: f}), WriteTimeout: 2 * time.Minute}, p)
			c := p.dial(t)
			c.write(t, frame(1, ""))
			got := 0
			for b := make([]byte, 32<<10); reads && got < bytesOfRecords; time.Sleep(3 * time.Second) {
				n, err := c.Read(b)
				if err != nil {
					t.Fatalf("after %d bytes: %v", got, err)
				}
				got += n
			}
			time.Sleep(3 * time.Minute)
			synctest.Wait()
			if released != 1 {
				t.Errorf("reads %t: released %d times", reads, released)
			}
			s.stop(t)
			if n := s.Counters().StalledReading; (n == 0) != reads {
				t.Errorf("reads %t: %d counted as stalled", reads, n)
			}
			if dropped := s.log.contains("i/o timeout"); dropped == reads {
				t.Errorf("reads %t: log:\n%s", reads, s.log.text.String())
			}
		})
	}
}

// Announcing costs nothing, sending a part costs little.
func TestAnnouncedBytesAreNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := startOn(t, wire.Options{Handler: echoing}, p)
		announce := binary.BigEndian.AppendUint32(nil, 90<<20)
		var conns []client
		for range 100 {
			c := p.dial(t)
			c.write(t, announce)
			conns = append(conns, c)
		}
		synctest.Wait()
		if held := s.HeldBytes(); held != 0 {
			t.Errorf("%d bytes held for 100 announcements", held)
		}
		for _, c := range conns {
			c.write(t, make([]byte, 100))
		}
		synctest.Wait()
		if held := s.HeldBytes(); held > 100*5<<10 {
			t.Errorf("%d bytes held for 100 times 100", held)
		}
		for _, c := range conns {
			c.write(t, make([]byte, 100<<10))
		}
		synctest.Wait()
		if held := s.HeldBytes(); held > 100*250<<10 {
			t.Errorf("%d bytes held for 100 times 100 KiB", held)
		}
		for _, c := range conns {
			c.Close()
		}
		s.stop(t)
	})
}

// Who has sent a large frame is given as much at once for the next, up to a MiB.
func TestBuffersFitWhatAPeerSends(t *testing.T) {
	for _, c := range []struct {
		sent, least, most int
	}{
		{100, 100, 5 << 10},
		{300 << 10, 300 << 10, 600 << 10},
		{5 << 20, 1 << 20, 1<<20 + 1<<16},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPipes()
			s := startOn(t, wire.Options{Handler: echoing}, p)
			conn := p.dial(t)
			large := frame(1, strings.Repeat("x", c.sent))
			go conn.Write(large)
			conn.receive(t, 1, false)
			conn.write(t, frame(2, strings.Repeat("x", 8<<20))[:100])
			synctest.Wait()
			if held := int(s.HeldBytes()); held < c.least || held > c.most {
				t.Errorf("after %d bytes %d are held for the next, want %d to %d", c.sent, held, c.least, c.most)
			}
			conn.Close()
			s.stop(t)
		})
	}
}

// Far more comes in than the budget allows: all of it is served, and what is
// held stays within the budget and one frame.
func TestBudgetHoldsBackAndLosesNothing(t *testing.T) {
	const conns, requests, body = 20, 5, 300 << 10
	const budget = 1 << 20
	var s *running
	var mu sync.Mutex
	most := int64(0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		mu.Lock()
		server := s
		most = max(most, server.HeldBytes())
		mu.Unlock()
		for server.Counters().WaitedForMemory == 0 && ctx.Err() == nil { // two have all there is
			runtime.Gosched()
		}
		return ready(pong(fmt.Sprint(len(r.Body)))), nil
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	s = startOn(t, wire.Options{Handler: h, InFlightBytesMax: budget}, l)
	mu.Unlock()
	var all sync.WaitGroup
	for range conns {
		c := s.dial(t)
		all.Go(func() {
			for id := range int32(requests) {
				if _, err := c.Write(frame(id, strings.Repeat("x", body))); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for id := range int32(requests) {
				c.expect(t, id, fmt.Sprint(body))
			}
		})
	}
	all.Wait()
	s.stop(t)
	if n := s.Counters(); n.WaitedForMemory == 0 || n.InFlightBytes != 0 {
		t.Errorf("counted %+v", n)
	}
	// While it grows, a frame is there twice.
	if limit := int64(budget + 2*(body+body/2)); most > limit {
		t.Errorf("%d bytes were held, allowed are %d", most, limit)
	}
}

// Every connection has sent a half, and all halves together are the budget: one
// may overdraw, gets on, and lets the next.
func TestBudgetOfHalvesDoesNotDeadlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := startOn(t, wire.Options{Handler: echoing, InFlightBytesMax: 64 << 10}, p)
		var conns []client
		whole := frame(1, strings.Repeat("x", 60<<10))
		for range 8 {
			c := p.dial(t)
			go c.Write(whole)
			conns = append(conns, c)
		}
		for _, c := range conns {
			if got := c.receive(t, 1, false); len(got) != 60<<10 {
				t.Errorf("%d bytes", len(got))
			}
		}
		s.stop(t)
	})
}

// A connection that waits for memory ends when the server does, and when it is
// closed from the other side of the pipeline.
func TestWaitForMemoryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := startOn(t, wire.Options{Handler: echoing, InFlightBytesMax: 10 << 10, FrameTimeout: time.Hour}, p)
		for range 4 {
			go p.dial(t).Write(frame(1, strings.Repeat("x", 50<<10))[:40<<10])
		}
		synctest.Wait()
		s.stop(t)
		if n := s.Counters().Frames; n != 0 {
			t.Errorf("%d frames", n)
		}
	})
}

// Decoding counts as in flight as long as the request does.
func TestDecodedBytesAreHeld(t *testing.T) {
	m := kmsg.NewPtrDeleteTopicsRequest()
	m.Version = 1
	m.TopicNames = make([]string, 50_000)
	var s *running
	var before, during int64
	started := make(chan struct{})
	h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		<-started
		before = s.HeldBytes()
		into := kmsg.NewDeleteTopicsRequest()
		if err := r.Decode(&into); err != nil {
			return wire.Reply{}, err
		}
		during = s.HeldBytes()
		return ready(pong(fmt.Sprint(len(into.TopicNames)))), nil
	})
	s = start(t, wire.Options{Handler: h})
	close(started)
	c := s.dial(t)
	c.send(t, m, 1)
	c.expect(t, 1, "50000")
	s.stop(t)
	if before < 100_000 || during-before < 50_000*16 {
		t.Errorf("held %d, then %d", before, during)
	}
}

// An idle connection holds next to nothing, also after a large request and many
// that waited.
func TestIdleConnectionIsSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's own memory would be measured")
	}
	const conns, waiting = 300, 60
	served := make(chan struct{}, waiting)
	h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		if string(r.Body) != "wait" {
			return echo(r), nil
		}
		first := r.CorrelationID == 0
		served <- struct{}{}
		return parked(func(context.Context) (wire.Response, error) {
			for range waiting {
				if first { // all others are behind it
					<-served
				}
			}
			return pong(""), nil
		}), nil
	})
	s := start(t, wire.Options{Handler: h})
	memory := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	use := func(c client) {
		for _, body := range []string{strings.Repeat("x", 100<<10), ""} {
			c.write(t, frame(1, body))
			c.expect(t, 1, body)
		}
		for id := range int32(waiting) {
			c.write(t, frame(id, "wait"))
		}
		for id := range int32(waiting) {
			c.expect(t, id, "")
		}
	}
	use(s.dial(t)) // the pools are filled once
	before := memory()
	for range conns {
		use(s.dial(t))
	}
	if each := (memory() - before) / conns; each > 14<<10 {
		t.Errorf("%d bytes a connection, both ends together", each)
	}
}
