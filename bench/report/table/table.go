package table

import (
	"cmp"
	"fmt"
	"slices"

	"moldau/bench/report/figure"
	"moldau/bench/result"
)

// Subject is the system that everything is compared with.
const Subject = "moldau"

// Table is a row of a run.
type Table struct {
	*result.Row
	Metrics []result.Metric // that some system has, the headline first
	Lines   []Line
	Goals   []Goal
}

// Line is what one system did.
type Line struct {
	System string
	Limit  bool
	Cells  []figure.Spread // one for each metric
	// Share is the headline of [Subject] over this system's, turn by turn; without a
	// value on the subject's own line.
	Share  figure.Interval
	Blocks int
}

// Goal is one in words.
type Goal struct {
	Outcome string // [Met], [Missed], [Unknown]: by the median
	// Open tells that the bound lies within what was read, so that another run may say
	// otherwise.
	Open bool
	Text string
	// The same in parts: what is looked at, the bound, and what was read, with its
	// interval where it is a ratio and the least and the most where it is a figure.
	Figure, Asked, Read string
}

// Outcomes.
const (
	Met     = "met"
	Missed  = "missed"
	Unknown = "not measured"
)

// Class is the outcome as a word.
func (g Goal) Class() string {
	if g.Outcome == Unknown {
		return "unknown"
	}
	return g.Outcome
}

// Subject tells whether the line is [Subject]'s.
func (l Line) Subject() bool { return l.System == Subject }

// Confidence is that of the ratios' intervals, "75 %", "" where there are none. Lines
// with fewer turns than others have the least, which is told.
func (t *Table) Confidence() string {
	least := 2.0
	for _, l := range t.Lines {
		if l.Share.N > 1 {
			least = min(least, l.Share.Confidence)
		}
	}
	if least > 1 {
		return ""
	}
	return figure.Interval{Confidence: least}.Percent()
}

// Of makes the table of a row. The subject comes first, limit programs last.
func Of(row *result.Row) *Table {
	t := &Table{Row: row, Metrics: metrics(row)}
	series := slices.Clone(row.Series)
	slices.SortStableFunc(series, func(a, b result.Series) int { return cmp.Compare(rank(a), rank(b)) })
	for i := range series {
		s := &series[i]
		line := Line{System: s.System, Limit: s.Limit, Blocks: len(s.Blocks)}
		for _, m := range t.Metrics {
			line.Cells = append(line.Cells, figure.SpreadOf(s.Values(m)))
		}
		if s.System != Subject {
			line.Share = figure.IntervalOf(row.Ratios(row.Headline, Subject, s.System))
		}
		t.Lines = append(t.Lines, line)
	}
	for _, v := range row.Judge() {
		t.Goals = append(t.Goals, words(v))
	}
	return t
}

func rank(s result.Series) int {
	switch {
	case s.System == Subject:
		return 0
	case s.Limit:
		return 2
	}
	return 1
}

// metrics are those that blocks have, in the order of [result.Metrics] behind the
// headline, then those that it does not know, by name.
func metrics(row *result.Row) []result.Metric {
	var found []result.Metric
	for _, s := range row.Series {
		for _, b := range s.Blocks {
			for m := range b.Metrics {
				if !slices.Contains(found, m) {
					found = append(found, m)
				}
			}
		}
	}
	place := func(m result.Metric) int {
		if m == row.Headline {
			return -1
		}
		if i := slices.Index(result.Metrics, m); i >= 0 {
			return i
		}
		return len(result.Metrics)
	}
	slices.SortFunc(found, func(a, b result.Metric) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	})
	return found
}

func words(v result.Verdict) Goal {
	g := Goal{Outcome: Missed, Text: fmt.Sprintf("%s: %s", v.System, v.Goal), Figure: v.Figure(), Asked: v.Asked(), Read: "-"}
	if v.System != Subject {
		g.Figure = v.System + ": " + g.Figure
	}
	switch {
	case !v.Known:
		g.Outcome = Unknown
		return g
	case v.Met:
		g.Outcome = Met
	}
	g.Text += ", read " + figure.Number(v.Value)
	spread, interval := figure.SpreadOf(v.Values), figure.IntervalOf(v.Values)
	low, high := spread.Least, spread.Most
	if g.Read = spread.String(); v.Against != "" {
		g.Read, low, high = interval.Full(), interval.Low, interval.High
	}
	g.Open = v.AtMost != 0 && low <= v.AtMost && v.AtMost < high || v.AtLeast != 0 && low < v.AtLeast && v.AtLeast <= high
	return g
}

// Verdict is the outcome in words.
func (g Goal) Verdict() string {
	if g.Open {
		return g.Outcome + ", not surely"
	}
	return g.Outcome
}

// Column is where a metric is, -1 if nowhere.
func (t *Table) Column(m result.Metric) int { return slices.Index(t.Metrics, m) }

// Count tells how many goals had an outcome.
func (t *Table) Count(outcome string) (n int) {
	for _, g := range t.Goals {
		if g.Outcome == outcome {
			n++
		}
	}
	return n
}
