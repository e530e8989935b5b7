package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"moldau/bench/report/markdown"
	"moldau/bench/result"
)

// said runs the command and returns what it prints.
func said(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	c := root()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.ExecuteContext(t.Context())
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
		t.Errorf("%v left %v", args, left)
	}
	return out.String(), err
}

// Every scenario can be planned by its defaults and in a quick run, has a time, and
// is quicker when it is to be.
func TestListTellsTimes(t *testing.T) {
	out, err := said(t, "list")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")[1:]
	if len(lines) != len(scenarios()) {
		t.Errorf("%d scenarios in\n%s", len(lines), out)
	}
	for _, line := range lines {
		f := regexp.MustCompile(` {2,}`).Split(line, 4)
		if len(f) != 4 || f[3] == "" {
			t.Fatalf("%q", line)
		}
		whole, quick := duration(t, f[1]), duration(t, f[2])
		if quick >= whole || quick > 2*time.Minute {
			t.Errorf("%s: %v, and %v in a quick run", f[0], whole, quick)
		}
	}
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(strings.NewReplacer(" min", "m", " s", "s").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPlanHasWhatIsAskedFor(t *testing.T) {
	out, err := said(t, "run", "produce", "durable", "--plan", "--systems", "moldau,ingest", "--rows", "KiB", "--blocks", "2")
	if err != nil || !strings.Contains(out, "2 blocks of moldau ingest\n") || strings.Contains(out, "kafka ") || !strings.Contains(out, "durable: ") {
		t.Errorf("%v\n%s", err, out)
	}
	for what, args := range map[string][]string{
		"no scenario":  {"run", "produce", "prduce"},
		"twice":        {"run", "produce", "produce"},
		"no row":       {"run", "produce", "--rows", "KB", "--plan"},
		"no system":    {"run", "produce", "--systems", "moldau,redpanda", "--plan"},
		"durability":   {"run", "produce", "--durability", "sync", "--plan"},
		"bytes as GiB": {"run", "produce", "--warm-up", "5368709120", "--plan"},
		"no os rows":   {"run", "durable", "--durability", "os", "--plan"},
	} {
		if out, err := said(t, args...); err == nil {
			t.Errorf("%s:\n%s", what, out)
		}
	}
}

func TestRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "5 s", 52 * time.Second: "50 s", 119 * time.Second: "120 s", 2 * time.Minute: "2 min", 95 * time.Minute: "95 min",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

// stored is a run of one row.
func stored(t *testing.T, dir string, cpu ...float64) string {
	t.Helper()
	row := &result.Row{Scenario: "produce", Name: "row", Client: "replay", Acks: "all", Durability: "os", Headline: result.CPUPerGB}
	for turn, v := range cpu {
		row.Add("moldau", false, result.Block{Turn: turn, Metrics: map[result.Metric]float64{result.CPUPerGB: v}})
	}
	dir = filepath.Join(t.TempDir(), dir)
	if err := (&result.Run{Rows: []*result.Row{row}}).Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The exit status is what CI goes by.
func TestCompareFails(t *testing.T) {
	before, after := stored(t, "before", 1, 1, 1, 1, 1), stored(t, "after", 2, 2, 2, 2, 2)
	if out, err := said(t, "compare", before, after); err != nil || !strings.Contains(out, "+100.0 % worse") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := said(t, "compare", before, after, "--fail-above", "50"); err == nil {
		t.Error("twice as dear is not above 50 %")
	}
	if _, err := said(t, "compare", after, before, "--fail-above", "0"); err != nil {
		t.Errorf("better: %v", err)
	}
}

func TestMarkdownWritesItsPart(t *testing.T) {
	run := stored(t, "run", 1, 1, 1)
	file := filepath.Join(t.TempDir(), "FIGURES.md")
	const before = "By hand.\n<!-- begin produce -->\n<!-- end produce -->\n"
	if err := os.WriteFile(file, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := said(t, "markdown", run, "--file", file)
	if err != nil || !strings.Contains(out, "produce") {
		t.Fatalf("%v\n%s", err, out)
	}
	after, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(after), "By hand.\n") || !strings.Contains(string(after), "| moldau | 1.00") {
		t.Errorf("%v\n%s", err, after)
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// Whatever was measured has a place in BENCHMARKS.md.
func TestEveryScenarioHasAPart(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "BENCHMARKS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios() {
		run := &result.Run{Rows: []*result.Row{{Scenario: s.Name, Name: "row", Series: []result.Series{{System: "moldau"}}}}}
		if _, written, err := markdown.Regenerate(file, run); err != nil || len(written) != 1 {
			t.Errorf("%s: %v, %v", s.Name, written, err)
		}
	}
}
