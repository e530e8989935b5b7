package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"moldau/bench/yardstick"
)

// report is everything that was measured, raw.
type report struct {
	yardstick.Run
	Rows     []*measured `json:"rows"`
	Sendfile *share      `json:"sendfile,omitempty"`
}

// measured is one row.
type measured struct {
	Name       string             `json:"name"`
	Acks       string             `json:"acks"`
	Durability string             `json:"durability"`
	Blocks     map[string][]block `json:"blocks"` // by system
	order      []string
}

func newReport(o options) *report {
	run := yardstick.NewRun(map[string]string{
		"brokerCPU": o.brokerCPU, "clientCPU": o.clientCPU,
		"kafka": strings.Join(append([]string{"4.3.1, defaults, -Xms1g -Xmx1g G1"}, kafkaProperties...), ", "),
	})
	return &report{Run: run}
}

func (r *report) add(row *row, system string, b block) {
	i := slices.IndexFunc(r.Rows, func(m *measured) bool { return m.Name == row.name })
	if i < 0 {
		i = len(r.Rows)
		r.Rows = append(r.Rows, &measured{Name: row.name, Acks: row.acks(), Durability: row.durability(), Blocks: map[string][]block{}})
	}
	m := r.Rows[i]
	if !slices.Contains(m.order, system) {
		m.order = append(m.order, system)
	}
	m.Blocks[system] = append(m.Blocks[system], b)
}

// print shows medians, and the spread of what matters most.
func (r *report) print(w io.Writer) {
	r.PrintEnvironment(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "work\tacks\tdurability\tsystem\tGB/s\trecords/s\tCPU-s/GB\t(least-most)\tus CPU/request\tp50/p99 ms\tof Kafka's CPU")
	for _, m := range r.Rows {
		for _, system := range m.order {
			blocks := m.Blocks[system]
			cpu := yardstick.Values(blocks, block.cpuPerGB)
			against := ""
			if kafka := m.Blocks["kafka"]; system == "moldau" && len(kafka) > 0 {
				ratio := yardstick.Median(cpu) / yardstick.Median(yardstick.Values(kafka, block.cpuPerGB))
				against = fmt.Sprintf("%.2f", ratio)
				if ratio > 0.5 {
					against += " (above half)"
				}
			}
			latency := fmt.Sprintf("%.2f/%.2f", yardstick.Median(yardstick.Values(blocks, func(b block) float64 { return float64(b.P50Us) }))/1000,
				yardstick.Median(yardstick.Values(blocks, func(b block) float64 { return float64(b.P99Us) }))/1000)
			if blocks[0].Requests == 0 {
				latency = "-"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.2f\t%.0f\t%.3f\t(%.3f-%.3f)\t%.1f\t%s\t%s\n", m.Name, m.Acks, m.Durability, system,
				yardstick.Median(yardstick.Values(blocks, block.gbPerSecond)), yardstick.Median(yardstick.Values(blocks, block.recordsPerSec)), yardstick.Median(cpu),
				slices.Min(cpu), slices.Max(cpu), yardstick.Median(yardstick.Values(blocks, block.cpuPerRequestUs)), latency, against)
		}
	}
	t.Flush()
	if s := r.Sendfile; s != nil {
		fmt.Fprintf(w, "\n%d bytes fetched by a standard consumer with six assigned partitions: sendfile %d, copied %d: %.2f %% by sendfile\n",
			s.Fetched, s.SendfileBytes, s.CopiedBytes, s.Share*100)
	}
}

// save keeps the raw figures.
func (r *report) save(dir string) error { return yardstick.Save(dir, "compare", r.At, r) }
