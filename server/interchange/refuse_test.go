package interchange_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"moldau/logstore/vfs"
	"moldau/server/interchange"
)

// nothingAt tells that neither the target nor what it was to be made of is there.
func nothingAt(t *testing.T, target string) {
	t.Helper()
	for _, name := range []string{target, target + ".partial"} {
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string) []string // what is imported
		want  error
	}{
		{"a directory that is not there", func(_ *testing.T, dir string) []string { return []string{dir + "x"} }, interchange.ErrSource},
		{"a file", func(_ *testing.T, dir string) []string { return []string{filepath.Join(dir, "meta.properties")} }, interchange.ErrSource},
		{"a directory that is not Kafka's", func(t *testing.T, dir string) []string {
			must(t, os.Remove(filepath.Join(dir, "meta.properties")))
			return []string{dir}
		}, interchange.ErrSource},
		{"a directory of ZooKeeper's days", func(t *testing.T, dir string) []string {
			must(t, os.WriteFile(filepath.Join(dir, "meta.properties"), []byte("version=0\nbroker.id=1\n"), 0o644))
			return []string{dir}
		}, interchange.ErrSource},
		{"one without metadata", func(t *testing.T, dir string) []string {
			must(t, os.RemoveAll(filepath.Join(dir, "__cluster_metadata-0")))
			return []string{dir}
		}, interchange.ErrSource},
		{"two nodes", func(t *testing.T, dir string) []string {
			other := t.TempDir()
			must(t, os.WriteFile(filepath.Join(other, "meta.properties"), []byte("version=1\nnode.id=2\ncluster.id=other\n"), 0o644))
			return []string{dir, other}
		}, interchange.ErrSource},
		{"one directory twice", func(_ *testing.T, dir string) []string { return []string{dir, dir} }, interchange.ErrInUse},
		{"a partition twice", func(t *testing.T, dir string) []string {
			other := t.TempDir()
			for _, name := range []string{"meta.properties", "plain-1/partition.metadata"} {
				b, err := os.ReadFile(filepath.Join(dir, name))
				must(t, err)
				must(t, os.MkdirAll(filepath.Dir(filepath.Join(other, name)), 0o755))
				must(t, os.WriteFile(filepath.Join(other, name), b, 0o644))
			}
			return []string{dir, other}
		}, interchange.ErrSource},
		{"a partition that is missing", func(t *testing.T, dir string) []string {
			must(t, os.RemoveAll(filepath.Join(dir, "plain-1")))
			return []string{dir}
		}, interchange.ErrMissing},
		{"a partition of another topic", func(t *testing.T, dir string) []string {
			must(t, os.WriteFile(filepath.Join(dir, "plain-1", "partition.metadata"), []byte("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAABQ"), 0o644))
			return []string{dir}
		}, interchange.ErrMissing},
		{"a damaged metadata log", func(t *testing.T, dir string) []string {
			flip(t, filepath.Join(dir, "__cluster_metadata-0", "00000000000000000000.log"), -20)
			return []string{dir}
		}, interchange.ErrDamaged},
		{"a damaged log", func(t *testing.T, dir string) []string {
			must(t, os.Truncate(filepath.Join(dir, "transactions-0", "00000000000000000099.log"), 20_000))
			return []string{dir}
		}, interchange.ErrDamaged},
		{"one that a Kafka is at work in", func(t *testing.T, dir string) []string {
			fsys, err := vfs.OpenOS(dir)
			must(t, err)
			lock, err := fsys.Lock(".lock")
			must(t, err)
			t.Cleanup(func() { _, _ = lock.Close(), fsys.Close() })
			return []string{dir}
		}, interchange.ErrInUse},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := golden(t)
			must(t, os.WriteFile(filepath.Join(dir, ".lock"), nil, 0o644)) // as Kafka leaves it
			dirs := c.spoil(t, dir)
			before := fingerprint(t, dir)
			target := filepath.Join(t.TempDir(), "data")
			_, err := interchange.Import(dirs, target, interchange.Options{Method: interchange.Move})
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			nothingAt(t, target)
			if !maps.Equal(fingerprint(t, dir), before) {
				t.Error("the source has changed")
			}
		})
	}
}

// flip changes a byte, from the end where at is negative.
func flip(t *testing.T, file string, at int) {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 0xff
	must(t, os.WriteFile(file, b, 0o644))
}

func TestTargetMustBeEmpty(t *testing.T) {
	dir, want := golden(t)
	for name, make := range map[string]func(target string){
		"a file":             func(target string) { must(t, os.WriteFile(target, []byte("x"), 0o644)) },
		"something in it":    func(target string) { must(t, os.MkdirAll(filepath.Join(target, "logs"), 0o755)) },
		"a foreign .partial": func(target string) { must(t, os.MkdirAll(filepath.Join(target+".partial", "mine"), 0o755)) },
	} {
		target := filepath.Join(t.TempDir(), "data")
		make(target)
		before := fingerprint(t, filepath.Dir(target))
		if _, err := interchange.Import([]string{dir}, target, interchange.Options{}); !errors.Is(err, interchange.ErrTarget) {
			t.Errorf("%s: %v", name, err)
		}
		if !maps.Equal(fingerprint(t, filepath.Dir(target)), before) {
			t.Errorf("%s: something has changed", name)
		}
	}
	empty := filepath.Join(t.TempDir(), "data")
	must(t, os.Mkdir(empty, 0o755))
	_, err := interchange.Import([]string{dir}, empty, interchange.Options{})
	must(t, err)
	checkHolds(t, empty, want)
}

var errStop = errors.New("stop")

// An import that ends at any of its steps leaves neither a target nor a change.
func TestImportEndsAnywhereWithoutATrace(t *testing.T) {
	dir, want := golden(t)
	before := fingerprint(t, dir)
	target := filepath.Join(t.TempDir(), "data")
	for stop := 1; ; stop += 41 {
		calls := 0
		_, err := interchange.Import([]string{dir}, target, interchange.Options{Method: interchange.Link, Progress: func(p interchange.Progress) error {
			if calls++; p.Phase == interchange.Copying && calls >= stop {
				return errStop
			}
			return nil
		}})
		if err == nil {
			break
		}
		if !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		nothingAt(t, target)
	}
	checkHolds(t, target, want)
	if !maps.Equal(fingerprint(t, dir), before) {
		t.Error("the source has changed")
	}
}

// What a crash leaves beside the target is removed by the next import, unless
// somebody is at it.
func TestImportAfterACrash(t *testing.T) {
	dir, want := golden(t)
	target := filepath.Join(t.TempDir(), "data")
	must(t, os.MkdirAll(filepath.Join(target+".partial", "logs", "plain-0"), 0o755))
	fsys, err := vfs.OpenOS(target + ".partial")
	must(t, err)
	defer fsys.Close()
	lock, err := fsys.Lock("moldau-build.lock")
	must(t, err)
	if _, err := interchange.Import([]string{dir}, target, interchange.Options{}); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("while another is at it: %v", err)
	}
	must(t, lock.Close())
	_, err = interchange.Import([]string{dir}, target, interchange.Options{})
	must(t, err)
	checkHolds(t, target, want)
	if _, err := os.Lstat(target + ".partial"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the crash left is there still: %v", err)
	}
}
