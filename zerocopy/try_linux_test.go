package zerocopy_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"moldau/zerocopy"
)

// A send that does not wait takes what there is room for, then nothing, and goes on
// where it stopped once there is room again.
func TestTrySendTakesWhatThereIsRoomFor(t *testing.T) {
	near, far := tcpPair(t)
	s := zerocopy.NewSender(near)
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
		_, err := s.SendBytes(message[sent : sent+1000])
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

// Bytes of which the connection took a part until the deadline go on where they
// stopped, whatever the connection is.
func TestSendBytesGoesOnAfterADeadline(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		near, far := unixPair(t)
		s := zerocopy.NewSender(near)
		if wrapped {
			s = zerocopy.NewSender(struct{ io.Writer }{near})
		}
		message := make([]byte, 8<<20)
		for i := 0; i < len(message); i += 8 {
			binary.BigEndian.PutUint64(message[i:], uint64(i))
		}
		received := make(chan []byte)
		go func() {
			for got, b := []byte(nil), make([]byte, 1<<20); ; {
				n, err := far.Read(b)
				if got = append(got, b[:n]...); err != nil || len(got) == len(message) {
					received <- got
					return
				}
				_ = near.SetWriteDeadline(time.Unix(1, 0)) // in the middle, mostly
			}
		}()
		for sent, cuts := 0, 0; sent < len(message); {
			n, err := s.SendBytes(message[sent:])
			switch {
			case err == nil && n != len(message)-sent:
				t.Fatalf("%d of %d bytes without an error", n, len(message)-sent)
			case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
				t.Fatalf("after %d cuts: %v", cuts, err)
			}
			sent, cuts = sent+n, cuts+1
			_ = near.SetWriteDeadline(time.Time{})
		}
		if !bytes.Equal(<-received, message) {
			t.Errorf("wrapped %t: other bytes arrived than were sent", wrapped)
		}
	}
}

// What is not a socket may have to wait for any byte, and so is not tried.
func TestTrySendTriesSocketsOnly(t *testing.T) {
	s := zerocopy.NewSender(io.Discard)
	if n, err := s.TrySend([]byte("x")); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
