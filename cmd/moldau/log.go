package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// errFaults makes the process exit with 1 after the faults were printed.
var errFaults = errors.New("faults found")

func newLogCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "log",
		Short: "Examine and mend logs on disk, without a broker",
		Long: `Examine and mend logs on disk, without a broker: Moldau's or Apache Kafka's, for
the files are the same. Only repair writes, and only where nothing runs. Stop the
broker for the others too: what is being written to looks torn.`,
		Example: `  moldau log verify ./moldau-data
  moldau log stat ./moldau-data
  moldau log repair ./moldau-data --dry-run
  moldau log dump ./moldau-data/logs/orders-0`,
		RunE: requireSubcommand,
	}
	c.AddCommand(newLogVerifyCommand(), newLogStatCommand(), newLogDumpCommand(), newLogRepairCommand())
	return c
}
