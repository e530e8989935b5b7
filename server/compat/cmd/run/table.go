package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printTable writes the table, and below it what is wrong.
func printTable(w io.Writer, rows []row) {
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "suite\tpassed\tfailed\tpinned\tseconds\t")
	for _, r := range rows {
		remark := ""
		if !r.Good() {
			remark = "FAILED"
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%.0f\t%s\n", r.name, r.Passed, r.Failed, r.Pinned, r.seconds, remark)
	}
	table.Flush()
	for _, r := range rows {
		for _, f := range r.Faults {
			fmt.Fprintf(w, "%s: %s\n", r.name, f)
		}
	}
}
