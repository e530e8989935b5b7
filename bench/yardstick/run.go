package yardstick

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"
)

// Run is when, where and how something was measured: the head of a report.
type Run struct {
	At          time.Time         `json:"at"`
	Environment map[string]string `json:"environment"`
	Command     []string          `json:"command"`
}

// NewRun is this process's, as of now. more is what [Environment] does not know.
func NewRun(more map[string]string) Run {
	return Run{At: time.Now().UTC(), Environment: Environment(more), Command: os.Args[1:]}
}

// PrintEnvironment prints where it was, a line each, between empty lines.
func (r *Run) PrintEnvironment(w io.Writer) {
	fmt.Fprintln(w)
	for _, k := range slices.Sorted(maps.Keys(r.Environment)) {
		fmt.Fprintf(w, "%s: %s\n", k, r.Environment[k])
	}
	fmt.Fprintln(w)
}
