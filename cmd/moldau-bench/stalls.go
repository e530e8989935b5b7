package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"moldau/bench/pace"
	"moldau/bench/result"
	"moldau/bench/yardstick"
)

// stall is how late a wake-up counts as one that the machine did not let happen.
const stall = 5 * time.Millisecond

// stalls tells how late threads wake up that nobody but the kernel and the host can
// keep waiting.
func stalls() *cobra.Command {
	var how time.Duration
	c := &cobra.Command{
		Use:   "stalls",
		Short: "Watch how late the machine lets threads wake up, while something else runs",
		Long: `Wakes up every millisecond on each core, with real-time priority where it may, and tells
how late that was. No ordinary thread can keep such a one waiting: latencies of a
scenario that runs meanwhile are no better than these, whatever it measures. A virtual
machine whose host bounds its share of time shows stalls that are 100 ms apart.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), how)
			defer cancel()
			watches := make([]watch, runtime.NumCPU())
			var wait sync.WaitGroup
			for core := range watches {
				wait.Go(func() { watches[core].run(ctx, core) })
			}
			wait.Wait()
			t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintf(t, "core\treal time\twakes\tp99-ms\tp99.9-ms\tmax-ms\tstalls of %v and more\tms between two of them, median\n", stall)
			for core := range watches {
				w := &watches[core]
				if w.err != nil {
					return fmt.Errorf("core %d: %w", core, w.err)
				}
				fmt.Fprintf(t, "%d\t%t\t%d\t%.3g\t%.3g\t%.3g\t%d\t%s\n", core, w.realTime, w.late.TotalCount(), w.late.Ms(99), w.late.Ms(99.9), w.late.Ms(100), len(w.stalls), w.apart())
			}
			return t.Flush()
		},
	}
	c.Flags().DurationVar(&how, "for", time.Minute, "`TIME` to watch")
	return c
}

// watch is that of one core.
type watch struct {
	realTime bool
	err      error
	late     *result.Latency
	stalls   []time.Time
}

func (w *watch) run(ctx context.Context, core int) {
	w.late = result.NewLatency()
	w.realTime, w.err = pace.Watch(ctx, core, func(at time.Time, late time.Duration) {
		w.late.Record(late)
		if late >= stall {
			w.stalls = append(w.stalls, at)
		}
	})
}

// apart is the median time between two stalls.
func (w *watch) apart() string {
	var ms []float64
	for i, at := range w.stalls[min(1, len(w.stalls)):] {
		ms = append(ms, at.Sub(w.stalls[i]).Seconds()*1000)
	}
	if len(ms) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", yardstick.Median(ms))
}
