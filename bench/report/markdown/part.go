package markdown

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"moldau/bench/report/table"
	"moldau/bench/result"
)

// Part is the text of a scenario, of the rows that runs have of it: their commands,
// where they ran, a table for all rows of the same metrics and the same promise, and
// the goals. A row that was read again is told, and has the figures of the last run
// that has it.
func Part(scenario string, runs ...*result.Run) ([]byte, error) {
	var rows []*result.Row
	var again []string
	for _, run := range runs {
		if slices.Contains(run.Unfinished, scenario) {
			return nil, fmt.Errorf("%w: %s was stopped", ErrPartial, scenario)
		}
		for _, row := range table.Rows(run, scenario) {
			if len(row.Series) == 0 {
				return nil, fmt.Errorf("%w: %s", ErrPartial, row.Key())
			}
			at := slices.IndexFunc(rows, func(earlier *result.Row) bool { return earlier.Key() == row.Key() })
			if at < 0 {
				rows = append(rows, row)
				continue
			}
			rows[at] = row
			again = append(again, cell(short(row)))
		}
	}
	var b bytes.Buffer
	writeRuns(&b, scenario, runs)
	if again != nil {
		fmt.Fprintf(&b, "\nRead again, with the figures of the last run that has them: %s.\n", strings.Join(again, "; "))
	}
	var tables []*table.Table
	for _, row := range rows {
		tables = append(tables, table.Of(row))
	}
	for len(tables) > 0 {
		columns, promise := chosen(tables[0]), tables[0].Promise()
		same := func(t *table.Table) bool { return slices.Equal(chosen(t), columns) && t.Promise() == promise }
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
	writeNotes(&b, rows)
	return b.Bytes(), nil
}

// writeRuns writes the commands, and behind them a line for each run, which opens to
// all that is known of where it was made.
func writeRuns(b *bytes.Buffer, scenario string, runs []*result.Run) {
	b.WriteString("```\n")
	for _, run := range runs {
		fmt.Fprintln(b, table.Command(run))
	}
	b.WriteString("```\n\n")
	for _, run := range runs {
		var facts, line []string
		for _, f := range table.Environment(run) {
			fact := f.Name + " " + f.Value
			facts = append(facts, fact)
			if slices.Contains(foremost, f.Name) {
				line = append(line, fact)
			}
		}
		fmt.Fprintf(b, "<details><summary>%s; steal %s</summary>\n\n%s\n\n</details>\n",
			cell(strings.Join(line, "; ")), table.Steal(run, table.Rows(run, scenario)), cell(strings.Join(facts, "; ")+"."))
	}
}

// foremost are the facts of a run that are to be seen at once.
var foremost = []string{"commit", "moldau was built of", "cpu", "cores", "kafka", "load at start"}

// worth are the metrics of which a table here has those that its rows have, beside
// the headline; the rest is in the report. One of each group is enough.
var worth = [][]result.Metric{
	{result.BytesPerSecond, result.RecordsPerSecond, result.OpsPerSecond, result.RequestsPerSecond},
	{result.CPUPerGB, result.CPUPerRequest, result.CPUPerOp}, {result.MachineCPUPerGB},
	{result.P50}, {result.P99}, {result.P999}, {result.BudgetShare}, {result.JournalCuts}, {result.ResidentMB}, {result.Allocations},
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
	fmt.Fprintf(b, "\n| work %s | system |", cell(tables[0].Promise()))
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
				work = cell(t.Name)
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

// writeGoals writes a table of the goals, those that were missed first.
func writeGoals(b *bytes.Buffer, rows []*result.Row) {
	lines, open := map[string][]string{}, map[string]int{}
	for _, row := range rows {
		for _, g := range table.Of(row).Goals {
			outcome := g.Verdict()
			if g.Outcome != table.Met {
				outcome = "**" + outcome + "**"
			}
			if g.Open {
				open[g.Outcome]++
			}
			lines[g.Outcome] = append(lines[g.Outcome], fmt.Sprintf("| %s: %s | %s | %s | %s |\n", cell(short(row)), cell(g.Figure), g.Asked, g.Read, outcome))
		}
	}
	var counts []string
	for _, outcome := range outcomes {
		if n := len(lines[outcome]); n > 0 {
			count := fmt.Sprintf("%d %s", n, outcome)
			if n := open[outcome]; n > 0 {
				count += fmt.Sprintf(" (%d not surely)", n)
			}
			counts = append(counts, count)
		}
	}
	if counts == nil {
		return
	}
	fmt.Fprintf(b, "\nGoals: %s.\n\n| goal | asked | read | met |\n|---|---|---|---|\n", strings.Join(counts, ", "))
	for _, outcome := range outcomes {
		b.WriteString(strings.Join(lines[outcome], ""))
	}
}

var outcomes = []string{table.Missed, table.Unknown, table.Met}

// short is a row's name with no more of its promise than tells it from others.
func short(row *result.Row) string {
	if row.Durability == "-" {
		return fmt.Sprintf("%s (%s)", row.Name, row.Client)
	}
	return fmt.Sprintf("%s (%s, %s)", row.Name, row.Client, row.Durability)
}

// writeNotes writes each note once, with the rows that have it.
func writeNotes(b *bytes.Buffer, rows []*result.Row) {
	var notes []string
	of := map[string][]string{}
	for _, row := range rows {
		for _, n := range row.Notes {
			if of[n] == nil {
				notes = append(notes, n)
			}
			if name := short(row); !slices.Contains(of[n], name) {
				of[n] = append(of[n], name)
			}
		}
	}
	if notes == nil {
		return
	}
	b.WriteString("\nNotes:\n\n")
	for _, n := range notes {
		names := strings.Join(of[n], "; ")
		if len(of[n]) == len(rows) && len(rows) > 1 {
			names = "all rows"
		}
		fmt.Fprintf(b, "- %s: %s\n", cell(names), cell(n))
	}
}

// cell is text in one cell of one line, in which nothing is markup.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`").Replace(s)
}
