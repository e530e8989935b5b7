package logstore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// engineModules are all that a program takes in with the engine.
var engineModules = []string{
	"github.com/edsrzf/mmap-go",
	"github.com/google/btree",
	"github.com/klauspost/compress",
	"github.com/pierrec/lz4/v4",
	"golang.org/x/sys",
}

// testModules are those of the engine's tests: go mod tidy wants their checksums,
// nothing of them is built.
var testModules = []string{"go.uber.org/goleak", "pgregory.net/rapid"}

// goIn runs the go command in a module beside this one, with nothing but what the
// tests of this one have put into the module cache.
func goIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off", "GOWORK=off")
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// Whoever embeds the engine takes its dependencies, none of the broker's.
func TestEmbedderTakesTheEngineOnly(t *testing.T) {
	dir := filepath.Join("testdata", "embedder")
	built := strings.Fields(goIn(t, dir, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "."))
	slices.Sort(built)
	want := slices.Concat([]string{"embedder"}, engineModules, []string{"moldau"})
	slices.Sort(want)
	if built = slices.Compact(built); !slices.Equal(built, want) {
		t.Errorf("built of %v, want %v", built, want)
	}
	packages := goIn(t, dir, "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	for _, broker := range []string{"moldau/server", "moldau/cmd"} {
		if strings.Contains(packages, broker) {
			t.Errorf("the engine needs %s", broker)
		}
	}
	sums, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	must(t, err)
	allowed := slices.Concat(engineModules, testModules)
	for line := range strings.Lines(string(sums)) {
		if module, _, _ := strings.Cut(line, " "); !slices.Contains(allowed, module) {
			t.Errorf("go.sum has %s", module)
		}
	}
}

// It builds, runs, and finds again what it wrote.
func TestEmbedderRuns(t *testing.T) {
	program := filepath.Join(t.TempDir(), "embedder.exe")
	goIn(t, filepath.Join("testdata", "embedder"), "build", "-o", program, ".")
	data := filepath.Join(t.TempDir(), "data")
	run := func(values ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), program, append([]string{data}, values...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if got := run("a", "b"); got != "0 a\n1 b\n" {
		t.Fatalf("wrote %q", got)
	}
	if got := run("c"); got != "0 a\n1 b\n2 c\n" {
		t.Fatalf("wrote %q", got)
	}
}
