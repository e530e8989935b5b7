package compare

import (
	"golang.org/x/perf/benchmath"

	"moldau/bench/result"
	"moldau/bench/yardstick"
)

// Options are what is compared.
type Options struct {
	Metrics []result.Metric // empty: each row's headline
	Over    string          // a system whose figure of the same turn is divided by; empty: figures as they are
}

// Change is how one metric of one system changed in one row.
type Change struct {
	Row    *result.Row // of the later run
	System string
	Limit  bool
	Metric result.Metric

	Before, After   float64 // medians
	Blocks          [2]int  // before and after
	P               float64 // probability of such a difference if there is none
	Certain         bool    // P is below 5 %
	EnoughForChange bool    // so many blocks that P could be below 5 %
	// Lost tells that the earlier run has the metric and the later has not, as a
	// percentile of blocks with too few requests: nothing else is known of it.
	Lost bool
}

// alpha is the probability of an error that is accepted, benchstat's.
const alpha = 0.05

// Runs compares what both runs have. Rows and systems of only one are left out.
func Runs(before, after *result.Run, o Options) []Change {
	earlier := map[string]*result.Row{}
	for _, row := range before.Rows {
		earlier[row.Key()] = row
	}
	var changes []Change
	for _, row := range after.Rows {
		old := earlier[row.Key()]
		if old == nil {
			continue
		}
		metrics := o.Metrics
		if len(metrics) == 0 {
			metrics = []result.Metric{row.Headline}
		}
		for _, m := range metrics {
			for _, s := range row.Series {
				a, b := values(old, s.System, m, o.Over), values(row, s.System, m, o.Over)
				if s.System == o.Over || len(a) == 0 {
					continue
				}
				c := Change{Before: yardstick.Median(a), Blocks: [2]int{len(a), 0}, Lost: true}
				if len(b) > 0 {
					c = test(a, b)
				}
				c.Row, c.System, c.Limit, c.Metric = row, s.System, s.Limit, m
				changes = append(changes, c)
			}
		}
	}
	return changes
}

func values(row *result.Row, system string, m result.Metric, over string) []float64 {
	if over != "" {
		return row.Ratios(m, system, over)
	}
	if s := row.Of(system); s != nil {
		return s.Values(m)
	}
	return nil
}

func test(a, b []float64) Change {
	c := Change{Before: yardstick.Median(a), After: yardstick.Median(b), Blocks: [2]int{len(a), len(b)}}
	t := &benchmath.Thresholds{CompareAlpha: alpha}
	c.P = benchmath.AssumeNothing.Compare(benchmath.NewSample(a, t), benchmath.NewSample(b, t)).P
	c.Certain = c.P < alpha
	c.EnoughForChange = leastP(len(a), len(b)) < alpha
	return c
}

// leastP is the P of blocks of which all of one run are above all of the other:
// twice one in all the ways to choose which of them are the first run's.
func leastP(n, m int) float64 {
	ways := 1.0
	for i := 1; i <= m; i++ {
		ways = ways * float64(n+i) / float64(i)
	}
	return 2 / ways
}

// Percent is the change in percent of what was before; more is worse or better, as
// the metric has it.
func (c Change) Percent() float64 {
	if c.Before == 0 {
		return 0
	}
	return 100 * (c.After - c.Before) / c.Before
}

// Worse is by how many percent it became worse; negative is better.
func (c Change) Worse() float64 {
	if c.Metric.HigherIsBetter() {
		return -c.Percent()
	}
	return c.Percent()
}
