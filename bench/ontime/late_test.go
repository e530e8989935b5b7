package ontime_test

import (
	"strings"
	"testing"

	"moldau/bench/ontime"
	"moldau/bench/result"
)

// A row says once, and of all its blocks, that requests were sent late.
func TestLateRowsSaySo(t *testing.T) {
	row := &result.Row{Notes: []string{"another"}}
	add := func(turn int, lag, p99 float64) {
		row.Add("moldau", false, result.Block{Turn: turn, Metrics: map[result.Metric]float64{result.SendLag: lag, result.P99: p99}})
		row.Add("file", true, result.Block{Turn: turn, Metrics: map[result.Metric]float64{}})
		ontime.Late(row, turn)
	}
	add(0, 0.1, 1)
	if len(row.Notes) != 1 {
		t.Errorf("nothing was late: %q", row.Notes)
	}
	add(1, 0.9, 1)
	add(2, 0.1, 1)
	add(3, 5, 1)
	if len(row.Notes) != 2 || !strings.Contains(row.Notes[1], " 2 of 4 blocks") {
		t.Errorf("%q", row.Notes)
	}
}
