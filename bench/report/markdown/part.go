package markdown

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"moldau/bench/report/table"
	"moldau/bench/result"
)

// Part is the text of a scenario: its command, where it ran, a table for all rows of
// the same metrics, and the goals.
func Part(run *result.Run, scenario string) ([]byte, error) {
	rows := table.Rows(run, scenario)
	var tables []*table.Table
	for _, row := range rows {
		if len(row.Series) == 0 {
			return nil, fmt.Errorf("%w: %s", ErrPartial, row.Key())
		}
		tables = append(tables, table.Of(row))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "```\n%s\n```\n\n", table.Command(run))
	var facts []string
	for _, f := range table.Environment(run) {
		facts = append(facts, f.Name+" "+f.Value)
	}
	fmt.Fprintf(&b, "%s. Steal: %s.\n", cell(strings.Join(facts, "; ")), table.Steal(run, rows))
	for len(tables) > 0 {
		columns := chosen(tables[0])
		same := func(t *table.Table) bool { return slices.Equal(chosen(t), columns) }
		var these []*table.Table
		for _, t := range tables {
			if same(t) {
				these = append(these, t)
			}
		}
		writeTable(&b, these, columns)
		tables = slices.DeleteFunc(tables, same)
	}
	writeGoals(&b, rows)
	return b.Bytes(), nil
}

// worth are the metrics of which a table here has those that its rows have, beside
// the headline; the rest is in the report. One of each group is enough.
var worth = [][]result.Metric{
	{result.BytesPerSecond, result.RecordsPerSecond, result.OpsPerSecond, result.RequestsPerSecond},
	{result.CPUPerGB, result.CPUPerRequest, result.CPUPerOp},
	{result.P50}, {result.P99}, {result.P999}, {result.BudgetShare}, {result.ResidentMB}, {result.Allocations},
}

// chosen are the columns for a row: the headline first.
func chosen(t *table.Table) []result.Metric {
	columns := []result.Metric{t.Headline}
	for _, group := range worth {
		if slices.Contains(group, t.Headline) {
			continue
		}
		for _, m := range group {
			if t.Column(m) >= 0 {
				columns = append(columns, m)
				break
			}
		}
	}
	return columns
}

func writeTable(b *bytes.Buffer, tables []*table.Table, columns []result.Metric) {
	b.WriteString("\n| work (client, acks, idempotence, durability) | system |")
	for i, m := range columns {
		fmt.Fprintf(b, " %s |", m)
		if i == 0 {
			fmt.Fprintf(b, " Moldau over it |")
		}
	}
	b.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, t := range tables {
		for i, l := range t.Lines {
			work, system := "", cell(l.System)
			if i == 0 {
				work = cell(t.Title())
			}
			if l.Limit {
				system = "*" + system + "* (limit)"
			}
			fmt.Fprintf(b, "| %s | %s |", work, system)
			for j, m := range columns {
				at := t.Column(m)
				if at < 0 {
					b.WriteString(" - |")
				} else {
					fmt.Fprintf(b, " %s |", l.Cells[at])
				}
				if j == 0 {
					fmt.Fprintf(b, " %s |", share(l))
				}
			}
			b.WriteByte('\n')
		}
	}
}

// share is Moldau's ratio to a line, with how sure it is.
func share(l table.Line) string {
	switch {
	case l.Subject():
		return ""
	case l.Share.N < 2:
		return l.Share.String()
	}
	return fmt.Sprintf("**%s** (%s, %s)", l.Share.Middle(), l.Share.Range(), l.Share.Percent())
}

// writeGoals lists goals by outcome, and notes.
func writeGoals(b *bytes.Buffer, rows []*result.Row) {
	for _, outcome := range []string{table.Met, table.Missed, table.Unknown} {
		var lines []string
		for _, row := range rows {
			for _, g := range table.Of(row).Goals {
				if g.Outcome == outcome {
					lines = append(lines, fmt.Sprintf("- %s: %s\n", cell(row.Title()), cell(g.Text)))
				}
			}
		}
		if lines != nil {
			fmt.Fprintf(b, "\nGoals %s:\n\n%s", outcome, strings.Join(lines, ""))
		}
	}
	var notes []string
	for _, row := range rows {
		for _, n := range row.Notes {
			if note := fmt.Sprintf("- %s: %s\n", cell(row.Title()), cell(n)); !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	if notes != nil {
		fmt.Fprintf(b, "\nNotes:\n\n%s", strings.Join(notes, ""))
	}
}

// cell is text in one cell of one line, in which nothing is markup.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`").Replace(s)
}
