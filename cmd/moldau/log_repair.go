package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

func newLogRepairCommand() *cobra.Command {
	var backup string
	var dryRun bool
	c := &cobra.Command{
		Use:   "repair DIR",
		Short: "Mend what verify finds, with a backup of every file that changes",
		Long: `Mend what verify finds in a partition, a Kafka log directory, or a Moldau data
directory, so that its logs open, serve all batches that are sound, and take
appends. The broker must be stopped.

Indexes and checkpoints are built anew. Of a .log file the bytes are taken out
that are in no sound batch; batches behind them keep their offsets. A file that
does not belong where it is gets the suffix .cut. A data directory that was not
closed cleanly is recovered first, as at any start of a broker.

Every file is copied before it changes, to --backup, or to moldau/repair-<time>
in the data directory, or to <directory>-repair-<time> beside one of Kafka's.
receipt.json there tells what was lost and how to undo it. A repair that was
interrupted can be run again; of a data directory it must be, of all of it, before
a broker starts there.

Exit codes: 0 nothing is wrong any more, 1 faults are left (after --dry-run:
there are faults) or the repair failed, 2 usage.`,
		Example: `  moldau log repair ./moldau-data --dry-run
  moldau log repair ./moldau-data
  moldau log repair /var/lib/kafka/data/orders-0 --backup /var/backups/orders-0
  moldau log repair ./moldau-data --format json | jq '.changes[].lost'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			receipt, err := repairLogs(c.Context(), args[0], backup, dryRun, c.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := printReceipt(outputOf(c), receipt); err != nil {
				return err
			}
			if n := len(receipt.Remaining); n > 0 {
				return fmt.Errorf("%w: %d", errFaults, n)
			}
			return nil
		},
	}
	c.Flags().StringVar(&backup, "backup", "", "`directory` for the old files and the receipt")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "tell what would be done, and change nothing")
	return c
}

func repairLogs(ctx context.Context, dir, backup string, dryRun bool, progress io.Writer) (*logstore.Receipt, error) {
	dir, err := realDir(dir)
	if err != nil {
		return nil, err
	}
	root, logs := repairRoot(dir)
	name, err := filepath.Rel(root, dir)
	if err != nil {
		return nil, err
	}
	fsys, err := vfs.OpenOS(root)
	if err != nil {
		return nil, err
	}
	defer fsys.Close()
	m := newMeter(progress)
	defer m.line.clear()
	o := logstore.RepairOptions{Version: version(), DryRun: dryRun, Progress: func(p logstore.RepairProgress) error {
		m.show(p.Phase, p.CheckProgress)
		return ctx.Err()
	}}
	if backup != "" && !dryRun {
		if backup, err = filepath.Abs(backup); err != nil {
			return nil, err
		}
		if strings.HasPrefix(backup+string(filepath.Separator), logs+string(filepath.Separator)) {
			return nil, usageErrorf("the backup may not lie in %s: Kafka does not start with a foreign directory in there", logs)
		}
		to, err := vfs.OpenOS(filepath.Dir(backup))
		if err != nil {
			return nil, err
		}
		defer to.Close()
		o.BackupFS, o.Backup = to, filepath.Base(backup)
	}
	receipt, err := logstore.Repair(fsys, filepath.ToSlash(name), o)
	if receipt.Backup != "" {
		if receipt.Backup = filepath.Join(root, receipt.Backup); backup != "" {
			receipt.Backup = backup
		}
		if err != nil {
			err = fmt.Errorf("%w; run it again: what may have changed so far is told by receipt.json in %s", err, receipt.Backup)
		}
	}
	return receipt, err
}

// printReceipt prints a table of what changed, and plainly what is lost.
func printReceipt(o output, r *logstore.Receipt) error {
	return o.write(r, func(w io.Writer) {
		if r.Unclean && r.DryRun {
			fmt.Fprintln(w, "The directory was not closed cleanly: a repair would first recover it, as a start does, and then judge anew.")
		}
		for _, l := range r.Recovered {
			fmt.Fprintf(w, "%s was recovered up to offset %d: %d bytes cut, %s\n", l.Log, l.End, l.BytesCut, l.Reason)
		}
		if len(r.Changes) > 0 {
			fmt.Fprintln(w, "FILE\tFOUND\tDONE")
		}
		for _, c := range r.Changes {
			fmt.Fprintf(w, "%s\t%s\t%s\n", c.File, c.Problem, c.Action)
		}
		for _, l := range r.Lost() {
			fmt.Fprintln(w, l)
		}
		for _, f := range r.Remaining {
			fmt.Fprintln(w, f)
		}
		fmt.Fprintln(w, receiptSummary(r))
	})
}

func receiptSummary(r *logstore.Receipt) string {
	switch n := len(r.Changes); {
	case n == 0 && len(r.Remaining) == 0:
		return "Nothing is to be mended."
	case n == 0:
		return fmt.Sprintf("Nothing could be mended, %d faults are left.", len(r.Remaining))
	case r.DryRun:
		return fmt.Sprintf("%d files would change. Nothing was changed.", n)
	default:
		return fmt.Sprintf("%d files changed, %d faults are left. The old files and receipt.json are in %s.", n, len(r.Remaining), r.Backup)
	}
}
