package zerocopy_test

import (
	"bytes"
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

// Whether a write is cut is the peer's pace against ours; that it happens, and
// that the rest follows in its place, has to be seen once.
func TestCutWritesGoOnWhereTheyWereCut(t *testing.T) {
	for _, path := range []struct {
		name  string
		wrap  func(zerocopy.File) zerocopy.File
		uncut int // calls
	}{{"sendfile", nil, 2}, {"copied", copyOnly, 65}} {
		t.Run(path.name, func(t *testing.T) {
			for range 50 {
				local, peer := smallTCPPair(t)
				parts, want := message(t, []step{{60, 2 << 20}}, path.wrap)
				got := receive(t, peer, len(want))
				r, err := zerocopy.NewSender(local).Send(parts)
				if err != nil {
					local.Close()
					t.Fatal(err)
				}
				if !bytes.Equal(<-got, want) {
					t.Fatal("other bytes arrived than were sent")
				}
				if r.Calls > path.uncut {
					return
				}
			}
			t.Error("no write was ever cut")
		})
	}
}

// Whoever waits for a peer that does not read has gathered nothing meanwhile: there
// may be thousands.
func TestWaitingKeepsNoBuffer(t *testing.T) {
	for _, m := range messages {
		parts, want := message(t, append([]step{{0, 1 << 20}}, m.steps...), copyOnly)
		local, peer := smallTCPPair(t)
		got, waits := make([]byte, 0, len(want)), 0
		read := func() {
			n, err := io.ReadAtLeast(peer, got[len(got):cap(got)], 1)
			if err != nil {
				t.Fatal(err)
			}
			got = got[:len(got)+n]
		}
		s := zerocopy.NewWaitingSender(local, func(held int) {
			if waits++; held > 0 {
				t.Fatalf("%s: it waits with a buffer of %d bytes", m.name, held)
			}
			read()
		})
		if _, err := s.Send(parts); err != nil {
			t.Fatal(err)
		}
		for len(got) < len(want) {
			read()
		}
		if waits == 0 || !bytes.Equal(got, want) {
			t.Errorf("%s: it waited %d times, and the bytes that arrived are those that were sent: %t", m.name, waits, bytes.Equal(got, want))
		}
	}
}

// The header shares a packet with the section behind it.
func TestHeaderHasNoPacketOfItsOwn(t *testing.T) {
	for _, section := range []int{1000, 2*zerocopy.SendfileMin - 100} {
		local, _ := tcpPair(t) // whose packets are of 32 KiB at first
		parts, _ := message(t, []step{{60, section}}, nil)
		before := tcpInfo(t, local)
		if _, err := zerocopy.NewSender(local).Send(parts); err != nil {
			t.Fatal(err)
		}
		fewest := (60 + uint32(section) + before.Snd_mss - 1) / before.Snd_mss
		if n := tcpInfo(t, local).Data_segs_out - before.Data_segs_out; n != fewest {
			t.Errorf("%d bytes behind a header went in %d packets, want %d", section, n, fewest)
		}
	}
}

func tcpInfo(t *testing.T, conn net.Conn) (info *unix.TCPInfo) {
	t.Helper()
	control(t, conn, func(fd int) (err error) {
		info, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err
	})
	return info
}

func unsentBytes(t *testing.T, conn net.Conn) (n int) {
	t.Helper()
	control(t, conn, func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, unix.SIOCOUTQNSD)
		return err
	})
	return n
}

func control(t *testing.T, conn net.Conn, f func(fd int) error) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if cerr := raw.Control(func(fd uintptr) { err = f(int(fd)) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
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
		for i := range parts {
			parts[i].Section.Behind = 100_000 // reading ahead looks at the page cache
		}
		go func() {
			b := make([]byte, 64<<10)
			for {
				if _, err := peer.Read(b); err != nil {
					return
				}
			}
		}()
		s := zerocopy.NewSender(local)
		s.ReadAheadBytesMax = 100_000
		if n := testing.AllocsPerRun(100, func() {
			if _, err := s.Send(parts); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
