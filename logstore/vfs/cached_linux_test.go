package vfs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"moldau/zerocopy/nowait"
)

// A read is the same whatever of it the page cache has: the beginning, all, or what
// a file system that cannot tell leaves to a read that waits.
func TestReadAtWhateverIsCached(t *testing.T) {
	fsys, err := OpenOS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	content := make([]byte, 3*nowait.BytesMax+100)
	for i := range content {
		content[i] = byte(i>>12) ^ byte(i)
	}
	opened, err := fsys.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	f := opened.(*osFile)
	if _, err := f.WriteAt(content, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	for _, untried := range []int32{0, 1, neverTried} {
		for _, at := range []int64{0, 1, 4095, nowait.BytesMax, int64(len(content)) - 50, int64(len(content)) - 1} {
			for _, n := range []int{1, 61, 4096, 9000, nowait.BytesMax, nowait.BytesMax + 1} {
				// With nothing in memory, with all, and with the first page alone.
				for _, primed := range []int{0, n, 1} {
					if primed != n {
						if err := Forget(f); err != nil {
							t.Fatal(err)
						}
					}
					if primed == 1 {
						if _, err := f.f.ReadAt(make([]byte, 1), at); err != nil {
							t.Fatal(err)
						}
					}
					f.untried.Store(untried)
					got := make([]byte, n)
					read, err := f.ReadAt(got, at)
					want := content[at:min(at+int64(n), int64(len(content)))]
					if !bytes.Equal(got[:read], want) || (len(want) < n) != errors.Is(err, io.EOF) || (len(want) == n) != (err == nil) {
						t.Fatalf("%d bytes at %d, %d primed, untried %d: %d bytes, %v", n, at, primed, untried, read, err)
					}
				}
			}
		}
	}
	if f.untried.Load() != neverTried {
		t.Error("a read that is never tried was tried")
	}
}

// What was just read is there at once, in most reads; after one that was not, some
// are not tried.
func TestReadCached(t *testing.T) {
	fsys, err := OpenOS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	opened, err := fsys.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	f := opened.(*osFile)
	if flags, err := unix.FcntlInt(f.f.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NOATIME == 0 {
		t.Errorf("flags %#x, %v: reads note the time", flags, err)
	}
	b := make([]byte, 61)
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	count := func(off int64) (atOnce int) {
		for range 10 * triesTold {
			if f.readCached(b, off) == len(b) {
				atOnce++
			}
		}
		return atOnce
	}
	if n := count(0); f.untried.Load() != neverTried && (n < 8*triesTold || n == 10*triesTold) {
		t.Errorf("%d of %d reads came at once", n, 10*triesTold)
	}
	if f.untried.Load() == neverTried {
		t.Log("the file system here has no read that does not wait")
		return
	}
	for range 2 { // one of which may be one that is not tried
		f.readCached(b, 1) // a byte more than there is
	}
	if f.untried.Load() == 0 {
		t.Error("reads are tried after one in vain")
	}
	if n := count(0); f.untried.Load() != 0 || n < 7*triesTold || n > 10*triesTold-missesTold {
		t.Errorf("%d of %d reads came at once after one in vain", n, 10*triesTold)
	}
}

// What was created is open, and read, by whoever it belongs to.
func TestFileOfAnother(t *testing.T) {
	fsys, err := OpenOS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	opened, err := fsys.OpenFile("f", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	f := opened.(*osFile)
	if _, err := f.WriteAt([]byte("abc"), 0); err != nil {
		t.Fatal(err)
	}
	f.untried.Store(neverTried) // as after a refusal
	b := make([]byte, 3)
	if n, err := f.ReadAt(b, 0); err != nil || string(b) != "abc" || f.readCached(b, 0) != 0 {
		t.Errorf("%d bytes, %q, %v", n, b, err)
	}
}
