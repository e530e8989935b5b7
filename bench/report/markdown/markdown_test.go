package markdown_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"moldau/bench/report/markdown"
	"moldau/bench/result"
)

var update = flag.Bool("update", false, "write the golden file anew")

func stored(t *testing.T) *result.Run {
	t.Helper()
	run, err := result.Load("../testdata")
	if err != nil {
		t.Fatal(err)
	}
	return run
}

const empty = `# Figures

By hand: before.

<!-- begin produce -->
<!-- end produce -->

By hand: between.

<!-- begin fetch -->
An older figure.
<!-- end fetch -->

<!-- begin latency -->
What will be replaced.
<!-- end latency -->
By hand: the end.
`

func TestGolden(t *testing.T) {
	got, written, err := markdown.Regenerate([]byte("<!-- begin overview -->\n<!-- end overview -->\n"+empty), stored(t))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(written, " ") != "produce latency" {
		t.Errorf("wrote %v", written)
	}
	const golden = "testdata/figures.md"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s (go test -update writes it anew):\n%s", golden, got)
	}
	for _, kept := range []string{"By hand: before.", "By hand: between.", "An older figure.", "By hand: the end.\n"} {
		if !bytes.Contains(got, []byte(kept)) {
			t.Errorf("%q is gone", kept)
		}
	}
	if bytes.Contains(got, []byte("What will be replaced.")) || bytes.Contains(got, []byte("/somewhere")) {
		t.Error("an old figure or the machine's path is there")
	}
	again, _, err := markdown.Regenerate(got, stored(t))
	if err != nil || !bytes.Equal(again, got) {
		t.Errorf("a second time it is another: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	run := stored(t)
	for name, c := range map[string]struct {
		file string
		runs []*result.Run
		want error
	}{
		"no part":      {strings.ReplaceAll(empty, " latency ", " other "), []*result.Run{run}, markdown.ErrNoPart},
		"no end":       {strings.Replace(empty, "<!-- end latency -->", "", 1), []*result.Run{run}, markdown.ErrMarkers},
		"no begin":     {strings.Replace(empty, "<!-- begin fetch -->", "", 1), []*result.Run{run}, markdown.ErrMarkers},
		"begins twice": {empty + "<!-- begin fetch -->\n<!-- end fetch -->\n", []*result.Run{run}, markdown.ErrMarkers},
		"stopped":      {empty, []*result.Run{{Unfinished: []string{"fetch"}, Rows: []*result.Row{{Scenario: "fetch", Series: []result.Series{{System: "moldau"}}}}}}, markdown.ErrPartial},
		"no block":     {empty, []*result.Run{{Rows: []*result.Row{{Scenario: "fetch", Name: "stopped before its first block"}}}}, markdown.ErrPartial},
	} {
		if _, _, err := markdown.Regenerate([]byte(c.file), c.runs...); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if got, written, err := markdown.Regenerate([]byte(empty)); err != nil || len(written) != 0 || string(got) != empty {
		t.Errorf("without a run: %v, %v", written, err)
	}
}

// Runs of different rows of a scenario make one part, in which the goals that were
// missed come first. Of a row that was read again the last figures are there, in its
// place.
func TestRunsShareAPart(t *testing.T) {
	run := func(name string, cpu ...float64) *result.Run {
		row := &result.Row{Scenario: "fetch", Name: name, Client: "replay", Acks: "-", Durability: "-", Headline: result.CPUPerGB, Notes: []string{"a note"},
			Goals: []result.Goal{{System: "moldau", Metric: result.CPUPerGB, AtMost: 2}, {System: "moldau", Metric: result.CPUPerGB, Against: "kafka", AtMost: 0.5}}}
		for turn, v := range cpu {
			row.Add("moldau", false, result.Block{Turn: turn, Metrics: map[result.Metric]float64{result.CPUPerGB: v}})
		}
		return &result.Run{Command: []string{"run", "fetch", "--rows", name}, Rows: []*result.Row{row}, Unfinished: []string{"produce"}}
	}
	got, _, err := markdown.Regenerate([]byte(empty), run("first", 9, 9, 9), run("second", 3, 4, 5), run("first", 1, 1.5, 1))
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, want := range []string{
		"run fetch --rows first\n", "run fetch --rows second\n", "run fetch --rows first\n",
		"Read again, with the figures of the last run that has them: first (replay).\n",
		"| work (replay, -) | system | cpu-s/GB |", "| first | moldau | 1.00 (1.00-1.50) |", "| second | moldau | 4.00 (3.00-5.00) |",
		"Goals: 1 missed, 2 not measured, 1 met.", // 9 would be missed, too
		"| second (replay): cpu-s/GB | at most 2 | 4.00 (3.00-5.00) | **missed** |",
		"| first (replay): cpu-s/GB of kafka's | at most 0.5 | - | **not measured** |",
		"| first (replay): cpu-s/GB | at most 2 | 1.00 (1.00-1.50) | met |",
		"- all rows: a note\n",
	} {
		i := bytes.Index(got[at:], []byte(want))
		if i < 0 {
			t.Fatalf("no %q behind what comes before it in\n%s", want, got)
		}
		at += i + len(want)
	}
}
