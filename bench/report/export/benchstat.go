package export

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"moldau/bench/result"
)

// Benchstat writes Go benchmark lines, one for each block, with all its metrics, and
// says of each which way is better.
func Benchstat(w io.Writer, run *result.Run) error {
	out := bufio.NewWriter(w)
	goos, _, _ := strings.Cut(run.Environment["kernel"], " ")
	for _, c := range [][2]string{
		{"goos", strings.ToLower(goos)}, {"goarch", run.Environment["architecture"]}, {"pkg", "moldau/bench"},
		{"cpu", run.Environment["cpu"]}, {"commit", run.Environment["commit"]},
	} {
		if c[1] != "" {
			fmt.Fprintf(out, "%s: %s\n", c[0], c[1])
		}
	}
	for _, m := range metricsOf(run) {
		better := "lower"
		if m.HigherIsBetter() {
			better = "higher"
		}
		fmt.Fprintf(out, "Unit %s better=%s\n", m, better)
	}
	for _, row := range run.Rows {
		for i := range row.Series {
			for _, b := range row.Series[i].Blocks {
				if len(b.Metrics) == 0 {
					continue
				}
				fmt.Fprintf(out, "%s 1", name(row, row.Series[i].System))
				for _, m := range slices.Sorted(maps.Keys(b.Metrics)) {
					fmt.Fprintf(out, " %s %s", strconv.FormatFloat(b.Metrics[m], 'g', -1, 64), m)
				}
				fmt.Fprintln(out)
			}
		}
	}
	return out.Flush()
}

func metricsOf(run *result.Run) []result.Metric {
	found := map[result.Metric]bool{}
	for _, row := range run.Rows {
		for _, s := range row.Series {
			for _, b := range s.Blocks {
				for m := range b.Metrics {
					found[m] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// name is a benchmark's, with a key for all that a row names, so that benchstat can
// put any of them in columns: -col /system.
func name(row *result.Row, system string) string {
	idempotent := ""
	if row.Idempotent {
		idempotent = "/idempotent=true"
	}
	scenario := []rune(word(row.Scenario))
	scenario[0] = unicode.ToUpper(scenario[0])
	return fmt.Sprintf("Benchmark%s/work=%s/client=%s/acks=%s%s/durability=%s/system=%s", string(scenario),
		word(strings.TrimPrefix(row.Name, row.Scenario+" ")), word(row.Client), word(row.Acks), idempotent, word(row.Durability), word(system))
}

// word is text without what ends a name or a key in it, units joined to figures.
func word(s string) string {
	s = strings.NewReplacer(" KiB", "KiB", " MiB", "MiB", " GiB", "GiB", " MB", "MB", " GB", "GB", " B", "B", " %", "%", ",", "", "/", "|").Replace(s)
	s = strings.Join(strings.Fields(s), "-")
	if s == "" || s == "-" {
		return "none"
	}
	return s
}
