package atscale_test

import (
	"strings"
	"testing"
	"time"

	"moldau/bench/atscale"
	"moldau/bench/harness"
	"moldau/bench/system"
	"moldau/bench/system/systemtest"
)

// kafkaMost is the largest row that Kafka is in.
func kafkaMost(rows []harness.Workload) (most int) {
	for _, w := range rows {
		for _, c := range w.Contestants {
			if c.System == system.Kafka {
				most = max(most, w.Row.Shape.Partitions)
			}
		}
	}
	return most
}

func TestKafkaHasFewerPartitionsUnlessAskedFor(t *testing.T) {
	rows, err := systemtest.Plan(t, atscale.Partitions, harness.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 10 || kafkaMost(rows) != 1000 {
		t.Errorf("%d rows, Kafka has up to %d partitions", len(rows), kafkaMost(rows))
	}
	if rows, err = systemtest.Plan(t, atscale.Partitions, harness.Options{Full: true}); err != nil || kafkaMost(rows) != 10_000 {
		t.Errorf("%v, in full up to %d", err, kafkaMost(rows))
	}
}

func TestPartitionsMustFillTopics(t *testing.T) {
	for _, count := range []string{"0", "150"} {
		if _, err := systemtest.Plan(t, atscale.Partitions, harness.Options{}, "--count", count); err == nil {
			t.Errorf("%s partitions", count)
		}
	}
}

// Goals of an empty directory are not those of a start with partitions.
func TestStartGoals(t *testing.T) {
	rows, err := systemtest.Plan(t, atscale.Start, harness.Options{Durability: []string{"os"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || len(rows[0].Row.Goals) != 3 || len(rows[1].Row.Goals) != 1 {
		t.Errorf("%+v", rows)
	}
}

func TestConnectionsRows(t *testing.T) {
	rows, err := systemtest.Plan(t, atscale.Connections, harness.Options{Durability: []string{"synced"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 {
		t.Errorf("%d rows: fan-out is of what is not synced, idle connections of neither", len(rows))
	}
}

// Who names Kafka gets it, with the time that it takes in the plan.
func TestKafkaAskedForByNameHasAll(t *testing.T) {
	rows, err := systemtest.Plan(t, atscale.Partitions, harness.Options{Systems: []string{system.Kafka}, Durability: []string{"os"}}, "--count", "10000")
	if err != nil || len(rows) != 1 || kafkaMost(rows) != 10_000 {
		t.Fatalf("%d rows up to %d: %v", len(rows), kafkaMost(rows), err)
	}
	for _, c := range rows[0].Contestants {
		if most := map[string]time.Duration{system.Moldau: time.Minute, system.Spread: time.Minute, system.Kafka: 15 * time.Minute}[c.System]; c.Expect <= 0 || c.Expect > most {
			t.Errorf("%s: %v a block", c.System, c.Expect)
		}
	}
}

// A broker must not keep for its logs what the connections need: the quarter that it
// leaves by default of 20,000 descriptors is less than 5,000.
func TestDescriptorsForIdleConnections(t *testing.T) {
	for _, c := range []struct {
		descriptors, connections, forLogs int
		fits                              bool
	}{
		{20_000, 5000, 4096, true},
		{6000, 5000, 752, true},
		{5200, 5000, 0, false},
		{1024, 5000, 0, false},
		{1 << 20, 5000, 4096, true},
	} {
		got, err := atscale.FilesOf(c.descriptors, c.connections)
		if got != c.forLogs || (err == nil) != c.fits {
			t.Errorf("%+v: %d, %v", c, got, err)
		}
		if err == nil && c.descriptors-got*17/16 < c.connections+100 {
			t.Errorf("%+v: %d for logs leave too few", c, got)
		}
	}
}

// Each end of each count, beside Kafka, with a goal; and no partitions that fill no
// topics.
func TestRestartRows(t *testing.T) {
	rows, err := systemtest.Plan(t, atscale.Restart, harness.Options{})
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]bool{}
	for _, w := range rows {
		titles[w.Row.Title()] = true
		if len(w.Contestants) != 2 || len(w.Row.Goals) != 1 {
			t.Errorf("%+v", w.Row)
		}
	}
	if len(titles) != 2*2*2 {
		t.Errorf("%d rows: %v", len(titles), titles)
	}
	if _, err := systemtest.Plan(t, atscale.Restart, harness.Options{}, "--count", "150"); err == nil {
		t.Error("150 partitions in topics of 100")
	}
}

// Every row has its limit program last, but those of a start with partitions, of which
// none knows anything.
func TestLimitsAreBeside(t *testing.T) {
	descriptors, err := atscale.DescriptorsMax()
	if err != nil {
		t.Fatal(err)
	}
	most := " -"
	if atscale.SpreadFits(descriptors, 10_000) {
		most = " spread"
	}
	for _, c := range []struct {
		scenario func(func(*harness.Session) *system.Pool) harness.Scenario
		limits   string
	}{
		{atscale.Partitions, strings.Repeat(" spread", 4) + most + strings.Repeat(" ingest-synced", 5)},
		{atscale.Connections, strings.Repeat(" relay", 3)},
		{atscale.Start, " relay - relay-synced -"},
	} {
		rows, err := systemtest.Plan(t, c.scenario, harness.Options{Durability: []string{"os", "synced"}})
		if err != nil {
			t.Fatal(err)
		}
		limits := ""
		for _, w := range rows {
			last := w.Contestants[len(w.Contestants)-1]
			if last.Limit {
				limits += " " + last.System
			} else {
				limits += " -"
			}
		}
		if limits != c.limits {
			t.Errorf("limits are%s, must be%s", limits, c.limits)
		}
	}
}

// A program that has a file for each partition is left out where it may not open as many.
func TestSpreadNeedsDescriptors(t *testing.T) {
	for descriptors, fits := range map[int]bool{10_299: false, 10_300: true} {
		if got := atscale.SpreadFits(descriptors, 10_000); got != fits {
			t.Errorf("%d descriptors: %v", descriptors, got)
		}
	}
}
