package vfs_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"moldau/logstore/vfs"
)

// What is below the bound is on its way to the disk.
func TestWriteBack(t *testing.T) {
	const bytes = 1 << 20
	fsys := openOS(t, t.TempDir())
	f := open(t, fsys, "f", os.O_RDWR|os.O_CREATE)
	_, err := f.WriteAt(make([]byte, bytes), 0)
	must(t, err)
	must(t, vfs.WriteBack(f, bytes))
	var pages unix.Cachestat_t
	err = unix.Cachestat(uint(f.OSFile().Fd()), &unix.CachestatRange{Len: bytes}, &pages, 0)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		t.Skip("this kernel does not tell which pages are to be written")
	}
	must(t, err)
	if pages.Dirty != 0 {
		t.Errorf("%d pages are still to be written", pages.Dirty)
	}
	must(t, f.Close())
	if err := vfs.WriteBack(f, bytes); err == nil {
		t.Error("a closed file is written back")
	}
	must(t, vfs.WriteBack(open(t, vfs.NewMem(), "f", os.O_RDWR|os.O_CREATE), bytes))
}
