package markdown

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
)

// overview is the part that tells what the others say.
const overview = "overview"

var (
	commit = regexp.MustCompile(`<details><summary>commit (\S+);`)
	goals  = regexp.MustCompile(`(?m)^Goals: (.*)\.$`)
)

// withOverview fills the part, if there is one, from the file's own text: so it says
// of parts that were not written anew what they say.
func withOverview(file []byte) ([]byte, error) {
	parts, err := find(file)
	if err != nil {
		return nil, err
	}
	var at *part
	var table bytes.Buffer
	table.WriteString("| scenario | commit | goals |\n|---|---|---|\n")
	for i, p := range parts {
		text := file[p.begin:p.end]
		switch {
		case p.scenario == overview:
			at = &parts[i]
		case len(text) == 0:
			fmt.Fprintf(&table, "| %s | - | no run is kept |\n", p.scenario)
		default:
			fmt.Fprintf(&table, "| %s | %s | %s |\n", p.scenario, all(commit, text), all(goals, text))
		}
	}
	if at == nil {
		return file, nil
	}
	return bytes.Join([][]byte{file[:at.begin], table.Bytes(), file[at.end:]}, nil), nil
}

// all is what the expression finds of a text, each once.
func all(e *regexp.Regexp, text []byte) string {
	var found [][]byte
	for _, m := range e.FindAllSubmatch(text, -1) {
		if !slices.ContainsFunc(found, func(f []byte) bool { return bytes.Equal(f, m[1]) }) {
			found = append(found, m[1])
		}
	}
	if found == nil {
		return "-"
	}
	return string(bytes.Join(found, []byte(", ")))
}
