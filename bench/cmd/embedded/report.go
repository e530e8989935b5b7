package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"moldau/bench/disk"
	"moldau/bench/yardstick"
)

// report is everything that was measured, raw.
type report struct {
	yardstick.Run
	Rows []*measured `json:"rows"`
}

// measured is one row.
type measured struct {
	Name   string             `json:"name"`
	Blocks map[string][]block `json:"blocks"` // by system
	row    row
}

func newReport(o options) *report {
	r := &report{Run: yardstick.NewRun(map[string]string{"disk": disk.FileSystem(o.dir), "peers": versions()})}
	delete(r.Environment, "java")
	return r
}

// versions are those of the peers' modules, as they are linked.
func versions() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	var peers []string
	for _, m := range info.Deps {
		switch m.Path {
		case "github.com/tidwall/wal", "github.com/hashicorp/raft-wal", "go.etcd.io/etcd/server/v3", "github.com/nats-io/nats-server/v2":
			peers = append(peers, m.Path+" "+m.Version)
		}
	}
	return strings.Join(peers, ", ")
}

func (r *report) add(w row, system string, b block) {
	if len(r.Rows) == 0 || r.Rows[len(r.Rows)-1].Name != w.name {
		r.Rows = append(r.Rows, &measured{Name: w.name, Blocks: map[string][]block{}, row: w})
	}
	m := r.Rows[len(r.Rows)-1]
	m.Blocks[system] = append(m.Blocks[system], b)
}

func (m *measured) median(system string, of func(block) float64) float64 {
	return yardstick.Median(yardstick.Values(m.Blocks[system], of))
}

// print shows medians, the spread of what matters most, and how many times as long
// as the first of a row each takes.
func (r *report) print(w io.Writer) {
	r.PrintEnvironment(w)
	fmt.Fprintln(w, "| work | by | time (least-most) | MB/s | of CPU | allocations | times the engine's time | durability; checks |\n|---|---|---|---|---|---|---|---|")
	for _, m := range r.Rows {
		for _, s := range m.row.systems {
			times, in := yardstick.Values(m.Blocks[s.name], block.microseconds), m.row.in
			rate := "-"
			if m.row.perOp > 0 {
				rate = fmt.Sprintf("%.0f", float64(m.row.perOp)/yardstick.Median(times))
			}
			fmt.Fprintf(w, "| %s | %s | %.2f %s (%.2f-%.2f) | %s | %.2f %s | %.1f | %.2f | %s |\n", m.Name, s.name, in(yardstick.Median(times)), m.row.unit(),
				in(slices.Min(times)), in(slices.Max(times)), rate, in(m.median(s.name, block.cpuMicroseconds)), m.row.unit(),
				m.median(s.name, block.allocations), m.ratio(s.name), s.notes)
		}
	}
	fmt.Fprintln(w)
	for _, m := range r.Rows {
		fmt.Fprintf(w, "%s: %s\n", m.Name, m.verdict())
	}
}

// ratio is the median of the blocks', each with the engine's of the same turn: what
// the machine's others do in one turn then hits both sides.
func (m *measured) ratio(system string) float64 {
	first := m.Blocks[m.row.systems[0].name]
	var ratios []float64
	for i, b := range m.Blocks[system] {
		ratios = append(ratios, b.microseconds()/first[i].microseconds())
	}
	return yardstick.Median(ratios)
}

// verdict holds the row against its goal: a part of the limit's rate, or to be ahead
// of every peer.
func (m *measured) verdict() string {
	var behind []string
	for _, s := range m.row.systems[1:] {
		ratio := m.ratio(s.name)
		if m.row.goal > 0 {
			word := "met"
			if ratio < m.row.goal {
				word = "missed"
			}
			return fmt.Sprintf("%.0f %% of the rate of %s, goal %.0f %%: %s", 100*ratio, s.name, 100*m.row.goal, word)
		}
		if ratio < 1 && !strings.HasPrefix(s.name, "moldau") {
			behind = append(behind, fmt.Sprintf("%s (%.2f of the time)", s.name, ratio))
		}
	}
	if len(behind) == 0 {
		return "nobody is ahead"
	}
	return "ahead: " + strings.Join(behind, ", ")
}

// save keeps the raw figures.
func (r *report) save(dir string) error { return yardstick.Save(dir, "embedded", r.At, r) }
