package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"moldau/bench/report/markdown"
)

func markdownCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "markdown RUN...",
		Short: "Write the figures of runs into BENCHMARKS.md",
		Long: `Writes the generated parts of a Markdown file, each between the lines
<!-- begin SCENARIO --> and <!-- end SCENARIO -->, for the scenarios of the runs. All
else in the file stays as it is, parts of scenarios that no run has included. Several
runs of a scenario share a part; of a row that several have, the last one's counts, and
the part says so.`,
		Example: "  moldau-bench markdown bench/out/produce-20260101-120000",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			runs, err := load(args)
			if err != nil {
				return err
			}
			before, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			after, written, err := markdown.Regenerate(before, runs...)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			// In one step: a file that is half written would lose what is by hand.
			next := file + ".next"
			if err := os.WriteFile(next, after, 0o644); err != nil {
				return err
			}
			if err := os.Rename(next, file); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", file, strings.Join(written, ", "))
			return err
		},
	}
	c.Flags().StringVar(&file, "file", "BENCHMARKS.md", "the `FILE` with the parts")
	return c
}
