package main

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"moldau/bench/child"
	"moldau/bench/client"
	"moldau/bench/commits"
	"moldau/bench/harness"
	"moldau/bench/limit"
	"moldau/bench/recovery"
)

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "moldau-bench",
		Short:         "Measure Moldau beside other systems and limit programs",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	all := scenarios()
	c.AddCommand(list(all), run(all), reportCommand(), compareCommand(), markdownCommand(), stalls(), clientProcess(), limitProcess(), childProcess())
	return c
}

func list(all []harness.Scenario) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the scenarios, and about how long each takes",
		Long: `Lists the scenarios, and about how long each takes by its defaults, and in a quick
run, on a machine of two cores. run SCENARIO --plan tells the same of other flags.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "scenario\tabout\t--quick\twhat it measures")
			for _, s := range all {
				whole, err := defaultTime(c.Context(), s, false)
				if err != nil {
					return err
				}
				quick, err := defaultTime(c.Context(), s, true)
				if err != nil {
					return err
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.Name, roughly(whole), roughly(quick), s.Summary)
			}
			return t.Flush()
		},
	}
}

func limitProcess() *cobra.Command {
	return &cobra.Command{
		Use:    limit.Command + " PROGRAM ADDRESS DATA KEYSTORE",
		Hidden: true,
		Args:   cobra.ExactArgs(4),
		RunE: func(c *cobra.Command, args []string) error {
			return limit.Run(c.Context(), args[0], args[1], args[2], args[3])
		},
	}
}

func clientProcess() *cobra.Command {
	return &cobra.Command{
		Use:    client.Command,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return client.Serve(c.Context(), c.InOrStdin(), c.OutOrStdout())
		},
	}
}

// childProcess plays a part of a scenario.
func childProcess() *cobra.Command {
	return &cobra.Command{
		Use:    child.Command + " ROLE",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, role []string) error {
			return child.Serve(c.Context(), slices.Concat(commits.Roles(), recovery.Roles()), role[0], c.InOrStdin(), c.OutOrStdout())
		},
	}
}
