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
	Values []float64 `json:"-"`     // the figures, or the turns' ratios
	Value  float64   `json:"value"` // their median
	Known  bool      `json:"known"` // false: one of the two was not measured
	Met    bool      `json:"met"`
}

// String is the goal in words, without the figure.
func (g Goal) String() string {
	if g.Against == "" {
		return fmt.Sprintf("%s %s", g.Metric, g.Asked())
	}
	return fmt.Sprintf("%s %s of %s's", g.Metric, g.Asked(), g.Against)
}

// Figure is what is looked at, in words.
func (g Goal) Figure() string {
	if g.Against == "" {
		return string(g.Metric)
	}
	return fmt.Sprintf("%s of %s's", g.Metric, g.Against)
}

// Asked is the bound in words.
func (g Goal) Asked() string {
	bound, word := g.AtMost, "at most"
	if g.AtLeast != 0 {
		bound, word = g.AtLeast, "at least"
	}
	figure := fmt.Sprintf("%.4g", bound)
	if bound >= 1e4 { // without an exponent
		figure = fmt.Sprintf("%.0f", bound)
	}
	return word + " " + figure
}

// Judge looks at every goal of the row.
func (r *Row) Judge() []Verdict {
	var verdicts []Verdict
	for _, g := range r.Goals {
		v := Verdict{Goal: g}
		if g.Against != "" {
			v.Values = r.Ratios(g.Metric, g.System, g.Against)
		} else if s := r.Of(g.System); s != nil {
			v.Values = s.Values(g.Metric)
		}
		if v.Known = len(v.Values) > 0; v.Known {
			v.Value = yardstick.Median(v.Values)
			v.Met = (g.AtMost == 0 || v.Value <= g.AtMost) && (g.AtLeast == 0 || v.Value >= g.AtLeast)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}
