package suite

import (
	"bytes"
	"fmt"
	"strings"
)

// Counts are the numbers of a SUITE line.
type Counts struct{ Passed, Failed, Pinned int }

// Result is a TEST line.
type Result struct {
	Name   string
	Passed bool
}

// Output reads a suite's standard output as it comes; use it as a writer.
type Output struct {
	Results []Result
	Faults  []string // lines that break the contract

	last    string // the last whole line
	partial []byte // Invariant: holds no newline
}

// lineBytesMax is where a line is cut: what a suite prints freely, such as a
// dump of records, is not worth memory.
const lineBytesMax = 64 << 10

// Write takes the next bytes; it never fails.
func (o *Output) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, whole := bytes.Cut(p, []byte{'\n'})
		if room := lineBytesMax - len(o.partial); len(line) > room {
			line = line[:room]
		}
		o.partial = append(o.partial, line...)
		if !whole {
			return n, nil
		}
		o.line(strings.TrimRight(string(o.partial), "\r"))
		o.partial, p = o.partial[:0], rest
	}
}

func (o *Output) line(s string) {
	o.last = s
	rest, ok := strings.CutPrefix(s, "TEST ")
	if !ok {
		return
	}
	rest, _, _ = strings.Cut(rest, "\t")
	verdict, name, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if name == "" || verdict != "passed" && verdict != "failed" {
		o.Faults = append(o.Faults, fmt.Sprintf("%.200q is no TEST line", s))
		return
	}
	o.Results = append(o.Results, Result{Name: name, Passed: verdict == "passed"})
}

// Counts are those of the last line, if it is a SUITE line.
func (o *Output) Counts() (c Counts, ok bool) {
	last := o.last
	if len(o.partial) > 0 {
		last = string(o.partial)
	}
	_, err := fmt.Sscanf(last, "SUITE passed %d failed %d pinned %d", &c.Passed, &c.Failed, &c.Pinned)
	ok = err == nil && last == fmt.Sprintf("SUITE passed %d failed %d pinned %d", c.Passed, c.Failed, c.Pinned)
	if !ok {
		return Counts{}, false
	}
	return c, true
}
