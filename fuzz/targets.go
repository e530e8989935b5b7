package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// fuzzTarget is a Fuzz function of the repository.
type fuzzTarget struct {
	name  string
	pkg   string // its folder, below the module's root
	blind bool   // it can be run blindly
}

var (
	fuzzFunction = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)
	blindTarget  = regexp.MustCompile(`target\.New\("(Fuzz\w+)"`)
)

// moduleRoot is the folder of go.mod, at or above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod at or above the working directory")
		}
		dir = parent
	}
	return "", err
}

// findTargets looks through the module's tests. Modules within it are left out.
func findTargets(root string) (all []fuzzTarget, err error) {
	blind := map[string]bool{}
	err = filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			_, err := os.Stat(filepath.Join(file, "go.mod"))
			if file != root && (err == nil || strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(file))
		pkg = filepath.ToSlash(pkg)
		for _, found := range blindTarget.FindAllSubmatch(text, -1) {
			blind[pkg+"."+string(found[1])] = true
		}
		for _, found := range fuzzFunction.FindAllSubmatch(text, -1) {
			all = append(all, fuzzTarget{name: string(found[1]), pkg: pkg})
		}
		return err
	})
	for i := range all {
		all[i].blind = blind[all[i].pkg+"."+all[i].name]
	}
	return all, err
}
