package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// errFaults makes the process exit with 1 after the faults were printed.
var errFaults = errors.New("faults found")

func newLogCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "log",
		Short: "Examine logs on disk, without a broker",
		Long: `Examine logs on disk, without a broker: Moldau's or Apache Kafka's, for the
files are the same. Nothing is ever written. Stop the broker first: what is
being written to looks torn.`,
		Example: `  moldau log verify ./moldau-data
  moldau log dump ./moldau-data/logs/orders-0`,
		RunE: requireSubcommand,
	}
	c.AddCommand(newLogVerifyCommand(), newLogDumpCommand())
	return c
}

// isTerminal tells whether progress would be seen by a person.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
