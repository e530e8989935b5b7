package corpus

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Directory is the environment variable that names a directory of more files.
const Directory = "MOLDAU_FUZZ_CORPUS"

// bytesMax is how much of a file is handed out: targets take no more.
const bytesMax = 8 << 10

//go:embed files
var files embed.FS

// File is a file that a target may start from.
type File struct {
	Name    string // below the directory that it was found in
	Content []byte // its beginning
}

// Files are those whose names end in one of the suffixes, in the order of their
// names; those of the environment's directory come last.
func Files(suffixes ...string) ([]File, error) {
	all, err := find(files, suffixes)
	if own := os.Getenv(Directory); err == nil && own != "" {
		var more []File
		if more, err = find(os.DirFS(own), suffixes); err != nil {
			err = fmt.Errorf("corpus: %s: %w", own, err)
		}
		all = append(all, more...)
	}
	return all, err
}

func find(tree fs.FS, suffixes []string) (all []File, err error) {
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !named(path.Base(name), suffixes) {
			return err
		}
		f, err := tree.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, bytesMax))
		all = append(all, File{name, b})
		return err
	})
	return all, err
}

func named(base string, suffixes []string) bool {
	for _, s := range suffixes {
		if strings.HasSuffix(base, s) {
			return true
		}
	}
	return false
}
