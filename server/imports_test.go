package server_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers are the architecture: a package may import what stands in a later
// layer, near or far, and nothing else of ours. What is not named here has no
// place yet: a new package must be given one.
var layers = [][]string{
	{"bench", "fuzz", "server/servertest"}, // may import all, and are imported by tests only
	{"cmd"},
	{"server"},
	{"server/rest", "server/schema", "server/admin", "server/api", "server/interchange"},
	{"server/group", "server/txn", "server/controller", "server/replica", "server/security", "server/quota"},
	{"server/coordinator", "server/kraft", "server/metadata", "server/wire"},
	{"logstore"},
	{"logstore/journal", "logstore/manifest"},
	{"index", "zerocopy", "logstore/record", "logstore/latency", "logstore/vfs"},
	{"zerocopy/nowait"},
}

// engine packages report to their caller by errors and events.
var engine = []string{"logstore", "index", "zerocopy"}

const module = "moldau"

// place finds the layer and the noun that a package belongs to, by the longest
// name: server/metadata/configs is part of server/metadata, not of server.
func place(pkg string) (layer int, noun string, ok bool) {
	for i, names := range layers {
		for _, name := range names {
			if (pkg == name || strings.HasPrefix(pkg, name+"/")) && len(name) > len(noun) {
				layer, noun, ok = i, name, true
			}
		}
	}
	// Below server every noun is named: an unknown one is not part of server.
	if noun == "server" && pkg != noun {
		return 0, "", false
	}
	return layer, noun, ok
}

// judge tells why a package must not import a path, or nothing.
func judge(pkg, imported string) string {
	from, noun, ok := place(pkg)
	if !ok {
		return "it has no place in the architecture"
	}
	top, _, _ := strings.Cut(noun, "/")
	if slices.Contains(engine, top) && (imported == "log" || imported == "log/slog") {
		return "the engine does not log"
	}
	imported, ours := strings.CutPrefix(imported, module+"/")
	if !ours {
		return ""
	}
	to, toNoun, ok := place(imported)
	switch {
	case !ok:
		return imported + " has no place in the architecture"
	case noun == toNoun && !strings.HasPrefix(imported, pkg+"/"):
		return "a part does not import the whole, nor another part"
	case noun != toNoun && to == from:
		return "siblings do not import one another"
	case to < from:
		return "imports run one way"
	}
	return ""
}

// importsOf reads the imports of every package of the main module, tests apart:
// they may stand to the left of what they test.
func importsOf(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipDir(root, file, entry.Name())
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		pkg := path.Clean(filepath.ToSlash(relative))
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[pkg] = append(found[pkg], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// skipDir leaves out what the go command leaves out: nested modules among it.
func skipDir(root, dir, name string) error {
	if dir == root {
		return nil
	}
	if name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

// violations are all wrong arrows, in order.
func violations(imports map[string][]string) []string {
	var found []string
	for pkg, all := range imports {
		for _, imported := range all {
			if why := judge(pkg, imported); why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", pkg, imported, why))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestImportsRunOneWay(t *testing.T) {
	imports := importsOf(t, "..")
	for _, pkg := range []string{"cmd/moldau", "server", "server/api", "server/wire", "logstore", "index", "zerocopy"} {
		if len(imports[pkg]) == 0 {
			t.Errorf("the walk did not find %s", pkg)
		}
	}
	for _, v := range violations(imports) {
		t.Error(v)
	}
}

func TestWrongImportsAreFound(t *testing.T) {
	for _, arrow := range []struct {
		from, to string
		wrong    bool
	}{
		{"cmd/moldau", "moldau/server", false},
		{"cmd/moldau", "moldau/logstore/record", false},
		{"server", "moldau/server/metadata/configs", false},
		{"server/api", "moldau/logstore", false},
		{"server/metadata/configs", "moldau/logstore", false},
		{"logstore", "moldau/logstore/vfs", false},
		{"logstore", "moldau/logstore/manifest", false},
		{"logstore/manifest", "moldau/logstore/vfs", false},
		{"logstore/journal", "moldau/logstore/vfs", false},
		{"server/servertest", "moldau/server", false},
		{"logstore", "github.com/klauspost/compress/zstd", false},
		{"server/api", "log/slog", false},

		{"index", "moldau/logstore/vfs", true},
		{"zerocopy", "moldau/index", true},
		{"logstore", "moldau/server/metadata", true},
		{"logstore/record", "moldau/logstore", true},
		{"logstore/record", "moldau/logstore/vfs", true},
		{"logstore/vfs", "moldau/logstore/manifest", true},
		{"logstore/manifest", "moldau/logstore", true},
		{"logstore/manifest", "log/slog", true},
		{"logstore/journal", "moldau/logstore/manifest", true},
		{"logstore", "log/slog", true},
		{"index", "log", true},
		{"server/wire", "moldau/server/api", true},
		{"server/wire", "moldau/server/metadata", true},
		{"server/controller", "moldau/server/replica", true},
		{"server/metadata/configs", "moldau/server/metadata", true},
		{"server/api", "moldau/server", true},
		{"server", "moldau/cmd/moldau", true},
		{"server", "moldau/server/servertest", true},
		{"server/gossip", "moldau/logstore", true},
		{"server", "moldau/server/gossip", true},
		{"toolbox", "fmt", true},
	} {
		found := violations(map[string][]string{arrow.from: {"fmt", arrow.to}})
		if got := len(found) > 0; got != arrow.wrong {
			t.Errorf("%s -> %s: wrong is %v, must be %v", arrow.from, arrow.to, got, arrow.wrong)
		}
	}
}

func TestWrongImportInAFileIsFound(t *testing.T) {
	root := t.TempDir()
	for file, source := range map[string]string{
		"index/offset.go":          "package index\nimport _ \"moldau/logstore\"\n",
		"index/offset_test.go":     "package index_test\nimport _ \"moldau/server/servertest\"\n",
		"server/compat/go.mod":     "module moldau/server/compat\n",
		"server/compat/any/any.go": "package any\nimport _ \"moldau/cmd/moldau\"\n",
	} {
		file = filepath.Join(root, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"index imports moldau/logstore: imports run one way"}
	if got := violations(importsOf(t, root)); !slices.Equal(got, want) {
		t.Errorf("found %q, must be %q", got, want)
	}
}
