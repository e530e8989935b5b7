package zerocopy_test

import (
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"moldau/zerocopy"
)

// A packet announced as not the last stays in the kernel for 200 ms. So after a
// send nothing may be left that has not been put on the wire.
func TestNothingIsHeldBack(t *testing.T) {
	for _, m := range messages {
		parts, want := message(t, m.steps, nil)
		if len(want) > 300_000 {
			continue // may wait for the peer's window instead
		}
		t.Run(m.name, func(t *testing.T) {
			local, peer := tcpPair(t)
			if _, err := zerocopy.NewSender(local).Send(parts); err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, peer, int64(len(want)/2)); err != nil {
				t.Fatal(err)
			}
			if n := unsentBytes(t, local); n != 0 {
				t.Errorf("%d bytes are held back", n)
			}
		})
	}
}

func unsentBytes(t *testing.T, conn net.Conn) int {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if cerr := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQNSD) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return n
}

func TestSmallBuffersCutWrites(t *testing.T) {
	for name, wrap := range map[string]func(zerocopy.File) zerocopy.File{"sendfile": nil, "copied": copyOnly} {
		local, peer := smallTCPPair(t)
		parts, want := message(t, []step{{60, 2 << 20}}, wrap)
		got := receive(t, peer, len(want))
		r, err := zerocopy.NewSender(local).Send(parts)
		<-got
		uncut := map[string]int{"sendfile": 2, "copied": 65}
		t.Logf("%s: %+v", name, r)
		if err != nil || r.Calls <= uncut[name]*5/4 {
			t.Errorf("%s: %+v, %v: the test did not test what it says", name, r, err)
		}
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	for name, steps := range map[string][]step{
		"small":    {{60, 4000}, {60, 100}},
		"sendfile": {{60, 100_000}},
		"bytes":    {{60, 0}},
	} {
		local, peer := tcpPair(t)
		parts, _ := message(t, steps, nil)
		go func() {
			b := make([]byte, 64<<10)
			for {
				if _, err := peer.Read(b); err != nil {
					return
				}
			}
		}()
		s := zerocopy.NewSender(local)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := s.Send(parts); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
