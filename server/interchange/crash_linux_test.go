package interchange_test

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"moldau/server/interchange"
)

// A build that has no lock file is not known for one. So that a crash at any time
// leaves one that the next attempt removes, it goes when the build has its name.
func TestBuildKeepsItsLockUntilItHasItsName(t *testing.T) {
	dir, _ := golden(t)
	target := filepath.Join(t.TempDir(), "data")
	events := watcher(t)
	watch(t, events, filepath.Dir(target), syscall.IN_MOVED_TO)
	var once sync.Once
	_, err := interchange.Import([]string{dir}, target, interchange.Options{Progress: func(interchange.Progress) error {
		once.Do(func() { watch(t, events, target+".partial", syscall.IN_DELETE) })
		return nil
	}})
	must(t, err)
	want := []string{"data", "moldau-build.lock"}
	got := slices.DeleteFunc(happened(t, events), func(name string) bool { return !slices.Contains(want, name) })
	if !slices.Equal(got, want) {
		t.Errorf("named, then unlocked, should be %v, is %v", want, got)
	}
}

// watcher is an inotify instance.
func watcher(t *testing.T) int {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	must(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	return fd
}

func watch(t *testing.T, fd int, dir string, what uint32) {
	t.Helper()
	_, err := syscall.InotifyAddWatch(fd, dir, what)
	must(t, err)
}

// happened are the names of the events so far, in order.
func happened(t *testing.T, fd int) (names []string) {
	t.Helper()
	b := make([]byte, 1<<20)
	n, err := syscall.Read(fd, b)
	must(t, err)
	for b = b[:n]; len(b) >= syscall.SizeofInotifyEvent; {
		end := syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		names = append(names, string(bytes.TrimRight(b[syscall.SizeofInotifyEvent:end], "\x00")))
		b = b[end:]
	}
	return names
}
