package dumplog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// harmless begins lines of the JVM and its logging that say nothing of a file.
var harmless = []string{"SLF4J", "OpenJDK ", "Picked up ", "WARNING: "}

// normal begins lines that the tool prints of sound files and that need no look.
var normal = []string{"Log starting offset: ", "Snapshot end offset: ", "KRaft bootstrap snapshot", "producerId: "}

// named begins the summaries that the tool ends with; the file follows.
var named = []string{
	"Mismatches in :", gaps, "Found timestamp mismatch in :", "Found out of order timestamp in :",
	"The following indexed offsets are not found in :", "Ignoring unknown file ",
}

// line looks at one line. What is not known to be sound is a finding: a list of
// known faults alone would miss every fault that nobody listed.
func (p *parser) line(line string) {
	switch {
	case line == "", hasAnyPrefix(line, harmless), hasAnyPrefix(line, normal),
		strings.HasSuffix(line, " is empty."), strings.HasSuffix(line, " passed sanity check."):
	case strings.HasPrefix(line, "Dumping "):
		p.dumped++
		p.file, p.open, p.entry = strings.TrimPrefix(line, "Dumping "), nil, [2]int64{-1, -1}
	case strings.HasPrefix(line, "| "):
		p.record(line)
	case strings.HasPrefix(line, "baseOffset: "):
		p.batch(line)
	case strings.HasPrefix(line, "offset: "), strings.HasPrefix(line, "timestamp: "):
		p.indexEntry(line)
	case strings.HasPrefix(line, "version: "):
		p.Entries++
	case continues(line) && p.open != nil:
		p.open.Text += "\n" + strings.TrimSpace(line)
	default:
		p.complain(line)
		for _, prefix := range named {
			if file, ok := strings.CutPrefix(line, prefix); ok {
				p.open.File = file
			}
		}
	}
}

// continues tells a summary's details and a trace's frames from a beginning.
func continues(line string) bool {
	return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") ||
		strings.HasPrefix(line, "Caused by:") || strings.HasPrefix(line, "Indexed offset: ")
}

// record judges a record's line. Where the tool cannot decode a record it says so
// in the place of the key, and goes on.
func (p *parser) record(line string) {
	if !p.decodes {
		p.Records++
		return
	}
	_, key, _ := strings.Cut(line, " key: ")
	_, payload, _ := strings.Cut(line, " payload: ")
	switch {
	case strings.Contains(line, " endTxnMarker: "): // of offsets committed in a transaction
		p.Decoded.Others++
	case !strings.HasPrefix(payload, "{") && payload != "<DELETE>", !strings.HasPrefix(key, `{"type":"`):
		p.complain(line)
	case strings.HasPrefix(key, `{"type":"0"`), strings.HasPrefix(key, `{"type":"1"`):
		p.Decoded.Commits++
	case strings.HasPrefix(key, `{"type":"2"`):
		p.Decoded.Groups++
	default:
		p.Decoded.Others++
	}
}

// batch judges a batch's line. The tool reads any magic above 1 as 2 and calls
// it valid, because the CRC does not cover it.
func (p *parser) batch(line string) {
	if !p.decodes {
		p.Batches++ // else they are counted already
	}
	if !strings.HasSuffix(line, " isvalid: true") || !strings.Contains(line, " magic: 2 ") {
		p.complain(line)
	}
}

// indexEntry judges an entry's order, which the tool leaves to the reader
// although a search in an index that does not rise misses what is there.
func (p *parser) indexEntry(line string) {
	p.Entries++
	fields := strings.Fields(line)
	if len(fields) != 4 {
		p.complain(line)
		return
	}
	first, err1 := strconv.ParseInt(fields[1], 10, 64)
	second, err2 := strconv.ParseInt(fields[3], 10, 64)
	if err1 != nil || err2 != nil || first <= p.entry[0] || second <= p.entry[1] {
		p.complain(fmt.Sprintf("entry does not rise above (%d, %d): %s", p.entry[0], p.entry[1], line))
	}
	p.entry = [2]int64{first, second}
}

func hasAnyPrefix(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
