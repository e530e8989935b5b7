package wire_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"moldau/server/wire"
)

// socketPair is the two ends of a connection.
func socketPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}

// What was read ahead is given back when there is no more of it, and a connection
// that waits in the middle of a length, or of a frame, holds no more than the frame.
func TestConnectionsThatWaitHoldNothing(t *testing.T) {
	const frames = 20
	var all []byte
	for id := range int32(frames) {
		all = append(all, frame(id, strings.Repeat("x", 3000))...)
	}
	last := frame(frames, strings.Repeat("y", 3000))
	for _, cut := range []int{0, 1, 3, 4, 5, 1000} {
		var p wire.FramePool
		near, far := socketPair(t)
		rest := append(append([]byte(nil), all...), last...)
		send := func(n int) {
			if _, err := near.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		waits := 0
		var r *wire.FrameReader
		o := wire.Options{FrameBytesMax: 1 << 20, InFlightBytesMax: 1 << 20, IdleTimeout: time.Hour, FrameTimeout: time.Hour}
		r = wire.NewWaitingFrameReader(far, &p, &o, func() {
			waits++
			if held := r.HeldBytes(); held > 0 && cut < 5 || held > 5<<10 {
				t.Errorf("%d bytes are held while %d bytes of a frame are there", held, cut)
			}
			send(len(rest))
		})
		send(len(all) + cut)
		for id := range int32(frames + 1) {
			if got, err := r.Next(); err != nil || got.CorrelationID != id || len(got.Body) != 3000 {
				t.Fatalf("frame %d: %+v, %v", id, got, err)
			}
		}
		if r.Release(); waits != 1 || r.HeldBytes() > 0 {
			t.Errorf("%d bytes of a frame: it waited %d times, %d bytes are held afterwards", cut, waits, r.HeldBytes())
		}
	}
}
