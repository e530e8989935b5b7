package logstore_test

import (
	"os"
	"strings"
	"testing"
)

// What the README shows an embedder is the package's example, to the letter.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	must(t, err)
	_, section, _ := strings.Cut(string(readme), "\n## Embed it\n")
	_, block, _ := strings.Cut(section, "```go\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("the README shows no Go to embedders")
	}
	example, err := os.ReadFile("example_test.go")
	must(t, err)
	_, function, _ := strings.Cut(string(example), "\nfunc embed(")
	function, _, _ = strings.Cut(function, "\n}\n")
	if function = "func embed(" + function + "\n}\n"; block != function {
		t.Fatalf("the README shows\n%s\nthe example is\n%s", block, function)
	}
}
