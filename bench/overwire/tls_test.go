package overwire_test

import (
	"slices"
	"strings"
	"testing"

	"moldau/bench/harness"
	"moldau/bench/overwire"
	"moldau/bench/system"
	"moldau/bench/system/systemtest"
)

// By TLS brokers have their own names, and the limit programs are of the same kind of
// work and speak it, too.
func TestTLSPlan(t *testing.T) {
	rows, err := systemtest.Plan(t, overwire.TLS, harness.Options{})
	if err != nil || len(rows) != 2*3+4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, w := range rows {
		want := system.TLS(system.Copy)
		switch {
		case w.Row.Durability == "os":
			want = system.TLS(system.Ingest)
		case w.Row.Durability == "synced":
			want = system.TLS(system.IngestSynced)
		}
		brokers, limits := names(w)
		if !slices.Equal(brokers, []string{system.Moldau, system.Kafka}) || !slices.Equal(limits, []string{want}) || w.Row.Goals[0].Against != want {
			t.Errorf("%s: %v beside %v", w.Row.Title(), brokers, limits)
		}
		if !strings.HasPrefix(w.Row.Name, "by TLS, ") {
			t.Errorf("%s would be taken for a row without TLS", w.Row.Name)
		}
	}
	if rows, err = systemtest.Plan(t, overwire.TLS, harness.Options{Quick: true, Durability: []string{"synced"}}); err != nil || len(rows) != 2 {
		t.Errorf("%d rows of a quick run, %v", len(rows), err)
	}
}
