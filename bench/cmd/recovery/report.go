package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"

	"moldau/bench/yardstick"
)

// report is everything that was measured, raw.
type report struct {
	yardstick.Run
	Rows  []*measured `json:"rows"`
	Calls []string    `json:"calls"` // system calls, as text
	steal float64     // at the last block's end
}

// measured is one row.
type measured struct {
	Name   string  `json:"name"`
	Blocks []block `json:"blocks"`
	goal   goal
}

// block is one open and, where there is something to recover, the loop beside it.
type block struct {
	UnflushedBytes int64 `json:"unflushedBytes"`
	// Cuts of the journal since the last flush: the engine then has less to
	// recover than the loop reads.
	Cuts         int64   `json:"cuts"`
	Loop         looped  `json:"loop"`
	Open         opened  `json:"open"`
	StealSeconds float64 `json:"stealSeconds"` // since the block before
}

func (b block) openMs() float64   { return b.Open.OpenMs }
func (b block) usableMs() float64 { return b.Open.UsableMs }
func (b block) loopMs() float64   { return b.Loop.Ms }

func (b block) unflushedMB() float64 { return float64(b.UnflushedBytes) / 1e6 }
func (b block) scannedMB() float64   { return float64(b.Open.ScannedBytes) / 1e6 }

// goal is what a row's figures must be.
type goal int

const (
	nothing     goal = iota
	mostOfLoop       // usable within 1.3 times what the loop takes
	leastOfRate      // opened at 75 % of the loop's rate
)

func newReport(o options) *report {
	r := &report{Run: yardstick.NewRun(o.describe())}
	delete(r.Environment, "java")
	_, r.steal, _ = yardstick.Times(os.Getpid())
	return r
}

func (r *report) add(name string, g goal, b block) {
	i := slices.IndexFunc(r.Rows, func(m *measured) bool { return m.Name == name })
	if i < 0 {
		i = len(r.Rows)
		r.Rows = append(r.Rows, &measured{Name: name, goal: g})
	}
	if _, steal, err := yardstick.Times(os.Getpid()); err == nil {
		b.StealSeconds, r.steal = steal-r.steal, steal
	}
	m := r.Rows[i]
	m.Blocks = append(m.Blocks, b)
	fmt.Printf("%s, block %d: open %.1f ms, usable %.1f ms, %d bytes scanned; %d unflushed, loop %.1f ms\n",
		name, len(m.Blocks), b.Open.OpenMs, b.Open.UsableMs, b.Open.ScannedBytes, b.UnflushedBytes, b.Loop.Ms)
}

func (m *measured) median(of func(block) float64) float64 {
	return yardstick.Median(yardstick.Values(m.Blocks, of))
}

// print shows medians, and the spread of what matters most.
func (r *report) print(w io.Writer) {
	r.PrintEnvironment(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "after\topen ms\tusable ms\t(least-most)\tunflushed MB\tscanned MB\tloop ms\t(least-most)\tgoal")
	for _, m := range r.Rows {
		usable, loop := yardstick.Values(m.Blocks, block.usableMs), yardstick.Values(m.Blocks, block.loopMs)
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t(%.1f-%.1f)", m.Name, m.median(block.openMs), yardstick.Median(usable), slices.Min(usable), slices.Max(usable))
		if m.goal == nothing {
			fmt.Fprintln(t, "\t\t\t\t\t")
			continue
		}
		fmt.Fprintf(t, "\t%.1f\t%.1f\t%.1f\t(%.1f-%.1f)\t%s\n", m.median(block.unflushedMB), m.median(block.scannedMB),
			yardstick.Median(loop), slices.Min(loop), slices.Max(loop), m.verdict())
	}
	t.Flush()
	for _, c := range r.Calls {
		fmt.Fprintln(w, c)
	}
}

// verdict compares the median of the blocks' ratios with the goal. An engine that
// scanned less than the loop read was measured against too much.
func (m *measured) verdict() string {
	said := map[bool]string{true: "met", false: "missed"}
	var v string
	switch m.goal {
	case nothing:
		return ""
	case mostOfLoop:
		ratio := m.median(func(b block) float64 { return b.Open.UsableMs / b.Loop.Ms })
		v = fmt.Sprintf("%.2f times the loop, at most 1.3: %s", ratio, said[ratio <= 1.3])
	case leastOfRate:
		ratio := m.median(func(b block) float64 { return b.Loop.Ms / b.Open.OpenMs })
		v = fmt.Sprintf("%.2f of the loop's rate, at least 0.75: %s", ratio, said[ratio >= 0.75])
	}
	if slices.ContainsFunc(m.Blocks, func(b block) bool { return b.Open.ScannedBytes < b.UnflushedBytes }) {
		v += "; void, it scanned less"
	}
	return v
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// save keeps the raw figures.
func (r *report) save(dir string) error { return yardstick.Save(dir, "recovery", r.At, r) }
