package result_test

import (
	"testing"
	"time"

	"moldau/bench/result"
)

func window(ms ...int) *result.Latency {
	l := result.NewLatency()
	for _, m := range ms {
		l.Record(time.Duration(m) * time.Millisecond)
	}
	return l
}

func TestStepIsTheWorstWindowOverTheMedian(t *testing.T) {
	for name, c := range map[string]struct {
		windows []*result.Latency
		want    float64
	}{
		"no window":              {nil, 0},
		"one":                    {[]*result.Latency{window(5)}, 1},
		"even":                   {[]*result.Latency{window(2), window(2), window(2)}, 1},
		"a step at the end":      {[]*result.Latency{window(2), window(2), window(2), window(8)}, 4},
		"an outlier below p99":   {[]*result.Latency{window(2), window(repeat(2, 200, 90)...), window(2)}, 1},
		"the worst is the first": {[]*result.Latency{window(9), window(3), window(3)}, 3},
	} {
		if got := result.Step(c.windows, 99); got < c.want*0.99 || got > c.want*1.01 {
			t.Errorf("%s: %v, must be %v", name, got, c.want)
		}
	}
}

// repeat is v so many times, and one other.
func repeat(v, times, other int) []int {
	all := []int{other}
	for range times {
		all = append(all, v)
	}
	return all
}

// A percentile is told where ten values lie beyond it.
func TestPercentilesNeedValuesBeyond(t *testing.T) {
	for n, want := range map[int][]result.Metric{
		0: nil, 19: {result.Max}, 20: {result.P50, result.Max}, 999: {result.P50, result.Max},
		1000: {result.P50, result.P99, result.Max}, 9_980: {result.P50, result.P99, result.Max}, 10_000: {result.P50, result.P99, result.P999, result.Max},
	} {
		l := result.NewLatency()
		for i := range n {
			l.Record(time.Duration(i+1) * time.Microsecond)
		}
		told := map[result.Metric]float64{}
		l.Into(told)
		if len(told) != len(want) {
			t.Errorf("of %d values %v", n, told)
		}
		for _, m := range want {
			if _, ok := told[m]; !ok {
				t.Errorf("of %d values no %s", n, m)
			}
		}
	}
	var none *result.Latency
	if none.Tells(50) {
		t.Error("no latencies tell something")
	}
}

// A percentile of the blocks that have enough requests would be that of the fast ones;
// another metric is of those that have it.
func TestAPercentileIsOfAllBlocks(t *testing.T) {
	row := &result.Row{}
	for turn := range 3 {
		row.Add("other", false, result.Block{Turn: turn, Metrics: map[result.Metric]float64{result.P99: 1, result.BudgetShare: 1}})
		b := result.Block{Turn: turn, Metrics: map[result.Metric]float64{result.P99: 2, result.BudgetShare: 2}}
		if turn == 1 {
			b.Metrics = nil
		}
		row.Add("moldau", false, b)
	}
	for m, want := range map[result.Metric]int{result.P99: 0, result.BudgetShare: 2} {
		if got := row.Of("moldau").Values(m); len(got) != want {
			t.Errorf("%s: %v", m, got)
		}
		if got := row.Ratios(m, "moldau", "other"); len(got) != want {
			t.Errorf("ratios of %s: %v", m, got)
		}
	}
}
