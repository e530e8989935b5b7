package system_test

import (
	"testing"

	"moldau/bench/system"
)

// A warm-up ends when three rounds in turn were no cheaper.
func TestSettled(t *testing.T) {
	for _, c := range []struct {
		costs []float64
		want  bool
	}{
		{nil, false},
		{[]float64{12, 12, 12}, false},
		{[]float64{12, 12, 12, 12}, true},
		{[]float64{12.8, 8.9, 5, 4.9}, false},
		{[]float64{12.8, 8.9, 5, 5.5, 5.6}, false},
		{[]float64{12.8, 8.9, 5, 4.8, 4.9, 4.8}, true},
		{[]float64{8.8, 6.4, 7.6, 7, 5}, false}, // two slow rounds are not the end
		{[]float64{5, 9, 4, 4, 4, 3.9}, true},
	} {
		if got := system.Settled(c.costs); got != c.want {
			t.Errorf("%v: %v", c.costs, got)
		}
	}
}
