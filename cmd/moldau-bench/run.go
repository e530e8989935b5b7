package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"moldau/bench/atscale"
	"moldau/bench/commits"
	"moldau/bench/compaction"
	"moldau/bench/disk"
	"moldau/bench/durable"
	"moldau/bench/embedded"
	"moldau/bench/harness"
	"moldau/bench/ontime"
	"moldau/bench/overwire"
	"moldau/bench/recovery"
	"moldau/bench/result"
	"moldau/bench/scale"
	"moldau/bench/system"
	"moldau/bench/yardstick"
)

// scenarios are all there are. Those over the wire share their brokers.
func scenarios() []harness.Scenario {
	pool := shared()
	return []harness.Scenario{
		overwire.Produce(pool),
		overwire.Fetch(pool),
		overwire.Acks(pool),
		overwire.JetStream(pool),
		overwire.TLS(pool),
		ontime.Latency(pool),
		ontime.CatchUp(pool),
		ontime.Steady(pool),
		atscale.Partitions(pool),
		atscale.Connections(pool),
		atscale.Start(pool),
		atscale.Restart(pool),
		commits.Scenario(pool),
		compaction.Scenario(),
		compaction.Beside(),
		durable.Scenario(),
		embedded.Scenario(),
		recovery.Scenario(),
		scale.Scenario(),
	}
}

// shared makes one pool for each session.
func shared() func(*harness.Session) *system.Pool {
	var pool *system.Pool
	var of *harness.Session
	return func(s *harness.Session) *system.Pool {
		if of != s {
			pool, of = system.NewPool(s), s
		}
		return pool
	}
}

func run(all []harness.Scenario) *cobra.Command {
	var (
		o    harness.Options
		only bool
	)
	c := &cobra.Command{
		Use:     "run SCENARIO...",
		Short:   "Measure scenarios, with their systems in turns",
		Example: "  moldau-bench run produce --quick\n  moldau-bench run produce fetch --blocks 5 --out results/today\n  moldau-bench run produce --systems moldau,kafka --rows lz4 --plan",
	}
	o.Declare(c.PersistentFlags())
	c.PersistentFlags().BoolVar(&only, "plan", false, "measure nothing: tell the rows, and about how long they would take")
	own := map[string]*pflag.FlagSet{} // by scenario
	for _, s := range all {
		one := &cobra.Command{
			Use:   s.Name,
			Short: s.Summary,
			Long:  s.Summary + ".\n\n" + s.Help,
			Args:  cobra.ArbitraryArgs,
			RunE: func(c *cobra.Command, more []string) error {
				if o.Quick {
					for _, flags := range own {
						if err := harness.Hasten(flags); err != nil {
							return err
						}
					}
				}
				return measure(c.Context(), c, o, all, append([]string{s.Name}, more...), only)
			},
		}
		if s.Flags != nil {
			s.Flags(one.Flags())
			own[s.Name] = one.Flags()
		}
		c.AddCommand(one)
	}
	return c
}

// pinned tells where a process may run.
func pinned(cpus string) string {
	if cpus == "" {
		return "any (not pinned)"
	}
	return cpus
}

// measure runs the named scenarios in one session.
func measure(ctx context.Context, c *cobra.Command, o harness.Options, all []harness.Scenario, names []string, only bool) (err error) {
	if err := o.Check(); err != nil {
		return err
	}
	chosen, err := named(all, names)
	if err != nil {
		return err
	}
	if only {
		return printPlan(ctx, c, o, chosen)
	}
	if warning := yardstick.Busy(); warning != "" {
		fmt.Fprintln(c.ErrOrStderr(), warning)
	}
	head := yardstick.NewRun(cmp.Or(os.Getenv("MOLDAU_COMPAT"), "."), map[string]string{
		"broker cores": pinned(o.BrokerCPUs), "client cores": pinned(o.ClientCPUs), "disk": disk.FileSystem(o.Dir), "kafka": system.KafkaVersion(),
	})
	if o.Out == "" {
		o.Out = filepath.Join("bench", "out", strings.Join(names, "-")+"-"+head.At.Format("20060102-150405"))
	}
	s := harness.NewSession(o, &result.Run{At: head.At, Environment: head.Environment, Command: head.Command}, c.ErrOrStderr())
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Measure(ctx, chosen...); err != nil {
		return err
	}
	s.Say("figures: %s", o.Out)
	return nil
}

// named are the scenarios of those names, each once.
func named(all []harness.Scenario, names []string) (chosen []harness.Scenario, err error) {
	for i, name := range names {
		at := slices.IndexFunc(all, func(s harness.Scenario) bool { return s.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("no scenario %q: see moldau-bench list", name)
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("scenario %s twice", name)
		}
		chosen = append(chosen, all[at])
	}
	return chosen, nil
}
