package vfs_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"moldau/logstore/vfs"
)

// A kernel that has openat2 is asked by it: all else passes without as well.
func TestKernelIsAsked(t *testing.T) {
	fd, err := unix.Openat2(unix.AT_FDCWD, ".", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH})
	if err == nil {
		must(t, unix.Close(fd))
	}
	if asked := openOS(t, t.TempDir()).OpensBeneath(); asked != (err == nil) {
		t.Fatalf("openat2 gives %v, and is used: %v", err, asked)
	}
}

// What an earlier process left is synced with all else; each file has its own word.
func TestSyncFound(t *testing.T) {
	fsys := openOS(t, t.TempDir())
	put(t, fsys, "a", "1")
	put(t, fsys, "b", "2")
	var files []vfs.File
	for _, name := range []string{"a", "b"} {
		f := open(t, fsys, name, os.O_RDWR)
		defer f.Close()
		files = append(files, f)
	}
	each, err := vfs.SyncFound(fsys, ".", files)
	if errors.Is(err, errors.ErrUnsupported) {
		return // the test's directory lies where syncfs is not enough
	}
	must(t, err)
	if len(each) != 2 || each[0] != nil || each[1] != nil {
		t.Fatalf("says %v", each)
	}
	must(t, files[1].Close())
	each, err = vfs.SyncFound(fsys, ".", files[:1])
	must(t, err)
	if len(each) != 1 {
		t.Fatalf("says %v of one file", each)
	}
	_, err = vfs.SyncFound(fsys, ".", files)
	wantAnyErr(t, "sync of a closed file", err)
}
