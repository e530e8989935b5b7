package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"
	"time"

	"moldau/logstore/vfs"
)

func TestOpenFlags(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		try := func(name string, flag int) error {
			f, err := fsys.OpenFile(name, flag, 0o644)
			if err != nil {
				return err
			}
			return f.Close()
		}
		must(t, fsys.Mkdir("d", 0o755))
		put(t, fsys, "f", "abc")
		for _, c := range []struct {
			name string
			flag int
			want error
		}{
			{"none", os.O_RDONLY, fs.ErrNotExist},
			{"none", os.O_RDWR, fs.ErrNotExist},
			{"none/f", os.O_RDWR | os.O_CREATE, fs.ErrNotExist},
			{"f", os.O_RDWR | os.O_CREATE | os.O_EXCL, fs.ErrExist},
			{"d", os.O_RDWR | os.O_CREATE | os.O_EXCL, fs.ErrExist},
			{"f", os.O_RDWR | os.O_APPEND, fs.ErrInvalid},
			{"f", os.O_WRONLY, fs.ErrInvalid},
			{"f", os.O_RDWR | os.O_SYNC, fs.ErrInvalid},
			{"f", os.O_RDONLY | os.O_TRUNC, fs.ErrInvalid},
			{"f", os.O_RDWR | os.O_EXCL, fs.ErrInvalid},
		} {
			wantErr(t, c.name, try(c.name, c.flag), c.want)
		}
		for _, name := range []string{".", "d", "f/g"} {
			for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE} {
				wantAnyErr(t, "open "+name, try(name, flag))
			}
		}
		must(t, try("f", os.O_RDWR|os.O_CREATE))
		wantTree(t, fsys, "d/", "f=abc")
		must(t, try("f", os.O_RDWR|os.O_TRUNC))
		must(t, try("g", os.O_RDONLY|os.O_CREATE))
		wantTree(t, fsys, "d/", "f=", "g=")
	})
}

func TestDirectories(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		must(t, fsys.Mkdir("d", 0o755))
		must(t, fsys.Mkdir("d/e", 0o755))
		put(t, fsys, "d/e/f", "1")
		put(t, fsys, "d/b", "2")
		put(t, fsys, "d/a", "3")
		wantErr(t, "mkdir again", fsys.Mkdir("d/e", 0o755), fs.ErrExist)
		wantErr(t, "mkdir on a file", fsys.Mkdir("d/a", 0o755), fs.ErrExist)
		wantErr(t, "mkdir without parent", fsys.Mkdir("x/y", 0o755), fs.ErrNotExist)
		wantAnyErr(t, "mkdir below a file", fsys.Mkdir("d/a/x", 0o755))
		wantAnyErr(t, "mkdir of the root", fsys.Mkdir(".", 0o755))
		wantTree(t, fsys, "d/", "d/a=3", "d/b=2", "d/e/", "d/e/f=1")

		_, err := fsys.ReadDir("none")
		wantErr(t, "readdir", err, fs.ErrNotExist)
		_, err = fsys.ReadDir("d/a")
		wantAnyErr(t, "readdir of a file", err)
		must(t, fsys.SyncDir("."))
		must(t, fsys.SyncDir("d/e"))
		wantErr(t, "syncdir", fsys.SyncDir("none"), fs.ErrNotExist)
		wantAnyErr(t, "syncdir of a file", fsys.SyncDir("d/a"))

		wantErr(t, "remove", fsys.Remove("none"), fs.ErrNotExist)
		wantAnyErr(t, "remove a full directory", fsys.Remove("d/e"))
		wantAnyErr(t, "remove the root", fsys.Remove("."))
		must(t, fsys.Remove("d/e/f"))
		must(t, fsys.Remove("d/e"))
		must(t, fsys.Remove("d/b"))
		wantTree(t, fsys, "d/", "d/a=3")
	})
}

func TestStat(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		must(t, fsys.Mkdir("d", 0o700))
		put(t, fsys, "d/f", "abc")
		for _, c := range []struct {
			name, base string
			mode       fs.FileMode
			size       int64
		}{{"d/f", "f", 0o600, 3}, {"d", "d", fs.ModeDir | 0o700, -1}} {
			info, err := fsys.Stat(c.name)
			must(t, err)
			const ours = fs.ModeType | 0o700 // the rest is the umask's
			if info.Name() != c.base || info.Mode()&ours != c.mode || info.IsDir() != c.mode.IsDir() {
				t.Errorf("Stat(%s) = %s %v", c.name, info.Name(), info.Mode())
			}
			if c.size >= 0 && info.Size() != c.size {
				t.Errorf("Stat(%s).Size() = %d, want %d", c.name, info.Size(), c.size)
			}
		}
		if info, err := fsys.Stat("."); err != nil || !info.IsDir() {
			t.Errorf("Stat of the root: %v, %v", info, err)
		}
		_, err := fsys.Stat("d/none")
		wantErr(t, "stat", err, fs.ErrNotExist)
		_, err = fsys.Stat("d/f/x")
		wantAnyErr(t, "stat below a file", err)
	})
}

func TestSetModTime(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		f := create(t, fsys, "f", "abc")
		set := time.UnixMilli(1_600_000_000_123)
		must(t, fsys.SetModTime("f", set))
		must(t, f.Sync())
		must(t, fsys.Rename("f", "g"))
		if info, err := fsys.Stat("g"); err != nil || !info.ModTime().Equal(set) {
			t.Fatalf("%v, %v", info.ModTime(), err)
		}
		if m, ok := fsys.(*vfs.Mem); ok {
			must(t, m.SyncDir("."))
			if info, err := m.Clone().Crash().Stat("g"); err != nil || !info.ModTime().Equal(set) {
				t.Fatalf("after a crash %v, %v", info.ModTime(), err)
			}
		}
		_, err := f.WriteAt([]byte("x"), 0)
		must(t, err)
		must(t, f.Close())
		if info, err := fsys.Stat("g"); err != nil || info.ModTime().Equal(set) {
			t.Fatalf("changed at %v, %v", info.ModTime(), err)
		}
		wantErr(t, "none", fsys.SetModTime("none", set), fs.ErrNotExist)
		wantErr(t, "outside", fsys.SetModTime("../f", set), fs.ErrInvalid)
	})
}

func TestRename(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		must(t, fsys.Mkdir("d", 0o755))
		must(t, fsys.Mkdir("e", 0o755))
		put(t, fsys, "d/f", "1")
		put(t, fsys, "g", "2")
		must(t, fsys.Rename("g", "d/g")) // across directories
		must(t, fsys.Rename("d/f", "d/g"))
		must(t, fsys.Rename("d/g", "d/g"))
		wantTree(t, fsys, "d/", "d/g=1", "e/")
		must(t, fsys.Rename("d", "dd"))
		wantTree(t, fsys, "dd/", "dd/g=1", "e/")

		wantErr(t, "of nothing", fsys.Rename("none", "x"), fs.ErrNotExist)
		wantErr(t, "into nothing", fsys.Rename("dd/g", "none/x"), fs.ErrNotExist)
		wantAnyErr(t, "file over directory", fsys.Rename("dd/g", "e"))
		wantAnyErr(t, "directory over file", fsys.Rename("e", "dd/g"))
		wantErr(t, "directory over directory", fsys.Rename("dd", "e"), fs.ErrExist)
		wantAnyErr(t, "directory into itself", fsys.Rename("dd", "dd/x"))
		wantAnyErr(t, "root", fsys.Rename(".", "x"))
		wantAnyErr(t, "over root", fsys.Rename("e", "."))
		wantTree(t, fsys, "dd/", "dd/g=1", "e/")
	})
}

func TestUnlinkedFileStaysUsable(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		removed, replaced := create(t, fsys, "f", "abc"), create(t, fsys, "g", "old")
		put(t, fsys, "h", "new")
		must(t, fsys.Remove("f"))
		must(t, fsys.Rename("h", "g"))
		_, err := removed.WriteAt([]byte("d"), 3)
		must(t, err)
		must(t, removed.Sync())
		if a, b := contentOf(t, removed), contentOf(t, replaced); a != "abcd" || b != "old" {
			t.Fatalf("contents are %q and %q", a, b)
		}
		wantTree(t, fsys, "g=new")
		must(t, removed.Close())
		must(t, replaced.Close())
	})
}

// eachNamed calls every operation that takes a name.
func eachNamed(fsys vfs.FS, name string, check func(op string, err error)) {
	closeIt := func(c io.Closer, err error) error {
		if err != nil {
			return err
		}
		return c.Close()
	}
	for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE} {
		f, err := fsys.OpenFile(name, flag, 0o644)
		check("open", closeIt(f, err))
	}
	_, err := fsys.ReadDir(name)
	check("readdir", err)
	_, err = fsys.Stat(name)
	check("stat", err)
	check("mkdir", fsys.Mkdir(name, 0o755))
	check("rename from", fsys.Rename(name, "x"))
	check("rename to", fsys.Rename("f", name))
	check("remove", fsys.Remove(name))
	check("syncdir", fsys.SyncDir(name))
	check("lock", closeIt(fsys.Lock(name)))
	_, err = fsys.Space(name)
	check("space", err)
}

func TestNamesOutsideAreRefused(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		must(t, fsys.Mkdir("d", 0o755))
		put(t, fsys, "f", "abc")
		for _, name := range []string{"", "..", "../x", "/f", "/", "d/../f", "d/../../x", "./f", "d/", "d//f", "\xff"} {
			eachNamed(fsys, name, func(op string, err error) {
				t.Helper()
				if !errors.Is(err, fs.ErrInvalid) {
					t.Errorf("%s %q: got error %v, want %v", op, name, err, fs.ErrInvalid)
				}
			})
		}
		wantTree(t, fsys, "d/", "f=abc")
	})
}

func TestLockExcludes(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		l, err := fsys.Lock(".lock")
		must(t, err)
		_, err = fsys.Lock(".lock")
		wantErr(t, "second Lock", err, vfs.ErrLocked)
		other, err := fsys.Lock("other")
		must(t, err)
		must(t, other.Close())
		_, err = fsys.Lock(".lock")
		wantErr(t, "third Lock", err, vfs.ErrLocked)
		must(t, l.Close())
		wantErr(t, "second Close", l.Close(), fs.ErrClosed)
		l, err = fsys.Lock(".lock")
		must(t, err)
		must(t, l.Close())
		wantTree(t, fsys, ".lock=", "other=")
		must(t, fsys.Mkdir("d", 0o755))
		_, err = fsys.Lock("d")
		wantAnyErr(t, "Lock of a directory", err)
		_, err = fsys.Lock("none/l")
		wantErr(t, "Lock without parent", err, fs.ErrNotExist)
	})
}
