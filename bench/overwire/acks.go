package overwire

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

// unsynced is what rows of durable acknowledgements call the Kafka whose
// acknowledgements are from the page cache.
const unsynced = "kafka-unsynced"

// width is how many wait for an acknowledgement.
type width struct{ connections, inFlight int }

var widths = []width{{1, 1}, {16, 1}, {16, 4}, {64, 1}}

func (w width) all() int { return w.connections * w.inFlight }

// acks are the scenario's parameters.
type acks struct {
	pool    *system.Pool
	session *harness.Session

	partitions []int
	wide       int
	block      time.Duration
}

// Acks is durable acknowledgements over the wire.
func Acks(pool func(*harness.Session) *system.Pool) harness.Scenario {
	a := &acks{}
	return harness.Scenario{
		Name:    "acks",
		Summary: "durable acknowledgements of single records over the wire, by connections, requests in flight and partitions",
		Help: `Requests of one record of 1 KiB go to partitions in turn, each acknowledged from stable
storage: Moldau's synced topics beside Kafka's with flush.messages=1. Kafka takes the
next request of a connection only when it has answered the one before, so that 64 in
flight come from 64 connections as well as from 16. kafka-unsynced is the same Kafka
with a topic that is not synced: it promises less, and is there for one goal only, that
durable acknowledgements of 16 or more who wait are no slower than Kafka's that are not.
ingest-synced is the limit: one file for all, and one sync for all who wait.

Moldau's journal is cut every 32 MiB here instead of every 256, so that a block pays
for the flushes that it defers: journal-cuts is how many there were.`,
		Flags: func(f *pflag.FlagSet) {
			f.IntSliceVar(&a.partitions, "partitions", []int{1, 6, 32}, "`PARTITIONS`")
			f.IntVar(&a.wide, "wide", 1000, "`PARTITIONS` of one more row, of 64 connections; 0: none")
			f.DurationVar(&a.block, "block", 8*time.Second, "`TIME` of a block")
			harness.Quick(f, "partitions", "6")
			harness.Quick(f, "wide", "0")
			harness.Quick(f, "block", "1s")
		},
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			a.pool, a.session = pool(s), s
			return a.plan(), nil
		},
	}
}

func (a *acks) plan() (rows []harness.Workload) {
	if !a.session.WantsDurability("synced") {
		return nil
	}
	for _, w := range widths {
		if a.session.Quick && w.connections != 16 {
			continue
		}
		for _, p := range a.partitions {
			rows = append(rows, a.row(w, p))
		}
	}
	if a.wide > 0 {
		rows = append(rows, a.row(width{64, 1}, a.wide))
	}
	atFirst(rows, a.pool, []string{system.Moldau, system.Kafka})
	return rows
}

func (a *acks) row(of width, partitions int) harness.Workload {
	l := client.Load{Kind: client.Produce, Connections: of.connections, InFlight: of.inFlight, Partitions: partitions, PerRequest: 1,
		RecordBytes: 1 << 10, BatchBytes: 1, Bytes: 64 * gib, Seconds: a.block.Seconds()}
	w := harness.Workload{Expect: a.block + time.Second + time.Duration(partitions)*5*time.Millisecond, Row: result.Row{
		Name:   fmt.Sprintf("acknowledge 1 KiB, %s, %d in flight each, %s", harness.Counted(of.connections, "connection"), of.inFlight, harness.Counted(partitions, "partition")),
		Client: clientNames[client.Produce], Acks: "all", Durability: "synced", Headline: result.RequestsPerSecond, Shape: l.Shape(),
	}}
	w.Row.Goals = []result.Goal{{System: system.Moldau, Metric: result.RequestsPerSecond, Against: system.IngestSynced, AtLeast: 0.7}}
	if of.all() >= 64 && partitions >= 6 {
		w.Row.Goals = append(w.Row.Goals, result.Goal{System: system.Moldau, Metric: result.RequestsPerSecond, Against: system.Kafka, AtLeast: 3},
			result.Goal{System: system.Moldau, Metric: result.JournalCuts, AtLeast: 4}) // what it defers is in the block
	}
	if of.all() >= 16 {
		w.Row.Goals = append(w.Row.Goals, result.Goal{System: system.Moldau, Metric: result.RequestsPerSecond, Against: unsynced, AtLeast: 1})
		w.Row.Notes = append(w.Row.Notes, unsynced+" acknowledges from the page cache: it promises less than the others of its row")
	}
	row := new(wrote)
	for _, label := range []string{system.Moldau, system.Kafka, unsynced, system.IngestSynced} {
		c := contestant{pool: a.pool, session: a.session, name: label, load: l, wrote: row, topic: system.Topic{Partitions: partitions, Synced: true}}
		if label == unsynced {
			if of.all() < 16 {
				continue
			}
			c.name, c.label, c.topic.Synced = system.Kafka, unsynced, false
		}
		w.Contestants = append(w.Contestants, c.at())
	}
	prepare(&w, a.session)
	return w
}
