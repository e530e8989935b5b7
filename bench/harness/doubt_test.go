package harness

import (
	"runtime"
	"strings"
	"testing"

	"moldau/bench/result"
)

func TestDrifts(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   bool
	}{
		{nil, false},
		{[]float64{9, 5, 1}, false}, // one order of six
		{[]float64{5, 4, 3, 2}, true},
		{[]float64{2, 3, 4, 5, 6}, true},
		{[]float64{5, 4, 3, 3.1, 2}, false},
		{[]float64{5, 4.9, 4.8, 4.7, 4.6}, false}, // hardly
	} {
		if got := drifts(c.values); got != c.want {
			t.Errorf("%v: %v", c.values, got)
		}
	}
}

func TestDoubts(t *testing.T) {
	row := func(steal float64, kafka ...float64) *result.Row {
		r := &result.Row{Headline: result.CPUPerGB}
		for turn, v := range kafka {
			r.Add("moldau", false, result.Block{Turn: turn, WallSeconds: 1, Metrics: map[result.Metric]float64{result.CPUPerGB: 1}})
			r.Add("kafka", false, result.Block{Turn: turn, WallSeconds: 1, StealSeconds: steal * float64(2*runtime.NumCPU()), Metrics: map[result.Metric]float64{result.CPUPerGB: v}})
		}
		return r
	}
	if notes := doubts(row(0.01, 4, 3, 4, 3)); notes != nil {
		t.Errorf("nothing is doubtful: %q", notes)
	}
	if notes := doubts(row(0.05, 4, 3, 4, 3)); len(notes) != 1 || !strings.Contains(notes[0], "5 %") {
		t.Errorf("a twentieth was stolen: %q", notes)
	}
	if notes := doubts(row(0, 4, 3, 2, 1.5)); len(notes) != 1 || !strings.HasPrefix(notes[0], "kafka ") || !strings.Contains(notes[0], "from 4.00 to 1.50") {
		t.Errorf("kafka got better: %q", notes)
	}
	if notes := doubts(&result.Row{}); notes != nil {
		t.Errorf("of no block: %q", notes)
	}
}
