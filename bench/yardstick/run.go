package yardstick

import (
	"os"
	"time"
)

// Run is when, where and how something was measured.
type Run struct {
	At          time.Time
	Environment map[string]string
	Command     []string
}

// NewRun is this process's, as of now. tree is a directory of the work tree that it is
// of, more is what [Environment] does not know.
func NewRun(tree string, more map[string]string) Run {
	return Run{At: time.Now().UTC(), Environment: Environment(tree, more), Command: os.Args[1:]}
}
