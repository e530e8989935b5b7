package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is everything that was measured, raw.
type report struct {
	At          time.Time         `json:"at"`
	Environment map[string]string `json:"environment"`
	Command     []string          `json:"command"`
	Rows        []*measured       `json:"rows"`
	Sendfile    *share            `json:"sendfile,omitempty"`
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
	environment := map[string]string{
		"cores": fmt.Sprint(runtime.NumCPU()), "go": runtime.Version(), "brokerCPU": o.brokerCPU, "clientCPU": o.clientCPU,
		"kafka": strings.Join(append([]string{"4.3.1, defaults, -Xms1g -Xmx1g G1"}, kafkaProperties...), ", "),
	}
	for name, command := range map[string][]string{
		"kernel": {"uname", "-sr"}, "commit": {"git", "rev-parse", "--short", "HEAD"}, "java": {"java", "--version"},
	} {
		out, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			out = []byte("unknown")
		}
		environment[name], _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	}
	return &report{At: time.Now().UTC(), Environment: environment, Command: os.Args[1:]}
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
	fmt.Fprintln(w)
	for _, k := range slices.Sorted(mapKeys(r.Environment)) {
		fmt.Fprintf(w, "%s: %s\n", k, r.Environment[k])
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "work\tacks\tdurability\tsystem\tGB/s\trecords/s\tCPU-s/GB\t(least-most)\tus CPU/request\tp50/p99 ms\tof Kafka's CPU")
	for _, m := range r.Rows {
		for _, system := range m.order {
			blocks := m.Blocks[system]
			cpu := values(blocks, block.cpuPerGB)
			against := ""
			if kafka := m.Blocks["kafka"]; system == "moldau" && len(kafka) > 0 {
				ratio := median(cpu) / median(values(kafka, block.cpuPerGB))
				against = fmt.Sprintf("%.2f", ratio)
				if ratio > 0.5 {
					against += " (above half)"
				}
			}
			latency := fmt.Sprintf("%.2f/%.2f", median(values(blocks, func(b block) float64 { return float64(b.P50Us) }))/1000,
				median(values(blocks, func(b block) float64 { return float64(b.P99Us) }))/1000)
			if blocks[0].Requests == 0 {
				latency = "-"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.2f\t%.0f\t%.3f\t(%.3f-%.3f)\t%.1f\t%s\t%s\n", m.Name, m.Acks, m.Durability, system,
				median(values(blocks, block.gbPerSecond)), median(values(blocks, block.recordsPerSec)), median(cpu),
				slices.Min(cpu), slices.Max(cpu), median(values(blocks, block.cpuPerRequestUs)), latency, against)
		}
	}
	t.Flush()
	if s := r.Sendfile; s != nil {
		fmt.Fprintf(w, "\n%d bytes fetched by a standard consumer with six assigned partitions: sendfile %d, copied %d: %.2f %% by sendfile\n",
			s.Fetched, s.SendfileBytes, s.CopiedBytes, s.Share*100)
	}
}

// save keeps the raw figures.
func (r *report) save(dir string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, "compare-"+r.At.Format("20060102-150405")+".json")
	fmt.Println("raw figures:", file)
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

func values(blocks []block, of func(block) float64) []float64 {
	v := make([]float64, len(blocks))
	for i, b := range blocks {
		v[i] = of(b)
	}
	return v
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v)%2 == 1 {
		return v[len(v)/2]
	}
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}

func mapKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
