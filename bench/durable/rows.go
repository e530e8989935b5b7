package durable

import (
	"fmt"

	"moldau/bench/harness"
	"moldau/bench/result"
)

// row is one workload.
type row struct {
	clients, logs, kib int
}

// rowsOf is every combination.
func rowsOf(clients, logs, kib []int) (rows []row) {
	for _, k := range kib {
		for _, c := range clients {
			for _, l := range logs {
				rows = append(rows, row{c, l, k})
			}
		}
	}
	return rows
}

func (r row) name() string {
	return fmt.Sprintf("durable appends of %d KiB, %s, %s", r.kib, harness.Counted(r.clients, "client"), harness.Counted(r.logs, "log"))
}

// ownFile tells that those who wait for one log make shares so large that most are
// synced in its own file and not written to a journal besides: half of them come while
// a sync runs, and share the next.
func (r row) ownFile() bool { return r.clients*r.kib/r.logs >= 2*64 }

// goalClients is how many must be waiting for a goal to be judged: with few
// there is nothing to share a sync with.
const goalClients = 64

// goals of a row: a part of one file's rate, and twice that of either way to have
// many logs without a journal. What it costs to cut the journal has to be in it.
func (r row) goals(cuts int64) (goals []result.Goal) {
	if r.clients < goalClients {
		return nil
	}
	atLeast := func(against string, ratio float64) {
		goals = append(goals, result.Goal{System: moldau, Metric: result.OpsPerSecond, Against: against, AtLeast: ratio})
	}
	switch {
	case r.kib == 1:
		atLeast(oneFile, 0.70)
	case r.kib == 16 && r.logs == 1:
		atLeast(oneFile, 0.90)
	case r.kib == 16 && r.logs >= 6:
		atLeast(oneFile, 0.45)
	}
	if r.logs > 1 {
		atLeast(perFile, 2)
		atLeast(syncFS, 2)
	}
	if cuts > 0 && !r.ownFile() {
		goals = append(goals, result.Goal{System: moldau, Metric: result.JournalCuts, AtLeast: float64(cuts)})
	}
	return goals
}
