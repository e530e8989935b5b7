package compare_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"moldau/bench/report/compare"
	"moldau/bench/result"
)

// run has one row of moldau and kafka, a block for each figure.
func run(moldau, kafka []float64) *result.Run {
	row := &result.Row{Scenario: "produce", Name: "1 KiB", Client: "replay", Acks: "all", Durability: "os", Headline: result.CPUPerGB}
	for turn := range moldau {
		row.Add("moldau", false, result.Block{Turn: turn, Metrics: map[result.Metric]float64{result.CPUPerGB: moldau[turn], result.BytesPerSecond: 1000 / moldau[turn]}})
		row.Add("kafka", false, result.Block{Turn: turn, Metrics: map[result.Metric]float64{result.CPUPerGB: kafka[turn]}})
	}
	return &result.Run{Rows: []*result.Row{row}}
}

func TestChange(t *testing.T) {
	before := run([]float64{1, 1.01, 1.02, 1.03, 1.04}, []float64{2, 2, 2, 2, 2.1})
	after := run([]float64{1.2, 1.21, 1.22, 1.23, 1.24}, []float64{2, 2.1, 2, 2, 2})
	changes := compare.Runs(before, after, compare.Options{})
	if len(changes) != 2 {
		t.Fatalf("%d changes, want one for each system", len(changes))
	}
	c := changes[0]
	// All five above all five: 2 of 252 orders are as extreme.
	if c.System != "moldau" || !c.Certain || math.Abs(c.P-2.0/252) > 1e-9 || math.Abs(c.Percent()-19.6078) > 1e-3 {
		t.Errorf("moldau: %+v, %v %%", c, c.Percent())
	}
	if c := changes[1]; c.Certain {
		t.Errorf("kafka changed: %+v", c)
	}
	if err := compare.Gate(changes, 20); err != nil {
		t.Errorf("19.6 %% is not above 20: %v", err)
	}
	if err := compare.Gate(changes, 10); !errors.Is(err, compare.ErrWorse) {
		t.Errorf("19.6 %% is above 10: %v", err)
	}
	if err := compare.Gate(compare.Runs(after, before, compare.Options{}), 10); err != nil {
		t.Errorf("better is not worse: %v", err)
	}
	faster := compare.Runs(after, before, compare.Options{Metrics: []result.Metric{result.BytesPerSecond}})
	if len(faster) != 1 || faster[0].Worse() >= 0 {
		t.Errorf("more MB/s is better: %+v", faster)
	}
	var b strings.Builder
	if err := compare.Print(&b, changes); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); !strings.Contains(s, "+19.6 % worse") || !strings.Contains(s, "~") || strings.Contains(s, "too few") {
		t.Error(s)
	}
}

// What drifted for both systems alike is no change of their ratio.
func TestOver(t *testing.T) {
	before := run([]float64{1, 1.02, 1.01, 1.03, 1.04}, []float64{2, 2.02, 2.04, 2.06, 2.08})
	after := run([]float64{1.5, 1.53, 1.52, 1.54, 1.56}, []float64{3, 3.05, 3.05, 3.08, 3.12})
	if c := compare.Runs(before, after, compare.Options{Over: "kafka"}); len(c) != 1 || c[0].Certain || math.Abs(c[0].Percent()) > 1 {
		t.Errorf("%+v", c)
	}
}

// Three blocks and three cannot differ at 5 %, however far apart they are.
// Who got so slow that blocks have too few requests for their percentile must not pass
// for one who has none to compare.
func TestAFigureThatIsLostIsWorse(t *testing.T) {
	of := func(lacks int) *result.Run {
		row := &result.Row{Scenario: "produce", Name: "1 KiB", Headline: result.P99}
		for turn := range 5 {
			b := result.Block{Turn: turn, Metrics: map[result.Metric]float64{result.P99: 1}}
			if turn == lacks {
				b.Metrics = nil
			}
			row.Add("moldau", false, b)
		}
		return &result.Run{Rows: []*result.Row{row}}
	}
	changes := compare.Runs(of(-1), of(3), compare.Options{})
	if len(changes) != 1 || !changes[0].Lost {
		t.Fatalf("%+v", changes)
	}
	if err := compare.Gate(changes, 10); !errors.Is(err, compare.ErrWorse) {
		t.Error(err)
	}
	var b strings.Builder
	if err := compare.Print(&b, changes); err != nil || !strings.Contains(b.String(), "no longer told") {
		t.Errorf("%v %s", err, b.String())
	}
	if got := compare.Runs(of(3), of(-1), compare.Options{}); len(got) != 0 {
		t.Errorf("what was not told before is no change: %+v", got)
	}
}

func TestGateThatCannotFail(t *testing.T) {
	changes := compare.Runs(run([]float64{1, 1, 1}, []float64{2, 2, 2}), run([]float64{9, 9, 9}, []float64{2, 2, 2}), compare.Options{})
	if err := compare.Gate(changes, 10); !errors.Is(err, compare.ErrBlind) {
		t.Error(err)
	}
	if err := compare.Gate(nil, 10); !errors.Is(err, compare.ErrBlind) {
		t.Error(err)
	}
	for n, want := range map[int]bool{3: false, 4: true} {
		figures := []float64{1, 2, 3, 4}[:n]
		if c := compare.Runs(run(figures, figures), run(figures, figures), compare.Options{}); c[0].EnoughForChange != want {
			t.Errorf("%d blocks are enough: %v", n, !want)
		}
	}
}
