package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

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
	order  []string
}

func newReport(o options) *report {
	return &report{Run: yardstick.NewRun(map[string]string{
		"brokerCPU": o.brokerCPU, "clientCPU": o.clientCPU,
		"kafka": "4.3.1, defaults, -Xms1g -Xmx1g G1; synced: flush.messages=1 on " + offsetsTopic,
	})}
}

func (r *report) add(row *row, system string, b block) {
	i := slices.IndexFunc(r.Rows, func(m *measured) bool { return m.Name == row.name() })
	if i < 0 {
		i = len(r.Rows)
		r.Rows = append(r.Rows, &measured{Name: row.name(), Blocks: map[string][]block{}})
	}
	m := r.Rows[i]
	if !slices.Contains(m.order, system) {
		m.order = append(m.order, system)
	}
	m.Blocks[system] = append(m.Blocks[system], b)
}

// peer is whom a system is compared with: the Kafka of the same durability.
var peer = map[string]string{"moldau os": "kafka", "moldau synced": "kafka synced"}

// print shows medians, and the spread of what matters most.
func (r *report) print(w io.Writer) {
	r.PrintEnvironment(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "work\tsystem\tcommits/s\t(least-most)\tCPU-ms/1,000\t(least-most)\tp50/p99 ms\trate, CPU of Kafka's")
	for _, m := range r.Rows {
		for _, system := range m.order {
			rate, cpu := yardstick.Values(m.Blocks[system], block.perSecond), yardstick.Values(m.Blocks[system], block.cpuMs)
			against := ""
			if kafka := m.Blocks[peer[system]]; len(kafka) > 0 {
				against = fmt.Sprintf("%.2f, %.2f", yardstick.Median(rate)/yardstick.Median(yardstick.Values(kafka, block.perSecond)),
					yardstick.Median(cpu)/yardstick.Median(yardstick.Values(kafka, block.cpuMs)))
			}
			fmt.Fprintf(t, "%s\t%s\t%.0f\t(%.0f-%.0f)\t%.1f\t(%.1f-%.1f)\t%.2f/%.2f\t%s\n", m.Name, system,
				yardstick.Median(rate), slices.Min(rate), slices.Max(rate), yardstick.Median(cpu), slices.Min(cpu), slices.Max(cpu),
				yardstick.Median(yardstick.Values(m.Blocks[system], block.p50)), yardstick.Median(yardstick.Values(m.Blocks[system], block.p99)), against)
		}
	}
	t.Flush()
}

// save keeps the raw figures.
func (r *report) save(dir string) error { return yardstick.Save(dir, "commits", r.At, r) }
