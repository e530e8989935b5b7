package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/magiconair/properties"
)

// propertiesBytesMax is more than any file of properties has: Apache Kafka's own
// example has 6 KiB.
const propertiesBytesMax = 1 << 20

// property is one of a file.
type property struct {
	name, value string
	line        int
}

// readProperties reads a file in Java's format. Unlike Java it refuses a name
// that stands there twice: the second is an oversight, or the first is.
func readProperties(path string) ([]property, error) {
	text, err := readBounded(path, propertiesBytesMax)
	if err != nil {
		return nil, &usageError{err}
	}
	var all []property
	lineOf := map[string]int{}
	for _, l := range logicalLines(text) {
		p, err := l.parse()
		if err == nil && lineOf[p.name] > 0 {
			err = fmt.Errorf("%.100s is given before, in line %d", p.name, lineOf[p.name])
		}
		if err != nil {
			return nil, usageErrorf("%s:%d: %w", path, l.number, err)
		}
		lineOf[p.name] = p.line
		all = append(all, p)
	}
	return all, nil
}

func readBounded(path string, bytesMax int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, bytesMax+1))
	if err == nil && int64(len(text)) > bytesMax {
		err = fmt.Errorf("%s: more than %d bytes are no file of properties", path, bytesMax)
	}
	return text, err
}

// logicalLine is a property as it stands in the file, with its continuations.
type logicalLine struct {
	number int // of its first line, from 1 on
	text   []byte
}

// logicalLines leaves out comments and empty lines. It is done here, and what a
// line means by the library, because that does not tell where a property stood.
func logicalLines(text []byte) []logicalLine {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var all []logicalLine
	continued := false
	for number := 1; len(text) > 0; number++ {
		var line []byte
		line, text = cutLine(text)
		line = bytes.TrimLeft(line, " \t\f")
		if !continued {
			if len(line) == 0 || line[0] == '#' || line[0] == '!' {
				continue
			}
			all = append(all, logicalLine{number: number})
		}
		l := &all[len(all)-1]
		escapes := len(line) - len(bytes.TrimRight(line, `\`))
		if continued = escapes%2 == 1; continued {
			line = line[:len(line)-1]
		}
		l.text = append(l.text, line...)
	}
	return all
}

// cutLine ends a line at \n, \r or \r\n.
func cutLine(text []byte) (line, rest []byte) {
	end := bytes.IndexAny(text, "\r\n")
	if end < 0 {
		return text, nil
	}
	rest = text[end+1:]
	if text[end] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return text[:end], rest
}

func (l logicalLine) parse() (property, error) {
	if bytes.IndexByte(l.text, 0) >= 0 {
		return property{}, errors.New("it holds a NUL byte")
	}
	loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	if !utf8.Valid(l.text) {
		loader.Encoding = properties.ISO_8859_1 // what Java takes it for
	}
	parsed, err := loader.LoadBytes(l.text)
	if err != nil {
		return property{}, errors.New(strings.TrimPrefix(err.Error(), "properties: Line 1: "))
	}
	names := parsed.Keys()
	if len(names) != 1 || names[0] == "" {
		return property{}, fmt.Errorf("%.100q is not name=value", l.text)
	}
	value, _ := parsed.Get(names[0])
	return property{names[0], strings.TrimSpace(value), l.number}, nil
}
