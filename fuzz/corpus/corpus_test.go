package corpus_test

import (
	"os"
	"path/filepath"
	"testing"

	"moldau/fuzz/corpus"
)

func TestFiles(t *testing.T) {
	shipped, err := corpus.Files(".log")
	if err != nil || len(shipped) < 10 {
		t.Fatalf("%d files, %v", len(shipped), err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "t-0"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"t-0/0.log": make([]byte, 1<<20), "t-0/0.index": {1}} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(corpus.Directory, dir)
	all, err := corpus.Files(".log")
	if err != nil || len(all) != len(shipped)+1 {
		t.Fatalf("%d files and %d shipped, %v", len(all), len(shipped), err)
	}
	if own := all[len(all)-1]; own.Name != "t-0/0.log" || len(own.Content) != 8<<10 {
		t.Errorf("%s of %d bytes", own.Name, len(own.Content))
	}
	t.Setenv(corpus.Directory, filepath.Join(dir, "nothing"))
	if _, err := corpus.Files(".log"); err == nil {
		t.Error("a directory that is not there is no error")
	}
}
