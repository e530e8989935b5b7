package markdown

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"moldau/bench/report/table"
	"moldau/bench/result"
)

// Errors of [Regenerate], which then changes nothing.
var (
	ErrMarkers = errors.New("markers do not match")
	ErrNoPart  = errors.New("no part for a scenario")
	ErrPartial = errors.New("the run is not whole")
)

var marker = regexp.MustCompile(`(?m)^<!-- (begin|end) ([a-z0-9-]+) -->\n`)

// part is where a scenario's text lies in a file.
type part struct {
	scenario   string
	begin, end int
}

// Regenerate returns the file with the parts of all scenarios of the runs written
// anew, and their names. Runs may have different rows of one scenario; of a row that
// several have, the last one's counts. A part "overview" has a line for each of the
// file's others.
func Regenerate(file []byte, runs ...*result.Run) ([]byte, []string, error) {
	parts, err := find(file)
	if err != nil {
		return nil, nil, err
	}
	having := map[string][]*result.Run{} // by scenario
	for _, run := range runs {
		for _, scenario := range table.Scenarios(run) {
			if !slices.ContainsFunc(parts, func(p part) bool { return p.scenario == scenario }) {
				return nil, nil, fmt.Errorf("%w %q: add the lines <!-- begin %[2]s --> and <!-- end %[2]s -->", ErrNoPart, scenario)
			}
			having[scenario] = append(having[scenario], run)
		}
	}
	text := map[string][]byte{}
	for scenario, runs := range having {
		if text[scenario], err = Part(scenario, runs...); err != nil {
			return nil, nil, err
		}
	}
	var out bytes.Buffer
	var written []string
	at := 0
	for _, p := range parts {
		if t, ok := text[p.scenario]; ok {
			out.Write(file[at:p.begin])
			out.Write(t)
			at = p.end
			written = append(written, p.scenario)
		}
	}
	out.Write(file[at:])
	whole, err := withOverview(out.Bytes())
	return whole, written, err
}

// find tells where the parts are: each begins once, ends once, and holds no other.
func find(file []byte) ([]part, error) {
	var parts []part
	open := ""
	for _, m := range marker.FindAllSubmatchIndex(file, -1) {
		word, name := string(file[m[2]:m[3]]), string(file[m[4]:m[5]])
		switch {
		case word == "begin" && open == "" && !slices.ContainsFunc(parts, func(p part) bool { return p.scenario == name }):
			parts = append(parts, part{scenario: name, begin: m[1]})
			open = name
		case word == "end" && open == name:
			parts[len(parts)-1].end = m[0]
			open = ""
		default:
			return nil, fmt.Errorf("%w: %s %s", ErrMarkers, word, name)
		}
	}
	if open != "" {
		return nil, fmt.Errorf("%w: %s does not end", ErrMarkers, open)
	}
	return parts, nil
}
