package interchange_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moldau/server/interchange"
)

// named tells what of the source the receipt says was not taken.
func named(r *interchange.Receipt, file string) bool {
	return slices.ContainsFunc(r.NotTaken, func(n interchange.NotTaken) bool { return strings.HasSuffix(n.What, file) })
}

// What recovery put aside may be acknowledged records. It is named, and a move
// leaves it where it is.
func TestExportKeepsWhatWasPutAside(t *testing.T) {
	for _, method := range []interchange.Method{interchange.Copy, interchange.Move} {
		t.Run(method.String(), func(t *testing.T) {
			dir, _ := golden(t)
			data, _ := imported(t, dir, interchange.Options{})
			aside := filepath.Join("logs", "plain-1", "00000000000000000000.cut")
			must(t, os.WriteFile(filepath.Join(data, aside), []byte("acknowledged"), 0o600))
			_, r := exported(t, data, interchange.Options{Method: method})
			if !named(r, aside) {
				t.Errorf("%s is not named in %v", aside, r.NotTaken)
			}
			if method == interchange.Move {
				data += ".exported"
			}
			if b, err := os.ReadFile(filepath.Join(data, aside)); err != nil || string(b) != "acknowledged" {
				t.Errorf("%s holds %q, %v", aside, b, err)
			}
			if method == interchange.Move {
				onlyLeft(t, filepath.Join(data, "logs"), "plain-1")
				onlyLeft(t, filepath.Join(data, "logs", "plain-1"), filepath.Base(aside))
			}
		})
	}
}

// onlyLeft wants a directory to hold that one name, but for files of its own.
func onlyLeft(t *testing.T, dir, want string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var left []string
	for _, e := range entries {
		if _, _, partition := strings.Cut(e.Name(), "-"); partition && e.IsDir() || e.Name() == want || strings.HasPrefix(e.Name(), "0") {
			left = append(left, e.Name())
		}
	}
	if !slices.Equal(left, []string{want}) {
		t.Errorf("%s has %v, want only %s", dir, left, want)
	}
}

// An import that moves removes what the target has, and not what else is there.
func TestMoveRemovesOnlyWhatItBrought(t *testing.T) {
	dir, want := golden(t)
	kill(t, dir) // indexes above the recovery point do not come along, and go
	must(t, os.Mkdir(filepath.Join(dir, "plain-1", "notes"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "plain-1", "notes", "mine"), nil, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "plain-0", "00000000000000000000.log.deleted"), []byte("x"), 0o644))
	must(t, os.Symlink(t.TempDir(), filepath.Join(dir, "plain-0", "link")))
	data, r := imported(t, dir, interchange.Options{Method: interchange.Move})
	checkHolds(t, data, want)
	for _, name := range []string{"plain-1/notes", "plain-0/00000000000000000000.log.deleted", "plain-0/link"} {
		if !named(r, filepath.FromSlash(name)) {
			t.Errorf("%s is not named in %v", name, r.NotTaken)
		}
		_, err := os.Lstat(filepath.Join(dir, name))
		must(t, err)
	}
	for part, n := range map[string]int{"plain-0": 2, "plain-1": 1} {
		if left, err := os.ReadDir(filepath.Join(dir, part)); err != nil || len(left) != n {
			t.Errorf("%s has %v still, %v", part, left, err)
		}
	}
	if logs, err := filepath.Glob(filepath.Join(dir, "transactions-*")); err != nil || len(logs) > 0 {
		t.Errorf("%v are there still, %v", logs, err)
	}
}

// A store knows which segments it has: one that is gone is not exported in silence.
func TestExportRefusesALogThatLacksSegments(t *testing.T) {
	dir, _ := golden(t)
	data, _ := imported(t, dir, interchange.Options{})
	must(t, os.Remove(filepath.Join(data, "logs", "transactions-0", "00000000000000000099.log")))
	target := filepath.Join(t.TempDir(), "kafka")
	if _, err := interchange.Export(data, target, interchange.Options{Method: interchange.Move}); err == nil {
		t.Error("exported without a segment")
	}
	nothingAt(t, target)
}
