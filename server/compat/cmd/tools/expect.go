package main

import (
	"fmt"
	"slices"
	"strings"
)

// wants reports which of the texts a tool's output lacks.
func wants(out string, texts ...string) error {
	for _, t := range texts {
		if !strings.Contains(out, t) {
			return fmt.Errorf("output lacks %q:\n%s", t, out)
		}
	}
	return nil
}

// equal compares results.
func equal[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, must be %v", what, got, want)
	}
	return nil
}

// sameLines compares lists and shows the first difference, not both lists.
func sameLines(what string, got, want []string) error {
	if slices.Equal(got, want) {
		return nil
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Errorf("%s: %d of %d, first difference at %d: %.80q, must be %.80q", what, len(got), len(want), i, got[i], want[i])
		}
	}
	return fmt.Errorf("%s: %d, must be %d", what, len(got), len(want))
}

// lines splits output into its lines.
func lines(out string) []string {
	out = strings.TrimRight(out, "\n")
	if out == "" {
		return nil
	}
	return strings.Split(out, "\n")
}

// numbered are values that differ in content and length.
func numbered(prefix string, n int) []string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("%s-%d-%s", prefix, i, strings.Repeat("x", i*7%211))
	}
	return values
}
