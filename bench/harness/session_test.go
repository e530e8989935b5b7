package harness_test

import (
	"context"
	"io"
	"slices"
	"testing"

	"moldau/bench/harness"
	"moldau/bench/result"
)

// Contestants turn around with every turn, and what is told after a turn finds the
// blocks of all of it.
func TestTurns(t *testing.T) {
	var order []string
	contestant := func(name string, limit bool) harness.Contestant {
		return harness.Contestant{System: name, Limit: limit, WarmUp: name == "a", Block: func(_ context.Context, turn int) (result.Block, error) {
			order = append(order, name)
			return result.Block{Metrics: map[result.Metric]float64{result.Seconds: float64(turn + 1)}}, nil
		}}
	}
	scenario := harness.Scenario{Name: "turns", Plan: func(context.Context, *harness.Session) ([]harness.Workload, error) {
		return []harness.Workload{{
			Row:         result.Row{Name: "row", Headline: result.Seconds},
			Contestants: []harness.Contestant{contestant("a", false), contestant("b", false), contestant("limit", true)},
			AfterTurn: func(row *result.Row, turn int) {
				a, limit := row.At("a", turn), row.At("limit", turn)
				a.Metrics[result.BudgetShare] = a.Metrics[result.Seconds] / limit.Metrics[result.Seconds]
			},
		}}, nil
	}}
	run := &result.Run{}
	s := harness.NewSession(harness.Options{Blocks: 2, Systems: []string{"a"}}, run, io.Discard)
	if err := s.Measure(t.Context(), scenario); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "a", "limit", "limit", "a"}; !slices.Equal(order, want) {
		t.Errorf("order %v, must be %v: the warm-up of a, then both, then turned around, and b was not asked for", order, want)
	}
	if got := run.Rows[0].Of("a").Values(result.BudgetShare); !slices.Equal(got, []float64{1, 1}) {
		t.Errorf("shares %v", got)
	}
	if run.Rows[0].At("a", 2) != nil || run.Rows[0].At("b", 0) != nil {
		t.Error("a block of a turn that was not, or of a system that was not there")
	}
}

func TestWarmUpBytes(t *testing.T) {
	for _, c := range []struct {
		o    harness.Options
		want float64
	}{{harness.Options{}, 12}, {harness.Options{Quick: true}, 2}, {harness.Options{Quick: true, WarmUpGiB: 0.5}, 0.5}} {
		if got := float64(c.o.WarmUpBytes()) / (1 << 30); got != c.want {
			t.Errorf("%+v: %v GiB", c.o, got)
		}
	}
}
