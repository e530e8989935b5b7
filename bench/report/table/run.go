package table

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"moldau/bench/report/figure"
	"moldau/bench/result"
)

// Command is how to do the run again, without where its data and figures went,
// which is of one machine only.
func Command(run *result.Run) string {
	words := []string{"bench/moldau-bench"}
	for i := 0; i < len(run.Command); i++ {
		name, _, joined := strings.Cut(run.Command[i], "=")
		if name == "--out" || name == "--dir" || name == "--moldau" {
			if !joined {
				i++
			}
			continue
		}
		words = append(words, quoted(run.Command[i]))
	}
	return strings.Join(words, " ")
}

// quoted is a word for a shell.
func quoted(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\n'\"\\$&|;<>()*?[]#~`!{}") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Fact is a line of an environment.
type Fact struct{ Name, Value string }

// first are the facts that a reader asks for first; others follow by name.
var first = []string{"commit", "moldau was built of", "cpu", "cores", "memory", "architecture", "governor", "kernel", "disk", "go", "java", "kafka", "client libraries", "broker cores", "client cores", "load at start"}

// Environment is where a run was made, in a fixed order and without a date.
func Environment(run *result.Run) []Fact {
	var facts []Fact
	add := func(name string) {
		value := run.Environment[name]
		if value == "" {
			value = "any"
		}
		facts = append(facts, Fact{name, value})
	}
	for _, name := range first {
		if _, ok := run.Environment[name]; ok {
			add(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(run.Environment)) {
		if !slices.Contains(first, name) {
			add(name)
		}
	}
	return facts
}

// Steal tells what the host took, of the whole run and of the blocks of rows.
func Steal(run *result.Run, rows []*result.Row) string {
	var blocks float64
	for _, r := range rows {
		blocks += r.StealSeconds()
	}
	s := fmt.Sprintf("%s s while blocks ran", figure.Number(blocks))
	if run.Seconds > 0 {
		s += fmt.Sprintf(", %s s in all of the run's %s s", figure.Number(run.StealSeconds), figure.Number(run.Seconds))
	}
	return s
}

// Scenarios are the run's, in their order.
func Scenarios(run *result.Run) []string {
	var names []string
	for _, r := range run.Rows {
		if !slices.Contains(names, r.Scenario) {
			names = append(names, r.Scenario)
		}
	}
	return names
}

// Rows are those of a scenario.
func Rows(run *result.Run, scenario string) []*result.Row {
	var rows []*result.Row
	for _, r := range run.Rows {
		if r.Scenario == scenario {
			rows = append(rows, r)
		}
	}
	return rows
}
