package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"moldau/bench/disk"
	"moldau/bench/yardstick"
)

// report is everything that was measured, raw.
type report struct {
	yardstick.Run
	Rows  []*measured `json:"rows"`
	order []string    // of systems
}

// measured is one row.
type measured struct {
	Name   string             `json:"name"`
	Blocks map[string][]block `json:"blocks"` // by system
	row    row
}

func newReport(o options) *report {
	r := &report{Run: yardstick.NewRun(map[string]string{
		"disk": disk.FileSystem(o.dir), "journal": fmt.Sprint(disk.HasJournal),
	})}
	delete(r.Environment, "java")
	for _, s := range o.systems {
		r.order = append(r.order, s.name)
	}
	return r
}

func (r *report) add(row row, system string, b block) {
	if len(r.Rows) == 0 || r.Rows[len(r.Rows)-1].row != row {
		r.Rows = append(r.Rows, &measured{Name: row.name(), Blocks: map[string][]block{}, row: row})
	}
	m := r.Rows[len(r.Rows)-1]
	m.Blocks[system] = append(m.Blocks[system], b)
}

func (m *measured) median(system string, of func(block) float64) float64 {
	return yardstick.Median(yardstick.Values(m.Blocks[system], of))
}

// print shows medians, and the spread of what matters most.
func (r *report) print(w io.Writer) {
	r.PrintEnvironment(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "work\tsystem\tacks/s\t(least-most)\tp50/p99 ms\tCPU-s/GB\tsyncs/ack\tdirtied\twritten\tcuts\tsettled\tsteal")
	for _, m := range r.Rows {
		for _, system := range r.order {
			rate := yardstick.Values(m.Blocks[system], block.perSecond)
			fmt.Fprintf(t, "%s\t%s\t%.0f\t(%.0f-%.0f)\t%.2f/%.2f\t%.2f\t%.3f\tx%.2f\tx%.2f\t%.0f\t%.2f s\t%.2f s\n", m.Name, system,
				yardstick.Median(rate), slices.Min(rate), slices.Max(rate), m.median(system, block.p50), m.median(system, block.p99),
				m.median(system, block.cpuPerGB), m.median(system, block.syncsPerAck), m.median(system, block.dirtied), m.median(system, block.written),
				m.median(system, block.journalCuts), m.median(system, func(b block) float64 { return b.SettleSeconds }), m.median(system, block.stealSeconds))
		}
	}
	t.Flush()
	if slices.Contains(r.order, moldau) && len(r.order) > 1 {
		r.printRatios(w)
	}
}

// printRatios shows the engine's rate by each of the others', and the goals.
func (r *report) printRatios(w io.Writer) {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "acks/s of moldau by those of\t"+strings.Join(r.others(), "\t")+"\tgoal")
	for _, m := range r.Rows {
		fmt.Fprint(t, m.Name)
		for _, system := range r.others() {
			fmt.Fprintf(t, "\t%.2f", m.ratio(system))
		}
		var verdicts []string
		for _, g := range m.row.goals(m.better()) {
			if len(m.Blocks[g.against]) == 0 {
				continue
			}
			verdict := "met"
			if m.ratio(g.against) < g.least {
				verdict = "missed"
			}
			verdicts = append(verdicts, fmt.Sprintf("%.2f of %s: %s", g.least, g.against, verdict))
		}
		fmt.Fprintf(t, "\t%s\n", strings.Join(verdicts, ", "))
	}
	t.Flush()
}

func (r *report) others() []string {
	return slices.DeleteFunc(slices.Clone(r.order), func(s string) bool { return s == moldau })
}

// ratio is the median of the blocks', each with its neighbour of the same turn:
// what the machine's others do in one turn then hits both sides.
func (m *measured) ratio(system string) float64 {
	var ratios []float64
	for i, b := range m.Blocks[system] {
		ratios = append(ratios, m.Blocks[moldau][i].perSecond()/b.perSecond())
	}
	return yardstick.Median(ratios)
}

// better is the faster of the two ways to have many logs without a journal.
func (m *measured) better() string {
	if len(m.Blocks[perFile]) == 0 || len(m.Blocks[syncFS]) > 0 && m.ratio(syncFS) < m.ratio(perFile) {
		return syncFS
	}
	return perFile
}

// save keeps the raw figures.
func (r *report) save(dir string) error { return yardstick.Save(dir, "durable", r.At, r) }
