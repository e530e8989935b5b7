package logstore_test

import (
	"errors"
	"os"
	"path"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

const logDir = "data/logs/t-0"

// readAll is the content of a file.
func readAll(t tb, fsys vfs.FS, name string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	must(t, err)
	defer f.Close()
	size, err := f.Size()
	must(t, err)
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		t.Fatalf("%s: read %d of %d bytes: %v", name, n, size, err)
	}
	return b
}

// overwrite makes a file hold b, durably.
func overwrite(t testing.TB, fsys vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	must(t, err)
	_, err = f.WriteAt(b, 0)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
	must(t, fsys.SyncDir(path.Dir(name)))
}

func removeFile(t testing.TB, fsys vfs.FS, name string) {
	t.Helper()
	must(t, fsys.Remove(name))
	must(t, fsys.SyncDir(path.Dir(name)))
}

// filesIn lists a directory's files with that suffix, by name.
func filesIn(t testing.TB, fsys vfs.FS, dir, suffix string) []string {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), suffix) {
			names = append(names, path.Join(dir, e.Name()))
		}
	}
	return names
}

// tree is the content of every file below dir.
func tree(t testing.TB, fsys vfs.FS, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := fsys.ReadDir(dir)
		must(t, err)
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			if e.IsDir() {
				all[name] = "directory"
				walk(name)
			} else {
				all[name] = string(readAll(t, fsys, name))
			}
		}
	}
	walk(dir)
	return all
}

// sameTree compares two trees, but for the lock and the clean marker.
func sameTree(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name, content := range want {
		if g, ok := got[name]; !ok {
			t.Errorf("%s is gone", name)
		} else if g != content {
			t.Errorf("%s changed: %d bytes, was %d", name, len(g), len(content))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is new", name)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// tear appends the first n bytes of a log's last batch to its last file again.
func tear(t testing.TB, fsys vfs.FS, dir string, n int) {
	t.Helper()
	logs := filesIn(t, fsys, dir, ".log")
	name := logs[len(logs)-1]
	b := readAll(t, fsys, name)
	overwrite(t, fsys, name, append(b, b[:n]...))
}

// exists tells whether there is a file or directory of that name.
func exists(t testing.TB, fsys vfs.FS, name string) bool {
	t.Helper()
	_, err := fsys.Stat(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return err == nil
}

// wantCorrupt wants a *CorruptionError, of that file if it is given.
func wantCorrupt(t testing.TB, err error, file string) {
	t.Helper()
	var corrupt *logstore.CorruptionError
	if !errors.As(err, &corrupt) || file != "" && corrupt.File != file {
		t.Fatalf("error %v, want corruption of %s", err, file)
	}
}

func wantFailure(t testing.TB, err error, fails bool, want error) {
	t.Helper()
	if fails != (err != nil) || fails && !errors.Is(err, want) {
		t.Fatalf("error %v, want %v: %v", err, want, fails)
	}
}
