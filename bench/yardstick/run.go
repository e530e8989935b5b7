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

// NewRun is this process's, as of now. more is what [Environment] does not know.
func NewRun(more map[string]string) Run {
	return Run{At: time.Now().UTC(), Environment: Environment(more), Command: os.Args[1:]}
}
