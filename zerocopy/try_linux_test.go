package zerocopy_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"moldau/zerocopy"
)

// A send that does not wait takes what there is room for, then nothing, and goes on
// where it stopped once there is room again.
func TestTrySendTakesWhatThereIsRoomFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	s := zerocopy.NewSender(near)
	if !s.Tries() {
		t.Fatal("a socket is not tried")
	}
	if err := near.(*net.TCPConn).SetWriteBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 32<<20)
	for i := 0; i < len(message); i += 8 {
		binary.BigEndian.PutUint64(message[i:], uint64(i))
	}
	sent := 0
	for {
		n, err := s.TrySend(message[sent:])
		if err != nil {
			t.Fatal(err)
		}
		if sent += n; n == 0 {
			break
		}
	}
	if sent == 0 || sent == len(message) {
		t.Fatalf("%d of %d bytes were taken, nobody reads", sent, len(message))
	}
	got := make([]byte, sent)
	if _, err := io.ReadFull(far, got); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := s.Send([]zerocopy.Part{{Bytes: message[sent : sent+1000]}})
		done <- err
	}()
	rest := make([]byte, 1000)
	if _, err := io.ReadFull(far, rest); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(append(got, rest...), message[:sent+1000]) {
		t.Error("other bytes arrived than were sent")
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	near.Close()
	if _, err := s.TrySend(message[:1]); err == nil {
		t.Error("a closed connection takes bytes")
	}
}

// What is not a socket may have to wait for any byte, and so is not tried.
func TestTrySendTriesSocketsOnly(t *testing.T) {
	s := zerocopy.NewSender(io.Discard)
	if n, err := s.TrySend([]byte("x")); s.Tries() || n != 0 || err != nil {
		t.Errorf("tries %t: %d, %v", s.Tries(), n, err)
	}
}
