package wire_test

import (
	"errors"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"

	"moldau/fuzz/mutate"
	"moldau/server/wire"
)

// Off a socket frames are read ahead, which FuzzFrame's connections do not allow: they
// are those of the stream all the same, whole or broken, however they arrive.
func TestFramesOffASocket(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	served := 0
	for range 500 {
		program := make([]byte, 400)
		for i := range program {
			program[i] = byte(rng.Uint32())
		}
		data := make([]byte, rng.IntN(mutate.BytesMax))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		var stream []byte
		for range 1 + rng.IntN(4) {
			stream = append(stream, rowOfFrames(data, mutate.NewProgram(program))...)
			rng.Shuffle(len(program), func(i, j int) { program[i], program[j] = program[j], program[i] })
		}
		served += checkSocket(t, l, stream, 1+rng.IntN(1<<rng.IntN(15)))
	}
	if served < 1000 {
		t.Fatalf("%d frames were whole", served)
	}
}

// checkSocket sends a stream, so much at a time, and returns how many frames were read
// of it.
func checkSocket(t *testing.T, l net.Listener, stream []byte, piece int) (served int) {
	t.Helper()
	c, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	defer func() { nc.Close(); <-sent }()
	go func() {
		defer close(sent)
		defer c.Close()
		for rest := stream; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			if _, err := c.Write(rest[:min(piece, len(rest))]); err != nil {
				return // refused
			}
		}
	}()
	r := wire.NewFrameReader(nc, &framePool, frameOptions)
	for at := (naiveStream{rest: stream}); ; served++ {
		want, how := at.next()
		got, err := r.Next()
		switch {
		case how != nil && errors.Is(err, how):
			return served
		case how != nil || err != nil:
			t.Fatalf("frame %d of %x: %+v, %v, want %+v, %v", at.read, stream, got, err, want, how)
		case got.Key != want.Key || got.Version != want.Version || got.CorrelationID != want.CorrelationID ||
			got.ClientID != want.ClientID || string(got.Body) != string(want.Body):
			t.Fatalf("frame %d of %x: %+v, want %+v", at.read, stream, got, want)
		}
	}
}
