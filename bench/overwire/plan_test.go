package overwire_test

import (
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/overwire"
	"moldau/bench/result"
	"moldau/bench/system"
	"moldau/bench/system/systemtest"
)

func session(o harness.Options) (*system.Pool, *harness.Session) {
	if o.Durability == nil {
		o.Durability = []string{"os", "synced"}
	}
	s := harness.NewSession(o, &result.Run{}, io.Discard)
	return system.NewPool(s), s
}

// names are those of a workload's contestants.
func names(w harness.Workload) (brokers, limits []string) {
	for _, c := range w.Contestants {
		if c.Limit {
			limits = append(limits, c.System)
		} else {
			brokers = append(brokers, c.System)
		}
	}
	return brokers, limits
}

// Rows can be told apart, and what a limit program does is beside what can be
// compared to it only.
func TestPlans(t *testing.T) {
	for name, o := range map[string]harness.Options{"default": {}, "quick": {Quick: true}, "full": {Full: true}} {
		pool, s := session(o)
		produce, fetch := overwire.PlanProduce(pool, s), overwire.PlanFetch(pool, s)
		seen := map[string]bool{}
		for _, w := range append(produce, fetch...) {
			title := w.Row.Title()
			if seen[title] {
				t.Errorf("%s: two rows %q", name, title)
			}
			seen[title] = true
			_, limits := names(w)
			replayed, synced := w.Row.Client == "replay", w.Row.Durability == "synced"
			if replayed != (len(limits) > 0) || synced && replayed != slices.Equal(limits, []string{system.IngestSynced}) || w.Row.Acks != "-" && (replayed && !synced) != (w.AfterTurn != nil) {
				t.Errorf("%s: %q beside the limits %v", name, title, limits)
			}
			if w.Row.Headline == "" || len(w.Row.Goals) == 0 || w.Expect == 0 {
				t.Errorf("%s: %q lacks something: %+v", name, title, w.Row)
			}
		}
		want := map[string]int{"default": 24, "quick": 6, "full": 26 + 2*81}[name]
		if len(produce) != want {
			t.Errorf("%s: %d rows of produce, must be %d", name, len(produce), want)
		}
	}
}

// What is asked for by flags is measured instead of the default rows, and what can
// not be is refused.
func TestProduceTakesParameters(t *testing.T) {
	rows, err := systemtest.Plan(t, overwire.Produce, harness.Options{Quick: true, Durability: []string{"os"}}, "--record", "100,4096", "--codec", "none,lz4")
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, w := range rows {
		titles = append(titles, w.Row.Name)
	}
	want := []string{
		"grid: produce 100 B uncompressed, batches of 16 KiB, 6 of 6 partitions a request",
		"grid: produce 100 B lz4, batches of 16 KiB, 6 of 6 partitions a request",
		"grid: produce 4 KiB uncompressed, batches of 16 KiB, 6 of 6 partitions a request",
		"grid: produce 4 KiB lz4, batches of 16 KiB, 6 of 6 partitions a request",
	}
	if !slices.Equal(titles, want) {
		t.Errorf("%q", titles)
	}
	if rows, err = systemtest.Plan(t, overwire.Produce, harness.Options{Durability: []string{"os"}}, "--partitions", "7,16,22,100"); err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, want := range []string{"7 of 7", "8 of 16", "2 of 22", "10 of 100"} {
		if !strings.Contains(rows[i].Row.Name, want) {
			t.Errorf("%q, must be %s: a client refuses what does not divide", rows[i].Row.Name, want)
		}
	}
	for _, args := range [][]string{{"--record", "0"}, {"--batch", "1000001"}, {"--partitions", "-1"}, {"--codec", "lz5"}} {
		if _, err := systemtest.Plan(t, overwire.Produce, harness.Options{}, args...); err == nil {
			t.Errorf("%v is planned", args)
		}
	}
}

func TestDurabilityChoosesRows(t *testing.T) {
	pool, s := session(harness.Options{Durability: []string{"synced"}})
	for _, w := range overwire.PlanProduce(pool, s) {
		if w.Row.Durability != "synced" {
			t.Errorf("%q", w.Row.Title())
		}
	}
}

// The budget is the cheapest limit's of the same turn and what is allowed beside.
func TestBudget(t *testing.T) {
	row := &result.Row{}
	block := func(turn int, us float64) result.Block {
		return result.Block{Turn: turn, Metrics: map[result.Metric]float64{result.CPUPerRequest: us}}
	}
	row.Add(system.Moldau, false, block(0, 30))
	row.Add(system.Sendfile, true, block(0, 40))
	row.Add(system.Copy, true, block(0, 20))
	row.Add(system.Moldau, false, block(1, 30))
	row.Add(system.Sendfile, true, block(1, 5))
	row.Add(system.Moldau, false, block(2, 30))
	after := overwire.Budget(system.FetchLimits, 10)
	for turn := range 3 {
		after(row, turn)
	}
	var got []float64
	for _, b := range row.Of(system.Moldau).Blocks {
		if share, ok := b.Metrics[result.BudgetShare]; ok {
			got = append(got, share)
		}
	}
	if len(got) != 2 || math.Abs(got[0]-1) > 1e-9 || math.Abs(got[1]-2) > 1e-9 {
		t.Errorf("shares %v, must be 1 and 2, and none where no limit was measured", got)
	}
}

// Who answers with less than is asked for is found out, but for what a topic's end
// cuts off.
func TestShortAnswersEndTheRun(t *testing.T) {
	l := client.Load{Partitions: 6, PartitionBytesMax: 1 << 20}
	for bytes, want := range map[float64]error{6 << 20: nil, 6.25e6: nil, 5e6: overwire.ErrShort, 1 << 20: overwire.ErrShort} {
		b := result.Block{Metrics: map[result.Metric]float64{result.BytesPerSecond: bytes * 100 / 1e6, result.RequestsPerSecond: 100}}
		if err := overwire.Full(b, l); !errors.Is(err, want) {
			t.Errorf("%v bytes a request: %v", bytes, err)
		}
	}
}

func TestColdFetchesAreNoted(t *testing.T) {
	row := &result.Row{Notes: []string{"another"}}
	for turn, read := range []float64{0, 0.005, 0.5, 0.7} {
		row.Add(system.Kafka, false, result.Block{Turn: turn, Metrics: map[result.Metric]float64{result.ReadPerByte: read}})
		overwire.Hot(row, turn)
		if want := 1 + min(turn/2, 1); len(row.Notes) != want {
			t.Errorf("turn %d: %q", turn, row.Notes)
		}
	}
	if !strings.Contains(row.Notes[1], "kafka read 0.50 ") {
		t.Errorf("%q", row.Notes)
	}
}
