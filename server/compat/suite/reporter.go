package suite

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Reporter prints the lines of a suite written in Go.
type Reporter struct {
	// W is the suite's standard output.
	W io.Writer

	passed, failed int
}

// Test reports a test: it passed if err is nil.
func (r *Reporter) Test(name string, err error, took time.Duration) {
	verdict := "passed"
	if err != nil {
		verdict = "failed"
		r.failed++
		// Indented, so that no line of an error is taken for one of the contract's.
		fmt.Fprintf(r.W, "    %s\n", strings.ReplaceAll(strings.TrimRight(err.Error(), "\n"), "\n", "\n    "))
	} else {
		r.passed++
	}
	fmt.Fprintf(r.W, "TEST %s %s\t%.1f s\n", verdict, name, took.Seconds())
}

// End prints the last line and returns the exit code.
func (r *Reporter) End() int {
	fmt.Fprintf(r.W, "SUITE passed %d failed %d pinned 0\n", r.passed, r.failed)
	if r.failed > 0 || r.passed == 0 {
		return 1
	}
	return 0
}
