package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"moldau/bench/report/compare"
	"moldau/bench/result"
)

func compareCommand() *cobra.Command {
	var (
		metrics   []string
		o         compare.Options
		failAbove float64
	)
	c := &cobra.Command{
		Use:   "compare BEFORE AFTER",
		Short: "Tell what changed between two runs, and how surely",
		Long: `Compares rows and systems that both runs have: medians, the change in percent, and
the probability p of such a difference by chance, by the Mann-Whitney U test. "~" is
a difference with p of 5 % or more. With --fail-above it is for CI: the exit status is
1 if Moldau is worse by more than that, surely, in any row, and also if the runs have
too few blocks to tell.`,
		Example: "  moldau-bench compare results/main results/branch --fail-above 10\n  moldau-bench compare results/may results/june --over kafka --metric MB/s",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			runs, err := load(args)
			if err != nil {
				return err
			}
			for _, m := range metrics {
				o.Metrics = append(o.Metrics, result.Metric(m))
			}
			for _, line := range compare.Differences(runs[0], runs[1]) {
				fmt.Fprintln(c.ErrOrStderr(), "the runs differ in", line)
			}
			changes := compare.Runs(runs[0], runs[1], o)
			if len(changes) == 0 {
				return fmt.Errorf("the runs have nothing in common")
			}
			if err := compare.Print(c.OutOrStdout(), changes); err != nil {
				return err
			}
			if c.Flags().Changed("fail-above") {
				return compare.Gate(changes, failAbove)
			}
			return nil
		},
	}
	c.Flags().StringSliceVar(&metrics, "metric", nil, "`METRICS` to compare (default: each row's headline)")
	c.Flags().StringVar(&o.Over, "over", "", "compare ratios to this `SYSTEM`'s figures of the same turns")
	c.Flags().Float64Var(&failAbove, "fail-above", 0, "fail if Moldau is worse by more than `PERCENT`")
	return c
}
