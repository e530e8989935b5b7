package vfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"moldau/logstore/vfs"
)

// eachWay runs a test with the kernel's way to look names up below a directory, and
// with os.Root's.
func eachWay(t *testing.T, test func(t *testing.T, open func(t *testing.T, dir string) *vfs.OS)) {
	t.Run("kernel", func(t *testing.T) { test(t, openOS) })
	t.Run("root", func(t *testing.T) {
		test(t, func(t *testing.T, dir string) *vfs.OS {
			fsys := openOS(t, dir)
			fsys.OpensByRoot()
			return fsys
		})
	})
}

// link makes a symbolic link in the operating system's directory.
func link(t *testing.T, target, dir, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestSymbolicLinksDoNotLeadOut(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, string) *vfs.OS) {
		base := t.TempDir()
		out, in := filepath.Join(base, "out"), filepath.Join(base, "in")
		put(t, openOS(t, out), "f", "abc")
		fsys := open(t, in)
		must(t, fsys.Mkdir("d", 0o755))
		link(t, out, in, "absolute")
		link(t, filepath.Join("..", "out"), in, "up")
		link(t, filepath.Join("d", "..", "..", "out"), in, "around")
		link(t, "up", in, "twice")
		link(t, filepath.Join("..", "..", "out"), filepath.Join(in, "d"), "deep")
		for _, dir := range []string{"absolute", "up", "around", "twice", "d/deep"} {
			for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_TRUNC} {
				_, err := fsys.OpenFile(dir+"/f", flag, 0o644)
				wantAnyErr(t, "open", err)
			}
			_, err := fsys.OpenFile(dir+"/new", os.O_RDWR|os.O_CREATE, 0o644)
			wantAnyErr(t, "create", err)
			_, err = fsys.ReadDir(dir)
			wantAnyErr(t, "readdir", err)
			_, err = fsys.Stat(dir + "/f")
			wantAnyErr(t, "stat", err)
			_, err = fsys.Stat(dir)
			wantAnyErr(t, "stat of the link", err)
			_, err = fsys.Space(dir)
			wantAnyErr(t, "space", err)
			wantAnyErr(t, "syncdir", fsys.SyncDir(dir))
			wantAnyErr(t, "remove", fsys.Remove(dir+"/f"))
			wantAnyErr(t, "rename", fsys.Rename(dir+"/f", "f"))
			wantAnyErr(t, "mkdir", fsys.Mkdir(dir+"/d", 0o755))
			_, err = fsys.Lock(dir + "/l")
			wantAnyErr(t, "lock", err)
		}
		wantTree(t, openOS(t, out), "f=abc")
	})
}

// An absolute link is refused even where it leads to what is below.
func TestAbsoluteLinksAreRefused(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, string) *vfs.OS) {
		in := t.TempDir()
		fsys := open(t, in)
		put(t, fsys, "f", "abc")
		link(t, filepath.Join(in, "f"), in, "link")
		_, err := fsys.OpenFile("link", os.O_RDONLY, 0)
		wantAnyErr(t, "open", err)
		_, err = fsys.Stat("link")
		wantAnyErr(t, "stat", err)
	})
}

func TestSymbolicLinksWithinAreFollowed(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, string) *vfs.OS) {
		in := t.TempDir()
		fsys := open(t, in)
		must(t, fsys.Mkdir("d", 0o755))
		must(t, fsys.Mkdir("d/e", 0o755))
		put(t, fsys, "d/f", "abc")
		link(t, "d", in, "link")
		link(t, filepath.Join("..", "f"), filepath.Join(in, "d", "e"), "back")
		link(t, "none", in, "dangling")
		for _, name := range []string{"link/f", "d/e/back", "link/e/back"} {
			if got := get(t, fsys, name); got != "abc" {
				t.Errorf("%s holds %q", name, got)
			}
			if info, err := fsys.Stat(name); err != nil || info.Size() != 3 || !info.Mode().IsRegular() || info.Name() != filepath.Base(name) {
				t.Errorf("Stat(%s) = %v, %v", name, info, err)
			}
		}
		_, err := fsys.Stat("dangling")
		wantErr(t, "stat", err, fs.ErrNotExist)
		_, err = fsys.OpenFile("dangling", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		wantErr(t, "exclusive", err, fs.ErrExist)
		f, err := fsys.OpenFile("dangling", os.O_RDWR|os.O_CREATE, 0o644)
		must(t, err)
		must(t, f.Close())
		if got := get(t, fsys, "none"); got != "" {
			t.Errorf("behind the link lies %q", got)
		}
	})
}

// What an entry says of itself is of the entry, link or not, wherever the process
// works by now.
func TestEntriesAreOfTheTree(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, string) *vfs.OS) {
		t.Chdir(t.TempDir())
		fsys := open(t, "tree")
		must(t, fsys.Mkdir("d", 0o755))
		put(t, fsys, "d/f", "abc")
		link(t, "f", filepath.Join("tree", "d"), "link")
		t.Chdir(t.TempDir())
		entries, err := fsys.ReadDir("d")
		must(t, err)
		if len(entries) != 2 {
			t.Fatalf("%d entries", len(entries))
		}
		info, err := entries[0].Info()
		if err != nil || info.Name() != "f" || info.Size() != 3 {
			t.Errorf("f: %v, %v", info, err)
		}
		if info, err = entries[1].Info(); err != nil || info.Name() != "link" || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("link: %v, %v", info, err)
		}
	})
}

func TestErrorsOfEachWay(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, string) *vfs.OS) {
		fsys := open(t, t.TempDir())
		must(t, fsys.Mkdir("d", 0o755))
		put(t, fsys, "f", "abc")
		for _, c := range []struct {
			name string
			flag int
			err  error
		}{
			{"none", os.O_RDONLY, fs.ErrNotExist},
			{"none", os.O_RDWR, fs.ErrNotExist},
			{"none/f", os.O_RDWR | os.O_CREATE, fs.ErrNotExist},
			{"f", os.O_RDWR | os.O_CREATE | os.O_EXCL, fs.ErrExist},
			{"../f", os.O_RDONLY, fs.ErrInvalid},
			{"/f", os.O_RDONLY, fs.ErrInvalid},
			{"d/../f", os.O_RDONLY, fs.ErrInvalid},
		} {
			_, err := fsys.OpenFile(c.name, c.flag, 0o644)
			wantErr(t, c.name, err, c.err)
			var named *fs.PathError
			if !errors.As(err, &named) || named.Path != c.name {
				t.Errorf("%s: %v does not name it", c.name, err)
			}
		}
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR} {
			_, err := fsys.OpenFile("d", flag, 0)
			wantAnyErr(t, "open of a directory", err)
		}
		_, err := fsys.ReadDir("f")
		wantAnyErr(t, "readdir of a file", err)
		must(t, fsys.Close())
		_, err = fsys.OpenFile("f", os.O_RDONLY, 0)
		wantErr(t, "open of a closed tree", err, fs.ErrClosed)
	})
}

// The permission that a file is made with is what was asked for, less the umask.
func TestPermissionOfEachWay(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, string) *vfs.OS) {
		fsys := open(t, t.TempDir())
		f, err := fsys.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o600)
		must(t, err)
		must(t, f.Close())
		if info, err := fsys.Stat("f"); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v", info, err)
		}
	})
}
