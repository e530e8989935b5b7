package dumplog

import (
	"path/filepath"
	"slices"
	"strings"
)

// gaps begins the summary of offsets that do not follow one another.
const gaps = "Non-consecutive offsets in "

// judge drops what is no fault and makes the rest readable.
func judge(findings []Finding, pass string, o Options) []Finding {
	var faults []Finding
	for _, f := range findings {
		f.Pass = pass
		lines := strings.Split(f.Text, "\n")
		if strings.HasPrefix(lines[0], gaps) {
			lines = realGaps(lines)
			if len(lines) == 1 || o.Compacted[topicOf(filepath.Dir(f.File))] {
				continue
			}
		}
		f.Text = brief(lines)
		faults = append(faults, f)
	}
	return faults
}

// realGaps drops a slip of 4.3.1: it compares a segment's first offset with
// its own "none yet" of -1, and so complains of every segment that does not
// begin at 0.
func realGaps(lines []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "-1 is followed by ")
	})
}

// brief cuts a scrambled index's thousand details.
func brief(lines []string) string {
	const linesMax = 6
	if len(lines) > linesMax {
		lines = append(lines[:linesMax:linesMax], "...")
	}
	return strings.Join(lines, "\n    ")
}
