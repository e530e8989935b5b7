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
