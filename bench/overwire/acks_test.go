package overwire_test

import (
	"slices"
	"strings"
	"testing"

	"moldau/bench/harness"
	"moldau/bench/overwire"
	"moldau/bench/result"
	"moldau/bench/system"
	"moldau/bench/system/systemtest"
)

// Goals are set where enough wait, and against who is in the row; who promises less
// is in no row that has no use for it.
func TestAcksPlan(t *testing.T) {
	rows, err := systemtest.Plan(t, overwire.Acks, harness.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 4*3+1 {
		t.Errorf("%d rows", len(rows))
	}
	for _, w := range rows {
		brokers, limits := names(w)
		has := strings.Join(brokers, " ")
		alone, many := strings.Contains(w.Row.Name, " 1 connection, 1 in flight"), w.Row.Shape.Partitions >= 6
		thrice, noSlower := false, false
		for _, g := range w.Row.Goals {
			if g.Against == "" && g.Metric == result.JournalCuts || g.Against == system.IngestSynced && g.AtLeast == 0.7 {
				continue
			}
			if !strings.Contains(has+" ", g.Against+" ") || g.Metric != result.RequestsPerSecond {
				t.Errorf("%s: a goal against %s of %s", w.Row.Title(), g.Against, has)
			}
			thrice = thrice || g.Against == system.Kafka && g.AtLeast == 3
			noSlower = noSlower || g.Against == "kafka-unsynced" && g.AtLeast == 1
		}
		sixteen := strings.Contains(w.Row.Name, " 16 connections, 1 in flight")
		if noSlower == alone || thrice != (many && !alone && !sixteen) || w.Row.Durability != "synced" || !slices.Equal(limits, []string{system.IngestSynced}) {
			t.Errorf("%s: %+v, beside %s", w.Row.Title(), w.Row.Goals, has)
		}
	}
	if rows, err = systemtest.Plan(t, overwire.Acks, harness.Options{Durability: []string{"os"}}); err != nil || len(rows) != 0 {
		t.Errorf("%d rows of acknowledgements from the page cache, %v", len(rows), err)
	}
}
