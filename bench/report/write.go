package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"moldau/bench/report/export"
	"moldau/bench/report/table"
	"moldau/bench/result"
)

// Write writes the report of some runs into dir, which is made if it is missing.
func Write(dir string, runs ...*result.Run) error {
	w := &writer{dir: dir}
	var pages []runPage
	for i, run := range runs {
		p, err := w.run(run)
		if err != nil {
			return err
		}
		pages = append(pages, p)
		name := "benchstat.txt"
		if len(runs) > 1 {
			name = fmt.Sprintf("benchstat-%d.txt", i+1)
		}
		if err := w.write(name, func(out io.Writer) error { return export.Benchstat(out, run) }); err != nil {
			return err
		}
	}
	return w.write("index.html", func(out io.Writer) error { return page.Execute(out, pages) })
}

// writer writes files into a directory.
type writer struct {
	dir  string
	rows int // so far, for their numbers
}

// write writes one file. An export that has nothing leaves none.
func (w *writer) write(name string, fill func(io.Writer) error) error {
	var b bytes.Buffer
	if err := fill(&b); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if b.Len() == 0 {
		return nil
	}
	file := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// row writes a row's exports and tells what its files are called.
func (w *writer) row(run *result.Run, row *result.Row) (name string, err error) {
	w.rows++
	name = fmt.Sprintf("%03d-%s", w.rows, slug(row.Scenario+" "+strings.TrimPrefix(row.Name, row.Scenario)+" "+row.Client+" "+row.Durability))
	for i := range row.Series {
		s := &row.Series[i]
		file := name + "-" + slug(s.System)
		err := w.write(filepath.Join("openmessaging", file+".json"), func(out io.Writer) error { return export.OpenMessaging(out, row, s) })
		if err == nil && s.Merged() != nil {
			err = w.write(filepath.Join("latency", file+".hlog"), func(out io.Writer) error { return export.HistogramLog(out, run.At, row.Title(), s) })
			if err == nil {
				err = w.write(filepath.Join("latency", file+".txt"), func(out io.Writer) error { return export.Percentiles(out, s) })
			}
		}
		if err != nil {
			return "", err
		}
	}
	return name, nil
}

// slug is text as a file name, of 80 characters at most.
func slug(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	name := strings.Join(words, "-")
	return strings.Trim(name[:min(len(name), 80)], "-")
}

// run writes the files of a run's rows and fills its part of the page.
func (w *writer) run(run *result.Run) (runPage, error) {
	p := runPage{At: run.At.UTC().Format("2006-01-02 15:04 UTC"), Command: table.Command(run), Facts: table.Environment(run), Steal: table.Steal(run, run.Rows)}
	for _, scenario := range table.Scenarios(run) {
		s := scenarioPage{Name: scenario}
		rows := table.Rows(run, scenario)
		for _, row := range rows {
			name, err := w.row(run, row)
			if err != nil {
				return p, err
			}
			r := rowPage{Table: table.Of(row), File: name}
			if r.Bars, r.Latency, err = w.rowPlots(name, row); err != nil {
				return p, err
			}
			s.count(r.Table)
			s.Rows = append(s.Rows, r)
		}
		var err error
		if s.Plots, err = w.scenarioPlots(scenario, rows); err != nil {
			return p, err
		}
		p.Scenarios = append(p.Scenarios, s)
	}
	return p, nil
}
