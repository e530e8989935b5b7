package vfs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// A read is the same whatever of it the page cache has: the beginning, all, or what
// a file system that cannot tell leaves to a read that waits.
func TestReadAtWhateverIsCached(t *testing.T) {
	fsys, err := OpenOS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	content := make([]byte, 3*cachedBytesMax+100)
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
	for _, waits := range []bool{false, true} {
		for _, at := range []int64{0, 1, 4095, cachedBytesMax, int64(len(content)) - 50, int64(len(content)) - 1} {
			for _, n := range []int{1, 61, 4096, 9000, cachedBytesMax, cachedBytesMax + 1} {
				// First with the first page of what is read alone in memory, then with all.
				if err := Forget(f); err != nil {
					t.Fatal(err)
				}
				f.waits.Store(true)
				if _, err := f.ReadAt(make([]byte, 1), at); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					f.waits.Store(waits)
					got := make([]byte, n)
					read, err := f.ReadAt(got, at)
					want := content[at:min(at+int64(n), int64(len(content)))]
					if !bytes.Equal(got[:read], want) || (len(want) < n) != errors.Is(err, io.EOF) || (len(want) == n) != (err == nil) {
						t.Fatalf("%d bytes at %d, waits %t: %d bytes, %v", n, at, waits, read, err)
					}
				}
			}
		}
	}
	f.waits.Store(true)
	if _, err := f.ReadAt(make([]byte, 61), 0); err != nil {
		t.Fatal(err)
	}
	f.waits.Store(false)
	if n := f.readCached(make([]byte, 61), 0); n != 61 && !f.waits.Load() {
		t.Errorf("%d of 61 bytes that were just read are cached", n)
	}
}
