package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"moldau/bench/harness"
	"moldau/bench/result"
)

// printPlan tells what would be measured.
func printPlan(ctx context.Context, c *cobra.Command, o harness.Options, chosen []harness.Scenario) (err error) {
	plans, err := planned(ctx, o, chosen...)
	if err != nil {
		return err
	}
	all := time.Duration(0)
	t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, p := range plans {
		for i := range p.Rows {
			w := &p.Rows[i]
			fmt.Fprintf(t, "%s\t%d blocks of", w.Row.Key(), w.Blocks)
			for _, contestant := range w.Contestants {
				fmt.Fprintf(t, " %s", contestant.System)
			}
			if w.DiskBytes > 0 {
				fmt.Fprintf(t, "; up to %.1f GB on the disk", float64(w.DiskBytes)/1e9)
			}
			fmt.Fprintln(t)
		}
		fmt.Fprintf(t, "%s: %d rows, %d blocks\tabout %s\n", p.Scenario, len(p.Rows), p.Blocks(), roughly(p.Expect()))
		all += p.Expect()
	}
	if len(plans) > 1 {
		fmt.Fprintf(t, "all\tabout %s\n", roughly(all))
	}
	return t.Flush()
}

// planned plans in a session that measures nothing and leaves nothing.
func planned(ctx context.Context, o harness.Options, chosen ...harness.Scenario) (plans []*harness.Plan, err error) {
	s := harness.NewSession(o, &result.Run{Environment: map[string]string{}}, io.Discard)
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Plan(ctx, chosen...)
}

// defaultTime is how long a scenario takes with all its defaults, or in a quick run.
func defaultTime(ctx context.Context, s harness.Scenario, quick bool) (time.Duration, error) {
	var o harness.Options
	flags := pflag.NewFlagSet(s.Name, pflag.ContinueOnError)
	o.Declare(flags)
	if s.Flags != nil {
		s.Flags(flags)
	}
	if o.Quick = quick; quick {
		if err := harness.Hasten(flags); err != nil {
			return 0, err
		}
	}
	plans, err := planned(ctx, o, s)
	if err != nil {
		return 0, err
	}
	return plans[0].Expect(), nil
}

// roughly is a time as exact as an estimate is.
func roughly(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%.0f s", max(5, d.Round(5*time.Second).Seconds()))
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}
