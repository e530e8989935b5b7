package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"moldau/logstore/vfs"
)

// forEachFS runs a test on every file system there is, empty at first.
func forEachFS(t *testing.T, run func(t *testing.T, fsys vfs.FS)) {
	t.Helper()
	t.Run("OS", func(t *testing.T) { run(t, openOS(t, t.TempDir())) })
	t.Run("Mem", func(t *testing.T) { run(t, vfs.NewMem()) })
	t.Run("FaultOS", func(t *testing.T) { run(t, vfs.NewFault(openOS(t, t.TempDir()))) })
	t.Run("FaultMem", func(t *testing.T) { run(t, vfs.NewFault(vfs.NewMem())) })
	t.Run("CrashedMem", func(t *testing.T) { run(t, vfs.NewMem().Crash()) })
	t.Run("ClonedMem", func(t *testing.T) { run(t, vfs.NewMem().Clone()) })
}

func openOS(t *testing.T, dir string) *vfs.OS {
	t.Helper()
	fsys, err := vfs.OpenOS(dir)
	must(t, err)
	t.Cleanup(func() { must(t, fsys.Close()) })
	return fsys
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: got error %v, want %v", what, err, want)
	}
}

func wantAnyErr(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: no error", what)
	}
}

func open(t *testing.T, fsys vfs.FS, name string, flag int) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, flag, 0o644)
	must(t, err)
	return f
}

func create(t *testing.T, fsys vfs.FS, name, content string) vfs.File {
	t.Helper()
	f := open(t, fsys, name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	n, err := f.WriteAt([]byte(content), 0)
	if err != nil || n != len(content) {
		t.Fatalf("WriteAt = %d, %v", n, err)
	}
	return f
}

func put(t *testing.T, fsys vfs.FS, name, content string) {
	t.Helper()
	must(t, create(t, fsys, name, content).Close())
}

func contentOf(t *testing.T, f vfs.File) string {
	t.Helper()
	size, err := f.Size()
	must(t, err)
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	must(t, err)
	if int64(len(b)) != size {
		t.Fatalf("read %d bytes of a file of size %d", len(b), size)
	}
	return string(b)
}

func get(t *testing.T, fsys vfs.FS, name string) string {
	t.Helper()
	f := open(t, fsys, name, os.O_RDONLY)
	s := contentOf(t, f)
	must(t, f.Close())
	return s
}

// tree lists a file system, "name=content" for files and "name/" for directories.
func tree(t *testing.T, fsys vfs.FS) []string {
	t.Helper()
	var found []string
	var visit func(dir string)
	visit = func(dir string) {
		entries, err := fsys.ReadDir(dir)
		must(t, err)
		for _, e := range entries {
			name := strings.TrimPrefix(dir+"/"+e.Name(), "./")
			if e.IsDir() {
				found = append(found, name+"/")
				visit(name)
			} else {
				found = append(found, name+"="+get(t, fsys, name))
			}
		}
	}
	visit(".")
	return found
}

func wantTree(t *testing.T, fsys vfs.FS, want ...string) {
	t.Helper()
	if got := tree(t, fsys); !slices.Equal(got, want) {
		t.Fatalf("tree is %q, want %q", got, want)
	}
}

func TestFileReadsAndWrites(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		f := create(t, fsys, "f", "abcdef")
		_, err := f.WriteAt([]byte("XY"), 2)
		must(t, err)
		if n, err := f.WriteAt(nil, 1000); n != 0 || err != nil {
			t.Fatalf("empty WriteAt = %d, %v", n, err)
		}
		for _, c := range []struct {
			off  int64
			size int
			want string
			err  error
		}{
			{0, 6, "abXYef", nil}, {2, 2, "XY", nil}, {4, 4, "ef", io.EOF},
			{6, 1, "", io.EOF}, {100, 1, "", io.EOF}, {6, 0, "", nil},
		} {
			b := make([]byte, c.size)
			n, err := f.ReadAt(b, c.off)
			if string(b[:n]) != c.want || err != c.err {
				t.Errorf("ReadAt(%d bytes, %d) = %q, %v, want %q, %v", c.size, c.off, b[:n], err, c.want, c.err)
			}
		}
		must(t, f.Sync())
		for _, off := range []int64{-1, -1 << 62} {
			_, err = f.ReadAt(make([]byte, 1), off)
			wantAnyErr(t, "ReadAt before the start", err)
			_, err = f.WriteAt(make([]byte, 1), off)
			wantAnyErr(t, "WriteAt before the start", err)
			_, err = f.WritevAt([][]byte{make([]byte, 1)}, off)
			wantAnyErr(t, "WritevAt before the start", err)
			wantAnyErr(t, "Truncate to a negative length", f.Truncate(off))
		}
		if got := contentOf(t, f); got != "abXYef" {
			t.Fatalf("content is %q", got)
		}
		must(t, f.Close())
	})
}

// TestFileHolesAndTruncation compares with a byte slice around page bounds.
func TestFileHolesAndTruncation(t *testing.T) {
	steps := []struct {
		write, off, truncate int // truncate -1: write
		sync                 bool
	}{
		{10, 4090, -1, true}, {1, 20000, -1, false}, {0, 0, 4093, true}, {0, 0, 9000, false},
		{5000, 100, -1, false}, {0, 0, 4096, true}, {0, 0, 8192, true}, {1, 8192, -1, false},
		{0, 0, 3, false}, {0, 0, 5000, false}, {4, 4998, -1, true}, {0, 0, 0, false}, {3, 0, -1, true},
	}
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		f := create(t, fsys, "f", "")
		var model []byte
		for i, s := range steps {
			if s.truncate >= 0 {
				must(t, f.Truncate(int64(s.truncate)))
				model = append(model, make([]byte, max(0, s.truncate-len(model)))...)[:s.truncate]
			} else {
				b := bytes.Repeat([]byte{byte('a' + i)}, s.write)
				_, err := f.WriteAt(b, int64(s.off))
				must(t, err)
				model = append(model, make([]byte, max(0, s.off+len(b)-len(model)))...)
				copy(model[s.off:], b)
			}
			model = slices.Clip(model)
			if s.sync {
				must(t, f.Sync())
			}
			if contentOf(t, f) != string(model) {
				t.Fatalf("content differs after step %d", i)
			}
		}
		must(t, f.Close())
	})
}

func TestWritevAt(t *testing.T) {
	many := make([][]byte, 2500) // more than one system call takes
	for i := range many {
		many[i] = []byte{byte(i), byte(i >> 8)}[:i%3%2+1]
	}
	for _, c := range []struct {
		name string
		bufs [][]byte
	}{
		{"none", nil},
		{"empty", [][]byte{{}, nil}},
		{"one", [][]byte{[]byte("abc")}},
		{"with empty ones", [][]byte{nil, []byte("a"), {}, {}, []byte("bc"), nil}},
		{"pages", [][]byte{bytes.Repeat([]byte("x"), 5000), bytes.Repeat([]byte("y"), 9000)}},
		{"many", many},
	} {
		t.Run(c.name, func(t *testing.T) {
			forEachFS(t, func(t *testing.T, fsys vfs.FS) {
				want := bytes.Join(c.bufs, nil)
				before := slices.Clone(c.bufs)
				f := create(t, fsys, "f", "0123")
				n, err := f.WritevAt(c.bufs, 3)
				if n != len(want) || err != nil {
					t.Fatalf("WritevAt = %d, %v, want %d", n, err, len(want))
				}
				if len(want) == 0 {
					want = []byte("3")
				}
				if got := contentOf(t, f); got != "012"+string(want) {
					t.Fatalf("content is %d bytes, not the %d written", len(got), len(want))
				}
				for i := range before {
					if len(before[i]) != len(c.bufs[i]) {
						t.Fatalf("buffer %d was changed", i)
					}
				}
				must(t, f.Close())
			})
		})
	}
}

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

func TestReadOnlyHandle(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		put(t, fsys, "f", "abc")
		f := open(t, fsys, "f", os.O_RDONLY)
		_, err := f.WriteAt([]byte("x"), 0)
		wantAnyErr(t, "WriteAt", err)
		_, err = f.WritevAt([][]byte{[]byte("x")}, 0)
		wantAnyErr(t, "WritevAt", err)
		wantAnyErr(t, "Truncate", f.Truncate(0))
		if got := contentOf(t, f); got != "abc" {
			t.Fatalf("content is %q", got)
		}
		must(t, f.Close())
	})
}

func TestClosedHandle(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		f := create(t, fsys, "f", "abc")
		must(t, f.Close())
		_, err := f.ReadAt(make([]byte, 1), 0)
		wantErr(t, "ReadAt", err, fs.ErrClosed)
		_, err = f.WriteAt([]byte("x"), 0)
		wantErr(t, "WriteAt", err, fs.ErrClosed)
		_, err = f.WritevAt([][]byte{[]byte("x")}, 0)
		wantErr(t, "WritevAt", err, fs.ErrClosed)
		wantErr(t, "Truncate", f.Truncate(0), fs.ErrClosed)
		wantErr(t, "Sync", f.Sync(), fs.ErrClosed)
		_, err = f.Size()
		wantErr(t, "Size", err, fs.ErrClosed)
		wantErr(t, "Close", f.Close(), fs.ErrClosed)
		wantTree(t, fsys, "f=abc")
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
		}{{"d/f", "f", 0o644, 3}, {"d", "d", fs.ModeDir | 0o700, -1}} {
			info, err := fsys.Stat(c.name)
			must(t, err)
			if info.Name() != c.base || info.Mode() != c.mode || info.IsDir() != c.mode.IsDir() {
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

func TestConcurrentUse(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		const chunk, count = 1000, 40
		f := create(t, fsys, "f", string(bytes.Repeat([]byte{1}, chunk)))
		done := make(chan error, 3)
		go func() { // one appends
			for i := int64(1); i < count; i++ {
				if _, err := f.WritevAt([][]byte{bytes.Repeat([]byte{1}, chunk)}, i*chunk); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		go func() { // one reads what was there before
			b := make([]byte, chunk)
			for range count {
				if _, err := f.ReadAt(b, 0); err != nil || bytes.IndexByte(b, 0) >= 0 {
					done <- errors.Join(errors.New("read failed"), err)
					return
				}
			}
			done <- nil
		}()
		go func() { // one syncs and looks around
			for range count {
				_, statErr := fsys.Stat("f")
				if err := errors.Join(f.Sync(), fsys.SyncDir("."), statErr); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for range cap(done) {
			must(t, <-done)
		}
		if got := contentOf(t, f); strings.Count(got, "\x01") != chunk*count {
			t.Fatalf("%d bytes of %d", len(got), chunk*count)
		}
		must(t, f.Close())
	})
}
