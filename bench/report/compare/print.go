package compare

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"moldau/bench/report/figure"
	"moldau/bench/report/table"
	"moldau/bench/result"
)

// Print writes a table. "~" is a difference that chance may have made.
func Print(w io.Writer, changes []Change) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "row\tsystem\tmetric\tbefore\tafter\tchange\tp\tblocks")
	few := false
	for _, c := range changes {
		if c.Lost {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t-\tno longer told\t-\t%d+0\n", c.Row.Key(), c.System, c.Metric, figure.Number(c.Before), c.Blocks[0])
			continue
		}
		change := "~"
		if c.Certain {
			word := "better"
			if c.Worse() > 0 {
				word = "worse"
			}
			change = fmt.Sprintf("%+.1f %% %s", c.Percent(), word)
		}
		p := fmt.Sprintf("%.3f", c.P)
		if !c.EnoughForChange {
			p += " *"
			few = true
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d+%d\n", c.Row.Key(), c.System, c.Metric,
			figure.Number(c.Before), figure.Number(c.After), change, p, c.Blocks[0], c.Blocks[1])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if few {
		_, err := fmt.Fprintln(w, "* too few blocks to tell any difference at 5 %: run with --blocks 5 or more")
		return err
	}
	return nil
}

// built are the facts that may differ.
var built = []string{"commit", "moldau was built of", "load at start"}

// Differences are facts of the two environments that are not the same, a line each.
// Only what was built may differ in a fair comparison: its commit is left out.
func Differences(before, after *result.Run) []string {
	var lines []string
	old := table.Environment(before)
	for _, f := range table.Environment(after) {
		i := slices.IndexFunc(old, func(o table.Fact) bool { return o.Name == f.Name })
		if i >= 0 && !slices.Contains(built, f.Name) && old[i].Value != f.Value {
			lines = append(lines, fmt.Sprintf("%s: %s, now %s", f.Name, old[i].Value, f.Value))
		}
	}
	return lines
}

// Errors of a gate.
var (
	ErrWorse = errors.New("worse than allowed")
	ErrBlind = errors.New("nothing could have been found worse")
)

// Gate fails with [ErrWorse] if the subject became worse by more than percent with
// certainty, in any row, or has a figure no more. One that could not fail, for want of common rows or of
// blocks, fails with [ErrBlind].
func Gate(changes []Change, percent float64) error {
	var worse []string
	seeing := false
	for _, c := range changes {
		if c.System != table.Subject {
			continue
		}
		if c.Lost {
			worse = append(worse, fmt.Sprintf("%s: %s is no longer told", c.Row.Key(), c.Metric))
			continue
		}
		seeing = seeing || c.EnoughForChange
		if c.Certain && c.Worse() > percent {
			worse = append(worse, fmt.Sprintf("%s: %s by %.1f %%", c.Row.Key(), c.Metric, c.Worse()))
		}
	}
	switch {
	case worse != nil:
		return fmt.Errorf("%w (%g %%): %s", ErrWorse, percent, strings.Join(worse, "; "))
	case !seeing:
		return fmt.Errorf("%w: no row of %s in both runs has enough blocks (four and four, or more)", ErrBlind, table.Subject)
	}
	return nil
}
