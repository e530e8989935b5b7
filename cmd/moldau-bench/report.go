package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"moldau/bench/report"
	"moldau/bench/result"
)

func reportCommand() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "report RUN...",
		Short: "Make a page, plots and files for other programs of runs",
		Long: `Makes a report of runs, each a directory with a run.json or such a file: one page
that stands alone, its plots as SVG, HdrHistogram logs and percentile text, JSON in
the OpenMessaging Benchmark's words, and Go benchmark lines for benchstat.`,
		Example: "  moldau-bench report bench/out/produce-20260101-120000 --to report",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			runs, err := load(args)
			if err != nil {
				return err
			}
			if err := report.Write(to, runs...); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s/index.html\n", to)
			return err
		},
	}
	c.Flags().StringVar(&to, "to", "", "`DIRECTORY` of the report")
	_ = c.MarkFlagRequired("to") // fails only if there is no such flag
	return c
}

func load(paths []string) ([]*result.Run, error) {
	var runs []*result.Run
	for _, path := range paths {
		run, err := result.Load(path)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}
