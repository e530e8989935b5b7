package vfs_test

import (
	"testing"

	"golang.org/x/sys/unix"
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
