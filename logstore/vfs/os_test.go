package vfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"moldau/logstore/vfs"
)

func TestOpenOS(t *testing.T) {
	base := t.TempDir()
	put(t, openOS(t, filepath.Join(base, "a", "b", "c")), "f", "abc")
	wantTree(t, openOS(t, base), "a/", "a/b/", "a/b/c/", "a/b/c/f=abc")
	_, err := vfs.OpenOS(filepath.Join(base, "a", "b", "c", "f"))
	wantAnyErr(t, "OpenOS of a file", err)
	_, err = vfs.OpenOS(filepath.Join(base, "a", "b", "c", "f", "g"))
	wantAnyErr(t, "OpenOS below a file", err)
	_, err = vfs.OpenOSReadOnly(filepath.Join(base, "none"))
	wantErr(t, "OpenOSReadOnly", err, fs.ErrNotExist)
	if _, err := os.Stat(filepath.Join(base, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("OpenOSReadOnly created its directory")
	}
}

func TestOpenOSRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, openOS(t, filepath.Join("a", "b")), "f", "abc")
	wantTree(t, openOS(t, "."), "a/", "a/b/", "a/b/f=abc")
}

func TestReadOnlyOS(t *testing.T) {
	dir := t.TempDir()
	must(t, openOS(t, dir).Mkdir("d", 0o755))
	put(t, openOS(t, dir), "f", "abc")
	fsys, err := vfs.OpenOSReadOnly(dir)
	must(t, err)
	defer fsys.Close()
	for _, flag := range []int{os.O_RDWR, os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_TRUNC, os.O_RDONLY | os.O_CREATE} {
		_, err := fsys.OpenFile("f", flag, 0o644)
		wantErr(t, "OpenFile", err, vfs.ErrReadOnly)
	}
	_, err = fsys.Lock("f")
	wantErr(t, "Lock", err, vfs.ErrReadOnly)
	wantErr(t, "Mkdir", fsys.Mkdir("x", 0o755), vfs.ErrReadOnly)
	wantErr(t, "SetModTime", fsys.SetModTime("f", time.UnixMilli(1)), vfs.ErrReadOnly)
	wantErr(t, "Rename", fsys.Rename("f", "g"), vfs.ErrReadOnly)
	wantErr(t, "Remove", fsys.Remove("f"), vfs.ErrReadOnly)
	wantErr(t, "SyncDir", fsys.SyncDir("."), vfs.ErrReadOnly)
	if info, err := fsys.Stat("f"); err != nil || info.Size() != 3 {
		t.Errorf("Stat = %v, %v", info, err)
	}
	wantTree(t, fsys, "d/", "f=abc")
}

func TestOSFileIsTheFile(t *testing.T) {
	f := create(t, openOS(t, t.TempDir()), "f", "abc")
	b := make([]byte, 3)
	if _, err := f.OSFile().ReadAt(b, 0); err != nil || string(b) != "abc" {
		t.Fatalf("read %q, %v", b, err)
	}
	must(t, f.Close())
}

func TestReadsDoNotAllocate(t *testing.T) {
	f := create(t, openOS(t, t.TempDir()), "f", "abc")
	defer f.Close()
	b := make([]byte, 3)
	if n := testing.AllocsPerRun(200, func() {
		_, err := f.ReadAt(b, 0)
		must(t, err)
	}); n > 0 {
		t.Fatalf("%v allocations per read", n)
	}
}

func TestWritesDoNotAllocate(t *testing.T) {
	f := create(t, openOS(t, t.TempDir()), "f", "")
	defer f.Close()
	bufs := [][]byte{[]byte("header"), []byte(strings.Repeat("x", 500)), []byte("trailer")}
	one := []byte("y")
	if n := testing.AllocsPerRun(200, func() {
		_, err := f.WritevAt(bufs, 10)
		must(t, err)
		_, err = f.WriteAt(one, 0)
		must(t, err)
	}); n > 0 {
		t.Fatalf("%v allocations per write", n)
	}
}

// TestForgottenLockHolds: a lock that nothing refers to must outlive garbage
// collections.
func TestForgottenLockHolds(t *testing.T) {
	fsys := openOS(t, t.TempDir())
	func() {
		_, err := fsys.Lock("l")
		must(t, err)
	}()
	for range 10 {
		runtime.GC()
		runtime.Gosched()
		_, err := fsys.Lock("l")
		wantErr(t, "Lock", err, vfs.ErrLocked)
	}
}

func TestLockExcludesOtherTreesOfTheProcess(t *testing.T) {
	dir := t.TempDir()
	a, b := openOS(t, dir), openOS(t, dir)
	l, err := a.Lock("l")
	must(t, err)
	_, err = b.Lock("l")
	wantErr(t, "Lock", err, vfs.ErrLocked)
	must(t, l.Close())
	l, err = b.Lock("l")
	must(t, err)
	must(t, l.Close())
}
