package nowait_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"moldau/zerocopy/nowait"
)

func socketPair(t *testing.T) (near, far uintptr) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) })
	return uintptr(fds[0]), uintptr(fds[1])
}

// What is sent arrives, whatever its length; with no room, and with nothing there, a
// call says so and does not wait.
func TestSocketsDoNotWait(t *testing.T) {
	for _, n := range []int{1, 1000, nowait.BytesMax, nowait.BytesMax + 1, 4 << 20} {
		near, far := socketPair(t)
		message := bytes.Repeat([]byte("0123456789abcde"), n/15+1)[:n]
		var got []byte
		b := make([]byte, n+1)
		sent, full := 0, false
		for len(got) < n {
			if sent < n {
				m, err := nowait.Send(near, message[sent:], unix.MSG_NOSIGNAL)
				if err != nil && err != unix.EAGAIN {
					t.Fatal(err)
				}
				if sent += m; err == nil {
					continue // until it is full
				}
				full = true
			}
			m, err := nowait.Recv(far, b)
			if err != nil {
				t.Fatalf("%d of %d bytes sent, %d received: %v", sent, n, len(got), err)
			}
			got = append(got, b[:m]...)
		}
		if _, err := nowait.Recv(far, b); err != unix.EAGAIN || full != (n > 1<<20) {
			t.Errorf("%d bytes: full %t, then %v", n, full, err)
		}
		if !bytes.Equal(got, message) {
			t.Errorf("%d bytes: others arrived", n)
		}
		if err := unix.Shutdown(int(near), unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		if n, err := nowait.Recv(far, b); n != 0 || err != nil {
			t.Errorf("at the end %d, %v", n, err)
		}
	}
}

// Of pages that are on the disk some have to come late: a read that waited for all
// would be one that holds a processor of the runtime's for as long as the disk takes.
func TestPreadDoesNotWaitForTheDisk(t *testing.T) {
	const apart, pages = 1 << 20, 50
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, bytes.Repeat([]byte("x"), apart*pages), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var disk unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &disk); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 61)
	switch n, err := nowait.Pread(f.Fd(), b, 0); {
	case err == unix.EOPNOTSUPP && disk.Type != unix.EXT4_SUPER_MAGIC && disk.Type != unix.XFS_SUPER_MAGIC && disk.Type != unix.BTRFS_SUPER_MAGIC:
		t.Skipf("file system %#x has no read that does not wait", disk.Type)
	case n != len(b) || err != nil:
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := nowait.Pread(f.Fd(), b, apart*pages-60); n != 60 || err != nil || !bytes.Equal(b[:60], bytes.Repeat([]byte("x"), 60)) {
		t.Errorf("at the end %q, %v", b[:n], err)
	}
	if n, err := nowait.Pread(f.Fd(), b, 1<<40); n != 0 || err != nil {
		t.Errorf("behind the end %d, %v", n, err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	late := 0
	for i := range int64(pages) {
		if _, err := nowait.Pread(f.Fd(), b, i*apart); err == unix.EAGAIN {
			late++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if late == 0 && disk.Type != unix.TMPFS_MAGIC {
		t.Errorf("none of %d pages came late", pages)
	}
}
