package result

import (
	"fmt"

	"moldau/bench/yardstick"
)

// Goal is what a system's figure has to be: in itself, or as a ratio to that of
// another system in the same turn.
type Goal struct {
	System  string  `json:"system"`
	Metric  Metric  `json:"metric"`
	Against string  `json:"against,omitempty"` // a system of the same row; empty: the figure itself
	AtMost  float64 `json:"atMost,omitempty"`
	AtLeast float64 `json:"atLeast,omitempty"`
}

// Verdict is how a goal was met.
type Verdict struct {
	Goal
	Value float64 `json:"value"` // median of the figures or of the turns' ratios
	Known bool    `json:"known"` // false: one of the two was not measured
	Met   bool    `json:"met"`
}

// String is the goal in words, without the figure.
func (g Goal) String() string {
	bound, word := g.AtMost, "at most"
	if g.AtLeast != 0 {
		bound, word = g.AtLeast, "at least"
	}
	figure := fmt.Sprintf("%.4g", bound)
	if bound >= 1e4 { // without an exponent
		figure = fmt.Sprintf("%.0f", bound)
	}
	if g.Against == "" {
		return fmt.Sprintf("%s %s %s", g.Metric, word, figure)
	}
	return fmt.Sprintf("%s %s %s of %s's", g.Metric, word, figure, g.Against)
}

// Judge looks at every goal of the row.
func (r *Row) Judge() []Verdict {
	var verdicts []Verdict
	for _, g := range r.Goals {
		v := Verdict{Goal: g}
		var values []float64
		if g.Against != "" {
			values = r.Ratios(g.Metric, g.System, g.Against)
		} else if s := r.Of(g.System); s != nil {
			values = s.Values(g.Metric)
		}
		if v.Known = len(values) > 0; v.Known {
			v.Value = yardstick.Median(values)
			v.Met = (g.AtMost == 0 || v.Value <= g.AtMost) && (g.AtLeast == 0 || v.Value >= g.AtLeast)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}
