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
		Short: "Examine, mend and exchange logs on disk, without a broker",
		Long: `Examine and mend logs on disk, without a broker: Moldau's or Apache Kafka's, for
the files are the same; and make a data directory of one into one of the other.
Of an existing directory only repair changes anything, and import and export with
--method move. Stop the broker for all of them: what is being written to looks torn.`,
		Example: `  moldau log verify ./moldau-data
  moldau log stat ./moldau-data
  moldau log repair ./moldau-data --dry-run
  moldau log dump ./moldau-data/logs/orders-0
  moldau log import /var/lib/kafka/data --to ./moldau-data
  moldau log export ./moldau-data --to /var/lib/kafka/data`,
		RunE: requireSubcommand,
	}
	c.AddCommand(newLogVerifyCommand(), newLogStatCommand(), newLogDumpCommand(), newLogRepairCommand(),
		newLogImportCommand(), newLogExportCommand())
	return c
}
