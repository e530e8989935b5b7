package interchange_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"moldau/server/interchange"
)

func TestTargetThatIsALink(t *testing.T) {
	dir, want := golden(t)
	for _, there := range []bool{true, false} { // what the link's parent leads to
		root := t.TempDir()
		disk, target := filepath.Join(root, "disk"), filepath.Join(root, "data")
		must(t, os.Mkdir(disk, 0o700))
		must(t, os.Symlink(disk, target))
		holds := disk
		if !there {
			target, holds = filepath.Join(target, "new", "data"), filepath.Join(disk, "new", "data")
		}
		_, err := interchange.Import([]string{dir}, target, interchange.Options{})
		must(t, err)
		if info, err := os.Lstat(filepath.Join(root, "data")); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("the link was replaced: %v, %v", info, err)
		}
		checkHolds(t, holds, want)
	}
	nowhere := filepath.Join(t.TempDir(), "data")
	must(t, os.Symlink(nowhere+"x", nowhere))
	if _, err := interchange.Import([]string{dir}, nowhere, interchange.Options{}); !errors.Is(err, interchange.ErrTarget) {
		t.Errorf("a link that leads nowhere: %v", err)
	}
}

func TestEmptyTargetKeepsItsMode(t *testing.T) {
	dir, want := golden(t)
	for _, mode := range []fs.FileMode{0o700, 0o750 | fs.ModeSetgid} {
		target := filepath.Join(t.TempDir(), "data")
		must(t, os.Mkdir(target, 0o700))
		must(t, os.Chmod(target, mode))
		wantMode := func(when string) {
			t.Helper()
			info, err := os.Stat(target)
			must(t, err)
			if got := info.Mode() &^ fs.ModeDir; got != mode {
				t.Errorf("%s its mode is %v, was %v", when, got, mode)
			}
		}
		_, err := interchange.Import([]string{dir}, target, interchange.Options{Progress: func(interchange.Progress) error { return errStop }})
		if !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		wantMode("after an import that was stopped")
		_, err = interchange.Import([]string{dir}, target, interchange.Options{})
		must(t, err)
		wantMode("after the import")
		checkHolds(t, target, want)
	}
}

// Who may not read the source may not read what is made of it.
func TestModesAreNotWidened(t *testing.T) {
	dir, _ := golden(t)
	must(t, filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.Chmod(name, 0o700)
		}
		return os.Chmod(name, 0o600)
	}))
	data, _ := imported(t, dir, interchange.Options{})
	closed(t, data)
	kafka, _ := exported(t, data, interchange.Options{})
	closed(t, kafka)
}

// closed wants directories, and records in them, to be the owner's alone.
func closed(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && (e.IsDir() || filepath.Ext(name) == ".log") && info.Mode().Perm()&0o077 != 0 && !inStore(dir, name) {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
		return err
	}))
}

// inStore tells whether a name is below a store of our own, which a directory that
// is closed shuts in.
func inStore(dir, name string) bool {
	below, err := filepath.Rel(filepath.Join(dir, "moldau"), name)
	return err == nil && below != "." && filepath.IsLocal(below)
}

func TestTargetWithASlash(t *testing.T) {
	dir, want := golden(t)
	for _, there := range []bool{false, true} {
		target := filepath.Join(t.TempDir(), "data")
		if there {
			must(t, os.Mkdir(target, 0o755))
		}
		r, err := interchange.Import([]string{dir}, target+"/", interchange.Options{})
		must(t, err)
		checkHolds(t, target, want)
		if r.To != target {
			t.Errorf("the receipt says %s", r.To)
		}
	}
	data, _ := imported(t, dir, interchange.Options{})
	_, err := interchange.Export(data+"/", filepath.Join(t.TempDir(), "kafka"), interchange.Options{Method: interchange.Move})
	must(t, err)
	checkGone(t, data)
}

func TestTargetAndSourceMustLieApart(t *testing.T) {
	kafka, _ := golden(t)
	data, _ := imported(t, kafka, interchange.Options{})
	must(t, os.Symlink(kafka, filepath.Join(filepath.Dir(data), "link")))
	importOf := func(target string) error {
		_, err := interchange.Import([]string{kafka}, target, interchange.Options{})
		return err
	}
	exportOf := func(target string) error {
		_, err := interchange.Export(data, target, interchange.Options{Method: interchange.Move})
		return err
	}
	for _, c := range []struct {
		name string
		of   func(target string) error
		to   string
	}{
		{"import into its source", importOf, filepath.Join(kafka, "moldau")},
		{"import into a partition", importOf, filepath.Join(kafka, "plain-0", "moldau")},
		{"import into its source, by a link", importOf, filepath.Join(filepath.Dir(data), "link", "moldau")},
		{"import over its source", importOf, kafka},
		{"import around its source", importOf, filepath.Dir(kafka)},
		{"export into its source", exportOf, filepath.Join(data, "kafka")},
		{"export into its logs", exportOf, filepath.Join(data, "logs", "kafka")},
		{"export around its source", exportOf, filepath.Dir(data)},
		{"export to where the source goes", exportOf, data + ".exported"},
		{"export below where the source goes", exportOf, filepath.Join(data+".exported", "kafka")},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := fingerprint(t, filepath.Dir(kafka))
			maps.Copy(before, fingerprint(t, filepath.Dir(data)))
			if err := c.of(c.to); !errors.Is(err, interchange.ErrTarget) {
				t.Errorf("%v, want %v", err, interchange.ErrTarget)
			}
			after := fingerprint(t, filepath.Dir(kafka))
			maps.Copy(after, fingerprint(t, filepath.Dir(data)))
			if !maps.Equal(after, before) {
				t.Error("something has changed")
			}
		})
	}
	must(t, os.Mkdir(data+".exported", 0o755))
	if err := exportOf(filepath.Join(t.TempDir(), "kafka")); !errors.Is(err, interchange.ErrTarget) {
		t.Errorf("a move whose new name is taken: %v", err)
	}
}
