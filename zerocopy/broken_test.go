package zerocopy_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"moldau/zerocopy"
)

// longMessage does not fit into two sockets' buffers, so that a send of it
// cannot end before the peer has read from it.
var longMessage = []step{{60, 8 << 20}, {60, 20_000}, {60, 8 << 20}, {4, 0}}

var socketPaths = []struct {
	name string
	pair func(testing.TB) (local, peer net.Conn)
	wrap func(zerocopy.File) zerocopy.File
}{
	{"sendfile", smallTCPPair, nil},
	{"sendfile unix", unixPair, nil},
	{"copied", smallTCPPair, copyOnly},
	{"tls", tlsPair, nil},
}

// interrupted sends longMessage, waits until the peer has its first bytes, calls
// stop and returns what Send did, and what the peer can still read afterwards.
func interrupted(t *testing.T, local, peer net.Conn, parts []zerocopy.Part, stop func()) (zerocopy.Result, error, []byte) {
	t.Helper()
	type outcome struct {
		r   zerocopy.Result
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := zerocopy.NewSender(local).Send(parts)
		done <- outcome{r, err}
	}()
	got := make([]byte, 10, 20<<20)
	if _, err := io.ReadFull(peer, got); err != nil {
		t.Fatal(err)
	}
	stop()
	o := <-done
	// The bytes that the kernel has taken over still leave, then the end follows.
	local.Close()
	buf := bytes.NewBuffer(got)
	io.Copy(buf, peer)
	return o.r, o.err, buf.Bytes()
}

func TestInterruptedSendSaysWhatLeft(t *testing.T) {
	for _, path := range socketPaths {
		for _, tc := range []struct {
			name string
			stop func(local net.Conn)
			want error
		}{
			{"write deadline", func(c net.Conn) { c.SetWriteDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
			{"closed here", func(c net.Conn) { c.Close() }, net.ErrClosed},
		} {
			t.Run(path.name+"/"+tc.name, func(t *testing.T) {
				parts, want := message(t, longMessage, path.wrap)
				local, peer := path.pair(t)
				r, err, got := interrupted(t, local, peer, parts, func() { tc.stop(local) })
				if !errors.Is(err, tc.want) {
					t.Fatalf("%v, want %v", err, tc.want)
				}
				if r.Sent() >= int64(len(want)) {
					t.Fatalf("%+v, but the peer did not read", r)
				}
				if !bytes.HasPrefix(want, got) {
					t.Error("other bytes arrived than were sent")
				}
				// Under TLS a record may be cut, which cannot be read then.
				if path.name != "tls" && int64(len(got)) != r.Sent() {
					t.Errorf("%d bytes arrived, %d are said to have left: %+v", len(got), r.Sent(), r)
				}
			})
		}
	}
}

func TestPeerClosesInTheMiddle(t *testing.T) {
	for _, path := range socketPaths {
		t.Run(path.name, func(t *testing.T) {
			parts, want := message(t, longMessage, path.wrap)
			local, peer := path.pair(t)
			r, err, _ := interrupted(t, local, peer, parts, func() {
				if c, ok := peer.(*net.TCPConn); ok {
					c.SetLinger(0)
				}
				peer.Close()
			})
			if err == nil || r.Sent() < 10 || r.Sent() >= int64(len(want)) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestSendOnClosedConnection(t *testing.T) {
	for _, closeFirst := range []bool{true, false} {
		for _, size := range []int{10, 100_000} {
			local, _ := tcpPair(t)
			if closeFirst {
				local.Close()
			}
			s := zerocopy.NewSender(local)
			local.Close()
			parts, _ := message(t, []step{{0, size}}, nil)
			if r, err := s.Send(parts); !errors.Is(err, net.ErrClosed) || r.Sent() != 0 {
				t.Errorf("closed before the sender was made: %t, %d bytes: %+v, %v", closeFirst, size, r, err)
			}
		}
	}
}

func TestSectionOfClosedFile(t *testing.T) {
	for _, size := range []int{10, 100_000} {
		parts, _ := message(t, []step{{0, size}}, nil)
		parts[0].Section.File.OSFile().Close()
		local, _ := tcpPair(t)
		if r, err := zerocopy.NewSender(local).Send(parts); err == nil || r.Sent() != 0 {
			t.Errorf("%d bytes: %+v, %v", size, r, err)
		}
	}
}
