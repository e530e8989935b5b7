package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"moldau/server/interchange"
)

// interchangeFlags are those that import and export share.
type interchangeFlags struct {
	to     string
	method string
	o      interchange.Options
}

func (f *interchangeFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.method, "method", "copy", "`copy` data; link, by hard links, what nobody writes to again; or move: link, and take the source out of service")
	c.Flags().BoolVar(&f.o.DryRun, "dry-run", false, "tell what would be done, and write nothing")
	c.Flags().BoolVar(&f.o.Unverified, "unverified", false, "do not read every batch before the new directory appears: damage is found later")
	c.Flags().BoolVar(&f.o.MissingEmpty, "missing-empty", false, "let partitions that the source lacks begin empty")
}

// run runs an import or an export, and prints its receipt.
func (f *interchangeFlags) run(c *cobra.Command, work func(to string, o interchange.Options) (*interchange.Receipt, error)) error {
	method, err := interchange.ParseMethod(f.method)
	if err != nil {
		return usageErrorf("--method: %w", err)
	}
	if f.to == "" {
		return usageErrorf("--to is empty, want a directory that is empty or does not exist")
	}
	to, err := filepath.Abs(f.to)
	if err != nil {
		return err
	}
	m := newMeter(c.ErrOrStderr())
	defer m.line.clear()
	f.o.Method, f.o.Version = method, version()
	f.o.Progress = interchangeProgress(c.Context(), m)
	receipt, err := work(to, f.o)
	m.line.clear()
	if err != nil {
		return err
	}
	return printInterchange(outputOf(c), receipt)
}

func interchangeProgress(ctx context.Context, m *meter) func(interchange.Progress) error {
	return func(p interchange.Progress) error {
		switch {
		case p.Phase != interchange.Recovering:
			m.show(p.Phase, p.CheckProgress)
		case m.shown: // in logs, not in bytes
			m.line.show(fmt.Sprintf("%s: %d of %d logs", p.Phase, p.Done, p.Total))
		}
		return ctx.Err()
	}
}

func newLogImportCommand() *cobra.Command {
	var f interchangeFlags
	c := &cobra.Command{
		Use:   "import DIR...",
		Short: "Make a data directory of what Apache Kafka left in its log directories",
		Long: `Make a Moldau data directory of the log directories of one Apache Kafka node: all
of its log.dirs, and its metadata.log.dir if it has one. Kafka must be stopped; of
a node that was killed the logs are recovered, as at any start.

Topics keep their ids, configs, offsets, records and leader epochs; groups their
committed offsets; producers their sequences. What is not taken over is told, and
kept in moldau/import.json in the new directory. Settings of server.properties are
not in a log directory: give the file to 'moldau serve --config'. Retention above
all, or the default of a week deletes what Kafka was told to keep.

The directories are not changed. With --method link what neither side writes to
again is not copied, but shared; both must be on one file system, and whoever runs
the broker must be allowed to open Kafka's files. With --method move what was taken
over is removed once the new directory stands, and Kafka's meta.properties is
renamed so that it does not start there any more. The new directory appears as a
whole, with every batch checked, or not at all; an import that was interrupted can
be run again.

Topics of a larger cluster have one replica afterwards. A topic of which some
partitions lie on other nodes is refused: move them here first.

Exit codes: 0 done, 1 failed, 2 usage.`,
		Example: `  moldau log import /var/lib/kafka/data --to ./moldau-data --dry-run
  moldau log import /var/lib/kafka/data --to ./moldau-data
  moldau log import /disk1/kafka /disk2/kafka --to /disk1/moldau --method link`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dirs := make([]string, len(args))
			for n, dir := range args {
				real, err := realDir(dir)
				if err != nil {
					return err
				}
				dirs[n] = real
			}
			return f.run(c, func(to string, o interchange.Options) (*interchange.Receipt, error) {
				return interchange.Import(dirs, to, o)
			})
		},
	}
	f.register(c)
	c.Flags().StringVar(&f.to, "to", "./moldau-data", "data `directory` to make; it is empty or does not exist")
	return c
}

func newLogExportCommand() *cobra.Command {
	var f interchangeFlags
	c := &cobra.Command{
		Use:   "export DIR --to DIR",
		Short: "Make a log directory that Apache Kafka starts on",
		Long: `Make of a Moldau data directory a log directory of Apache Kafka 4.3, for a node
that is broker and controller in one process. The broker must have been stopped by
Ctrl-C or SIGTERM.

Topics keep their ids, configs, offsets, records and leader epochs; groups their
committed offsets; producers their sequences. What is not taken over is told, and
kept in moldau-export.json in the new directory.

Kafka is not to be formatted: give the new directory to it as log.dirs, with the
node.id that is told here. The data directory is not changed. With --method link
what neither side writes to again is not copied, but shared; both must be on one
file system, and Kafka must be allowed to open the files. With --method move the
data directory gets the suffix .exported once the new one stands, and loses what
was taken over; what recovery put aside stays there. The new directory appears as a whole, with every batch checked, or not at
all; an export that was interrupted can be run again.

Exit codes: 0 done, 1 failed, 2 usage.`,
		Example: `  moldau log export ./moldau-data --to /var/lib/kafka/data --dry-run
  moldau log export ./moldau-data --to /var/lib/kafka/data --method link`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := realDir(args[0])
			if err != nil {
				return err
			}
			return f.run(c, func(to string, o interchange.Options) (*interchange.Receipt, error) {
				return interchange.Export(data, to, o)
			})
		},
	}
	f.register(c)
	c.Flags().StringVar(&f.to, "to", "", "log `directory` to make; it is empty or does not exist")
	return c
}

// printInterchange prints a table of topics, and plainly what was left behind.
func printInterchange(o output, r *interchange.Receipt) error {
	return o.write(r, func(w io.Writer) {
		if len(r.Topics) > 0 {
			fmt.Fprintln(w, "TOPIC\tPARTITIONS\tRECORDS' OFFSETS\tBYTES\tCONFIGS\tID")
		}
		for i := range r.Topics {
			t := &r.Topics[i]
			var offsets, bytes int64
			for _, p := range t.Partitions {
				offsets += p.End - p.Start
				bytes += p.Bytes
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%s\n", t.Name, len(t.Partitions), offsetsText(r, offsets), bytesText(float64(bytes)), len(t.Configs), t.ID)
		}
		for _, l := range r.Recovered {
			fmt.Fprintf(w, "recovered: %s up to offset %d, %d bytes cut: %s\n", l.Log, l.End, l.BytesCut, l.Reason)
		}
		for _, open := range r.OpenTransactions {
			fmt.Fprintf(w, "open transaction: %s from offset %d, producer id %d\n", open.Log, open.First, open.ProducerID)
		}
		for _, note := range r.Notes {
			fmt.Fprintf(w, "note: %s\n", note)
		}
		for _, n := range r.NotTaken {
			fmt.Fprintf(w, "NOT TAKEN OVER: %s: %s\n", n.What, n.Reason)
		}
		fmt.Fprintln(w, interchangeSummary(r))
	})
}

// offsetsText is how many offsets there are, which a dry run does not find out.
func offsetsText(r *interchange.Receipt, n int64) string {
	if r.DryRun && r.Operation == "import" {
		return "-"
	}
	return fmt.Sprint(n)
}

func interchangeSummary(r *interchange.Receipt) string {
	how := fmt.Sprintf("%d topics, %d partitions, %d files of %s", len(r.Topics), r.Partitions(), r.Files, bytesText(float64(r.Bytes)))
	if r.FilesLinked > 0 {
		how += fmt.Sprintf(", of which %d of %s by hard link", r.FilesLinked, bytesText(float64(r.BytesLinked)))
	}
	if !r.Clean {
		how += ", from a directory that was not closed cleanly"
	}
	switch {
	case r.DryRun:
		return how + ". Nothing was written."
	case r.Operation == "import":
		return fmt.Sprintf("%s are in %s. Start it by: moldau serve --data %s --set node.id=%d", how, r.To, r.To, r.NodeID)
	}
	return fmt.Sprintf("%s are in %s. Start Kafka there with log.dirs=%s and node.id=%d, and do not format it.", how, r.To, r.To, r.NodeID)
}
