package zerocopy_test

import (
	"bytes"
	"errors"
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
	content := pattern(int(size))
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if cached, known := nowait.Cached(f.Fd(), 0); !known {
		t.Skip("this kernel does not tell what is in the page cache")
	} else if !cached {
		t.Skip("this file system keeps pages elsewhere")
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

// What follows a section is on its way when that is sent, as far as may be asked for and
// no farther, whatever the device reads ahead by itself.
func TestReadAhead(t *testing.T) {
	const size, mib = 16 << 20, 1 << 20
	for _, c := range []struct {
		name           string
		section        int
		ahead, sendMax int64
		want           []int // sections that the page cache has after each send
	}{
		{"2 MiB", mib, 2 * mib, size, []int{2, 3, 4}},
		{"4 MiB", mib, 4 * mib, size, []int{4, 4, 6}},
		{"no farther than what may be sent", mib, 4 * mib, 3 * mib, []int{3, 3, 3}},
		{"four times the section", 64 << 10, 4 * mib, size, []int{4, 4, 6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, content := coldFile(t, size)
			local, peer := tcpPair(t)
			s := zerocopy.NewSender(local)
			s.ReadAheadBytesMax = c.ahead
			for i, want := range c.want {
				at := i * c.section
				got := receive(t, peer, c.section)
				section := zerocopy.Section{File: f, Offset: int64(at), Length: c.section, Behind: c.sendMax - int64(at+c.section)}
				if _, err := s.Send([]zerocopy.Part{{Section: section}}); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(<-got, content[at:at+c.section]) {
					t.Fatal("other bytes arrived than were sent")
				}
				for n := range 8 {
					first, _ := nowait.Cached(f.OSFile().Fd(), int64(n*c.section))
					last, _ := nowait.Cached(f.OSFile().Fd(), int64((n+1)*c.section-1))
					if first != (n < want) || last != (n < want) {
						t.Errorf("after send %d section %d is in the page cache: its begin %t, its end %t, want %t", i, n, first, last, n < want)
					}
				}
			}
		})
	}
}

// Nothing is behind the end of a file.
func TestSectionWithLessThanNothingBehind(t *testing.T) {
	local, _ := tcpPair(t)
	section := zerocopy.Section{Length: 0, Behind: -1}
	if _, err := zerocopy.NewSender(local).Send([]zerocopy.Part{{Section: section}}); !errors.Is(err, zerocopy.ErrInvalidSection) {
		t.Error(err)
	}
}
