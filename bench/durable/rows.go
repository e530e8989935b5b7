package main

import (
	"fmt"

	"moldau/bench/disk"
	"moldau/bench/yardstick"
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
	return fmt.Sprintf("%d KiB, %s, %s", r.kib, counted(r.clients, "client"), counted(r.logs, "log"))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// block is one measured run of one system.
type block struct {
	Acks          int64   `json:"acks"`
	Bytes         int64   `json:"bytes"` // of the batches
	Seconds       float64 `json:"seconds"`
	SettleSeconds float64 `json:"settleSeconds"` // of those, after the last acknowledgement
	P50Us         int64   `json:"p50Us"`
	P99Us         int64   `json:"p99Us"`
	Syncs         int64   `json:"syncs"` // that acknowledgements waited for
	yardstick.Usage
	DiskBytes int64        `json:"diskBytes"` // written, by anybody
	Journal   disk.Journal `json:"journal"`
}

func (b block) perSecond() float64 { return float64(b.Acks) / b.Seconds }
func (b block) cpuPerGB() float64  { return b.CPUSeconds * 1e9 / float64(b.Bytes) }
func (b block) p50() float64       { return float64(b.P50Us) / 1000 }
func (b block) p99() float64       { return float64(b.P99Us) / 1000 }

// dirtied and written are how many bytes were made dirty, and went to disk, for
// one that was acknowledged. A folio of many pages counts as dirty as a whole, so
// that overwriting one looks like more than it is.
func (b block) dirtied() float64      { return float64(b.WrittenBytes) / float64(b.Bytes) }
func (b block) written() float64      { return float64(b.DiskBytes) / float64(b.Bytes) }
func (b block) syncsPerAck() float64  { return float64(b.Syncs) / float64(b.Acks) }
func (b block) journalCuts() float64  { return float64(b.Journal.Cuts) }
func (b block) stealSeconds() float64 { return b.StealSeconds }

// goalClients is how many must be waiting for a goal to be judged: with few
// there is nothing to share a sync with.
const goalClients = 64

// goal is what the engine's rate must be of another's.
type goal struct {
	against string
	least   float64
}

// goals of a row, given the better of the two ways to do without a journal.
func (r row) goals(better string) (goals []goal) {
	if r.clients < goalClients {
		return nil
	}
	switch {
	case r.kib == 1:
		goals = append(goals, goal{oneFile, 0.70})
	case r.kib == 16 && r.logs == 1:
		goals = append(goals, goal{oneFile, 0.90})
	case r.kib == 16 && r.logs >= 6:
		goals = append(goals, goal{oneFile, 0.45})
	}
	if r.logs > 1 {
		goals = append(goals, goal{better, 2})
	}
	return goals
}
