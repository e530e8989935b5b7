package zerocopy_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"moldau/zerocopy"
	"moldau/zerocopy/nowait"
)

// coldFile is a file that the page cache has nothing of.
func coldFile(t *testing.T, size int64) (zerocopy.File, []byte) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	content := bytes.Repeat([]byte("0123456789abcdef"), int(size/16))
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if cached, known := nowait.Cached(f.Fd(), 0); !known {
		t.Skip("this kernel does not tell what is in the page cache")
	} else if !cached {
		t.Fatal("what was written just now is said not to be in the page cache")
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	for off := range size / 4096 {
		if cached, _ := nowait.Cached(f.Fd(), off*4096); cached {
			t.Skip("this file system does not let go of pages")
		}
	}
	return osFile{f}, content
}

// What follows a section is on its way when that is sent, as far as was asked for and no
// farther, whatever the device reads ahead by itself.
func TestReadAhead(t *testing.T) {
	const size, mib = 16 << 20, 1 << 20
	for _, c := range []struct {
		name          string
		ahead, behind int64
		want          []bool // by MiB
	}{
		{"2 MiB", 2 * mib, size - mib, []bool{true, true, false, false, false}},
		{"4 MiB", 4 * mib, size - mib, []bool{true, true, true, true, false, false}},
		{"to the end of what is asked for", 4 * mib, 2 * mib, []bool{true, true, true, false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, content := coldFile(t, size)
			local, peer := tcpPair(t)
			s := zerocopy.NewSender(local)
			s.ReadAheadBytes = c.ahead
			for i := range int64(3) {
				got := receive(t, peer, mib)
				section := zerocopy.Section{File: f, Offset: i * mib, Length: mib, Behind: c.behind - i*mib}
				if section.Behind < 0 {
					break
				}
				if _, err := s.Send([]zerocopy.Part{{Section: section}}); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(<-got, content[i*mib:(i+1)*mib]) {
					t.Fatal("other bytes arrived than were sent")
				}
				if i > 0 {
					continue
				}
				for at, want := range c.want {
					first, _ := nowait.Cached(f.OSFile().Fd(), int64(at)*mib)
					last, _ := nowait.Cached(f.OSFile().Fd(), int64(at+1)*mib-1)
					if first != want || last != want {
						t.Errorf("MiB %d is in the page cache: %t and %t, want %t", at, first, last, want)
					}
				}
			}
		})
	}
}

// Behind what was written last there is nothing to ask for, and a section without a place
// is refused.
func TestReadAheadAtTheEnd(t *testing.T) {
	f, content := coldFile(t, 1<<20)
	local, peer := tcpPair(t)
	s := zerocopy.NewSender(local)
	s.ReadAheadBytes = 2 << 20
	if _, err := s.Send([]zerocopy.Part{{Section: zerocopy.Section{File: f, Length: 1, Behind: -1}}}); err == nil {
		t.Error("a negative number of bytes behind a section is taken")
	}
	got := receive(t, peer, len(content))
	if _, err := s.Send([]zerocopy.Part{{Section: zerocopy.Section{File: f, Length: len(content)}}}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(<-got, content) {
		t.Error("other bytes arrived than were sent")
	}
}
