package report

import (
	_ "embed"
	"fmt"
	"html/template"

	"moldau/bench/report/table"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// runPage is a run's part of the page.
type runPage struct {
	At, Command, Steal string
	Facts              []table.Fact
	Scenarios          []scenarioPage
}

type scenarioPage struct {
	Name                 string
	Rows                 []rowPage
	Plots                []template.HTML
	Met, Missed, Unknown int // goals
}

type rowPage struct {
	*table.Table
	File          string
	Bars, Latency template.HTML
}

func (s *scenarioPage) count(t *table.Table) {
	s.Met += t.Count(table.Met)
	s.Missed += t.Count(table.Missed)
	s.Unknown += t.Count(table.Unknown)
}

// Goals is how many were met, in words.
func (s scenarioPage) Goals() string {
	if s.Met+s.Missed+s.Unknown == 0 {
		return "No goals are set for these rows."
	}
	text := fmt.Sprintf("Goals: %d met, %d missed", s.Met, s.Missed)
	if s.Unknown > 0 {
		text += fmt.Sprintf(", %d not measured in this run", s.Unknown)
	}
	return text + "."
}
