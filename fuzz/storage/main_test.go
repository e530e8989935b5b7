package storage_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"testing"

	"moldau/fuzz/corpus"
	"moldau/fuzz/target"
)

func TestMain(m *testing.M) {
	// Every execution makes and drops a small file system: collect less often.
	debug.SetGCPercent(800)
	code := m.Run()
	target.Flush()
	os.Exit(code)
}

// targets are those of this package, for a soak.
var targets = []*target.Target{batches, codecs, segments, operations, producers, epochs, compactions, indexes, besides, journals, repairs}

func TestSoak(t *testing.T) { target.Soak(t, targets) }

// fromFiles is a target's seeds: what each makes of the corpus's files of some
// suffixes.
func fromFiles(each func(corpus.File) []target.Seed, suffixes ...string) func() ([]target.Seed, error) {
	return func() (seeds []target.Seed, err error) {
		files, err := corpus.Files(suffixes...)
		for _, f := range files {
			seeds = append(seeds, each(f)...)
		}
		return seeds, err
	}
}

func must(t testing.TB, err error) {
	if err != nil {
		t.Helper() // here, for it costs more than all else
		t.Fatal(err)
	}
}

// A target that is not in the list would have no blind runs, and nobody would notice.
func TestEveryTargetIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, x := range targets {
		listed[x.Name] = true
	}
	files, err := filepath.Glob("*_test.go")
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, found := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`).FindAllSubmatch(text, -1) {
			if !listed[string(found[1])] {
				t.Errorf("%s is not in targets", found[1])
			}
			delete(listed, string(found[1]))
		}
	}
	if len(listed) > 0 {
		t.Errorf("no functions for %v", listed)
	}
}
