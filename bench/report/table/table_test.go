package table_test

import (
	"testing"

	"moldau/bench/report/table"
	"moldau/bench/result"
)

// A goal is open where blocks lie on both sides of its bound; one at the bound is on
// the side that meets it.
func TestOpenGoals(t *testing.T) {
	const m = result.JournalCuts
	for _, c := range []struct {
		goal    result.Goal
		read    []float64
		verdict string
	}{
		{result.Goal{AtLeast: 4}, []float64{4, 4, 6}, "met"},
		{result.Goal{AtLeast: 4}, []float64{3, 4, 6}, "met, not surely"},
		{result.Goal{AtLeast: 4}, []float64{3, 3, 4}, "missed, not surely"},
		{result.Goal{AtLeast: 4}, []float64{1, 2, 3}, "missed"},
		{result.Goal{AtMost: 2}, []float64{1, 2, 2}, "met"},
		{result.Goal{AtMost: 2}, []float64{1, 2, 3}, "met, not surely"},
		{result.Goal{AtMost: 2}, []float64{2, 3, 3}, "missed, not surely"},
	} {
		c.goal.System, c.goal.Metric = table.Subject, m
		row := &result.Row{Headline: m, Goals: []result.Goal{c.goal}}
		for turn, x := range c.read {
			row.Add(table.Subject, false, result.Block{Turn: turn, Metrics: map[result.Metric]float64{m: x}})
		}
		if got := table.Of(row).Goals[0].Verdict(); got != c.verdict {
			t.Errorf("%s, read %v: %s, must be %s", c.goal, c.read, got, c.verdict)
		}
	}
}
