package suite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Pin is a test that cannot pass yet, and which API is missing for it.
type Pin struct{ Name, Reason string }

// pinLine is "NAME<tab or two spaces>API: reason". Names may hold single spaces.
var pinLine = regexp.MustCompile(`^(\S+(?: \S+)*)(?:\t| {2,})\s*(\S[^:]*: .*\S)$`)

// ReadPins reads a pinned file; a file that is not there pins nothing. Empty
// lines and lines that begin with "#" are for readers.
func ReadPins(file string) ([]Pin, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pins []Pin
	seen := map[string]bool{}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimRight(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		m := pinLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s:%d: want a test's name, two spaces, and \"API: reason\"", file, i+1)
		}
		if seen[m[1]] {
			return nil, fmt.Errorf("%s:%d: %s is pinned twice", file, i+1, m[1])
		}
		seen[m[1]] = true
		pins = append(pins, Pin{Name: m[1], Reason: m[2]})
	}
	return pins, nil
}

// Failing are the pins whose test was run and failed. They are the pins for a
// broker that they were not made for: it may well pass the others.
func Failing(pins []Pin, o *Output) []Pin {
	return slices.DeleteFunc(slices.Clone(pins), func(p Pin) bool {
		return !slices.Contains(o.Results, Result{Name: p.Name, Passed: false})
	})
}
