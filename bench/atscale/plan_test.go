package atscale_test

import (
	"testing"

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
