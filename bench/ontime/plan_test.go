package ontime_test

import (
	"strings"
	"testing"

	"moldau/bench/harness"
	"moldau/bench/ontime"
	"moldau/bench/system"
	"moldau/bench/system/systemtest"
)

func systemsOf(w harness.Workload) string {
	var names []string
	for _, c := range w.Contestants {
		names = append(names, c.System)
	}
	return strings.Join(names, " ")
}

// The floor is beside what a share of a rate is sent to.
func TestLatencyIsPlannedForEveryShareAndArrival(t *testing.T) {
	rows, err := systemtest.Plan(t, ontime.Latency, harness.Options{})
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]bool{}
	for _, w := range rows {
		if titles[w.Row.Title()] {
			t.Errorf("%s twice", w.Row.Title())
		}
		titles[w.Row.Title()] = true
		want := "moldau kafka echo"
		switch {
		case w.Row.Curve == "" && w.Row.Durability == "os":
			want = "moldau kafka relay"
		case w.Row.Curve == "":
			want = "moldau kafka"
		}
		if got := systemsOf(w); got != want {
			t.Errorf("%s: %s, must be %s", w.Row.Title(), got, want)
		}
		for _, g := range w.Row.Goals {
			if g.Against != "" && !strings.Contains(want, g.Against) {
				t.Errorf("%s has a goal against %s, which is not in it", w.Row.Title(), g.Against)
			}
		}
	}
	if len(rows) != 2*(3*2+1) {
		t.Errorf("%d rows", len(rows))
	}
}

func TestLatencyNeedsARate(t *testing.T) {
	moldau := harness.Options{Systems: []string{system.Moldau}}
	if _, err := systemtest.Plan(t, ontime.Latency, moldau); err == nil {
		t.Error("without Kafka nobody knows its saturation")
	}
	if _, err := systemtest.Plan(t, ontime.Latency, moldau, "--rate", "1000"); err != nil {
		t.Error(err)
	}
}

func TestSteadyNeedsWindows(t *testing.T) {
	if _, err := systemtest.Plan(t, ontime.Steady, harness.Options{}, "--duration", "15s"); err == nil {
		t.Error("a median of one window and a half")
	}
	rows, err := systemtest.Plan(t, ontime.Steady, harness.Options{Quick: true, Durability: []string{"os"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 || rows[0].Blocks != 1 {
		t.Errorf("%+v", rows)
	}
}

func TestCatchUpHasAFileBeside(t *testing.T) {
	rows, err := systemtest.Plan(t, ontime.CatchUp, harness.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || systemsOf(rows[0]) != "file moldau kafka bare" || !rows[0].Contestants[0].Limit || !rows[0].Contestants[3].Limit {
		t.Errorf("%d rows, %s", len(rows), systemsOf(rows[0]))
	}
}

// Who receives, writes and acknowledges is the floor of a long time, too.
func TestSteadyHasAFloor(t *testing.T) {
	rows, err := systemtest.Plan(t, ontime.Steady, harness.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 {
		t.Errorf("%d rows", len(rows))
	}
	for _, w := range rows {
		if systemsOf(w) != "moldau kafka echo" || !w.Contestants[2].Limit {
			t.Errorf("%s: %s", w.Row.Title(), systemsOf(w))
		}
	}
}
