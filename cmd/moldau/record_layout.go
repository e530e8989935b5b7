package main

import "io"

// terminated ends the last line of what it reads, if nobody else did: without,
// the last record of many files would be an unexpected end.
type terminated struct {
	r    io.Reader
	last byte // read; 0 before the first
	over bool
}

func (t *terminated) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if t.over {
		return 0, io.EOF
	}
	n, err := t.r.Read(b)
	if n > 0 {
		t.last = b[n-1]
		if err == io.EOF {
			err = nil // it comes again
		}
		return n, err
	}
	if err != io.EOF {
		return n, err
	}
	t.over = true
	if t.last == 0 || t.last == '\n' {
		return 0, io.EOF
	}
	b[0] = '\n'
	return 1, nil
}

// readsVerb tells whether a layout holds %verb outside of a header's braces,
// where it stands for something else.
func readsVerb(layout string, verb byte) bool {
	for i := 0; i+1 < len(layout); i++ {
		if layout[i] != '%' {
			continue
		}
		i++
		if layout[i] == verb {
			return true
		}
		if layout[i] == 'h' && i+1 < len(layout) && layout[i+1] == '{' {
			i += closingBrace(layout[i+1:])
		}
	}
	return false
}

// closingBrace is the place of the brace that closes the one s begins with.
func closingBrace(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s)
}
