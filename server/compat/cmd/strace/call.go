package main

import (
	"bufio"
	"io"
	"regexp"
	"strings"
)

// call is one system call. Begin and End are its places in the trace: a call
// that blocked ends where strace says that it was resumed.
type call struct {
	Name       string
	Text       string // arguments, and the result
	Begin, End int
}

var (
	startLine  = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	resumeLine = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)$`)
)

const unfinished = " <unfinished ...>"

// parse reads strace -f's output. Calls that never ended are left out.
func parse(r io.Reader) ([]call, error) {
	var calls []call
	open := map[string]*call{} // by thread
	lines := bufio.NewReaderSize(r, 1<<20)
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		line = strings.TrimRight(line, "\n")
		if m := startLine.FindStringSubmatch(line); m != nil {
			c := call{Name: m[2], Text: m[3], Begin: n, End: n}
			if text, blocked := strings.CutSuffix(m[3], unfinished); blocked {
				c.Text = text
				open[m[1]] = &c
			} else {
				calls = append(calls, c)
			}
		} else if m := resumeLine.FindStringSubmatch(line); m != nil && open[m[1]] != nil {
			c := open[m[1]]
			delete(open, m[1])
			c.Text += m[3]
			c.End = n
			calls = append(calls, *c)
		}
		if err == io.EOF {
			return calls, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// descriptor is what a call's first argument stands for: a path, or a socket's
// two ends.
func (c *call) descriptor() string {
	_, rest, found := strings.Cut(c.Text, "<")
	if !found {
		return ""
	}
	// A socket's name holds "->" and brackets, and ends at ">," or ">)".
	for _, end := range []string{">,", ">)"} {
		if i := strings.Index(rest, end); i >= 0 {
			if name := rest[:i]; !strings.Contains(name, ", ") {
				return name
			}
		}
	}
	return ""
}

// succeeded tells whether the call returned no error.
func (c *call) succeeded() bool {
	i := strings.LastIndex(c.Text, " = ")
	return i >= 0 && !strings.HasPrefix(c.Text[i+3:], "-1")
}

// short is the call for people.
func (c *call) short() string {
	text := c.Text
	if len(text) > 150 {
		text = text[:100] + " ... " + text[len(text)-40:]
	}
	return c.Name + "(" + text
}
