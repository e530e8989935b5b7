package vfs_test

import (
	"errors"
	"io"
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
	t.Run("PartlyCrashedMem", func(t *testing.T) { run(t, vfs.NewMem().CrashPartly(least)) })
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

// The two ends of what a crash may draw: all is lost, nothing is.
func least(int64) int64      { return 0 }
func greatest(n int64) int64 { return n - 1 }
