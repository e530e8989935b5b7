package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"moldau/logstore"
)

func newLogVerifyCommand() *cobra.Command {
	var deep bool
	c := &cobra.Command{
		Use:   "verify DIR",
		Short: "Check every file of a partition or of a whole data directory",
		Long: `Check every file of a partition, of a Kafka log directory, or of a Moldau data
directory: checksums, offsets, indexes against the data, checkpoints, snapshots.

A fault is damage. A note is not: what a crash leaves and a start repairs, the
gaps of compaction, unknown files.

Exit codes: 0 no fault, 1 a fault was found or the check failed, 2 usage.`,
		Example: `  moldau log verify ./moldau-data
  moldau log verify /var/lib/kafka/data/orders-0 --deep
  moldau log verify ./moldau-data --format json | jq .faults`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			report, err := verify(c.Context(), args[0], deep, c.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := printReport(outputOf(c), report); err != nil {
				return err
			}
			if n := report.Faults(); n > 0 {
				return fmt.Errorf("%w: %d", errFaults, n)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&deep, "deep", false, "walk the records of every batch, compressed ones too")
	return c
}

func verify(ctx context.Context, dir string, deep bool, progress io.Writer) (*logstore.CheckReport, error) {
	fsys, name, err := openLogDir(dir)
	if err != nil {
		return nil, err
	}
	defer fsys.Close()
	m := newMeter(progress)
	defer m.line.clear()
	return logstore.Check(fsys, name, logstore.CheckOptions{Deep: deep, Progress: m.progress(ctx, "check")})
}

func printReport(o output, r *logstore.CheckReport) error {
	type finding struct {
		Severity string `json:"severity"`
		File     string `json:"file"`
		Byte     int64  `json:"byte"`
		Text     string `json:"text"`
	}
	findings := make([]finding, 0, len(r.Findings))
	for _, f := range r.Findings {
		findings = append(findings, finding{f.Severity.String(), f.File, f.Offset, f.Text})
	}
	faults := r.Faults()
	notes := len(findings) - faults
	return o.write(struct {
		Faults     int       `json:"faults"`
		Notes      int       `json:"notes"`
		Partitions int       `json:"partitions"`
		Segments   int       `json:"segments"`
		Batches    int64     `json:"batches"`
		Records    int64     `json:"records"`
		Bytes      int64     `json:"bytes"`
		Findings   []finding `json:"findings"`
	}{faults, notes, r.Partitions, r.Segments, r.Batches, r.Records, r.Bytes, findings}, func(w io.Writer) {
		for _, f := range r.Findings {
			fmt.Fprintln(w, f)
		}
		fmt.Fprintf(w, "%d partitions, %d segments, %d batches, %d records, %d bytes: %d faults, %d notes\n",
			r.Partitions, r.Segments, r.Batches, r.Records, r.Bytes, faults, notes)
	})
}
