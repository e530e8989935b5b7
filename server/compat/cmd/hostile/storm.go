package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

var errTimeout = os.ErrDeadlineExceeded

func isCut(err error) bool { return err != nil && !errors.Is(err, errTimeout) }

// storm sends malformed requests over some connections, each of which is made
// anew when the broker closes it.
type storm struct {
	addr        string
	requests    int
	connections int
	seed        uint64
	round       uint64

	versions map[int16]int16 // that the broker has, by key

	sent, answered, closed, waiting atomic.Int64
}

func (s *storm) run(ctx context.Context) error {
	s.round++
	var left atomic.Int64
	left.Store(int64(s.requests))
	var group sync.WaitGroup
	failed := make(chan error, s.connections)
	for i := range s.connections {
		g := newGenerator(rand.New(rand.NewPCG(s.seed, s.round<<32|uint64(i))), s.versions)
		group.Go(func() {
			for left.Load() > 0 && ctx.Err() == nil {
				if err := s.connection(g, &left); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return ctx.Err()
	}
}

// pipelinedMax is how many requests are sent at once, at most.
const pipelinedMax = 8

// connection sends requests, some at once, until the broker closes it. Answers are
// counted, not understood. Those behind one that was not answered, or ended the
// connection, are not counted as sent: nobody knows that they were looked at.
func (s *storm) connection(g *generator, left *atomic.Int64) error {
	conn, err := dial(g.random, s.addr)
	if err != nil {
		return fmt.Errorf("the broker takes no connections: %w", err)
	}
	defer conn.Close()
	read := make([]byte, 64<<10)
	frames := frameCounter{}
	for whole := true; whole; {
		var out []byte
		n := int64(0)
		for most := int64(1 + g.random.IntN(pipelinedMax)); n < most && whole && left.Add(-1) >= 0; n++ {
			var f []byte
			f, whole = g.next()
			out = append(out, f...)
		}
		if n == 0 {
			return nil
		}
		_ = conn.SetDeadline(time.Now().Add(answerTimeout))
		_, err := conn.Write(out)
		answered := int64(0)
		for err == nil && answered < n {
			var m int
			m, err = conn.Read(read)
			answered += frames.count(read[:m])
		}
		s.answered.Add(answered)
		looked := min(answered+1, n)
		s.sent.Add(looked)
		left.Add(n - looked)
		switch {
		case isCut(err):
			s.closed.Add(1)
			return nil
		case err != nil: // it waits for records, or for the rest of a frame
			s.waiting.Add(1)
			return nil
		}
	}
	return nil
}

// answerTimeout is how long an answer is waited for.
const answerTimeout = 50 * time.Millisecond

// dial connects from any address of the loopback network: one alone has too few
// ports for a million connections.
func dial(random *rand.Rand, addr string) (net.Conn, error) {
	local := net.IPv4(127, 0, byte(random.IntN(256)), byte(1+random.IntN(254)))
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: local}}
	return d.Dial("tcp", addr)
}

// frameCounter counts the frames of a stream.
type frameCounter struct {
	left int // bytes of the frame under way
	size []byte
}

func (f *frameCounter) count(b []byte) (n int64) {
	for len(b) > 0 {
		if f.left > 0 {
			m := min(f.left, len(b))
			if f.left -= m; f.left == 0 {
				n++
			}
			b = b[m:]
			continue
		}
		f.size, b = append(f.size, b[0]), b[1:]
		if len(f.size) == 4 {
			f.left, f.size = int(binary.BigEndian.Uint32(f.size)), f.size[:0]
		}
	}
	return n
}

func (s *storm) told() string {
	return fmt.Sprintf("storm: %d requests sent: %d answered, %d ended their connection, %d got no answer within %v\n",
		s.sent.Load(), s.answered.Load(), s.closed.Load(), s.waiting.Load(), answerTimeout)
}
