package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"moldau/logstore"
)

func newLogStatCommand() *cobra.Command {
	var deep bool
	c := &cobra.Command{
		Use:   "stat DIR",
		Short: "Tell what each log of a directory holds",
		Long: `Tell what each log of a partition, a Kafka log directory, or a Moldau data
directory holds: sizes, offsets, batches and their codecs, times, producers, open
transactions, indexes, and how much a start after a crash would read. The largest
comes first.

The broker may be running: what it is writing at the moment looks torn.`,
		Example: `  moldau log stat ./moldau-data
  moldau log stat ./moldau-data/logs/orders-0 --deep
  moldau log stat ./moldau-data --format json | jq '.logs[] | {log, records}'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			fsys, name, err := openLogDir(args[0])
			if err != nil {
				return err
			}
			defer fsys.Close()
			m := newMeter(c.ErrOrStderr())
			report, err := logstore.Stat(fsys, name, logstore.StatOptions{Deep: deep, Progress: m.progress(c.Context(), "read")})
			m.line.clear()
			if err != nil {
				return err
			}
			return printStat(outputOf(c), report)
		},
	}
	c.Flags().BoolVar(&deep, "deep", false, "unpack every batch: tells how well records are compressed")
	return c
}

func printStat(o output, r *logstore.StatReport) error {
	return o.write(r, func(w io.Writer) {
		fmt.Fprintln(w, "LOG\tSEGMENTS\tDATA\tINDEXES\tSTART\tEND\tRECORDS\tBATCHES\tAVERAGE\tCODECS\tOLDEST\tNEWEST\tEPOCH\tPRODUCERS\tOPEN\tABORTED\tENTRY EVERY\tSYNCED\tBEHIND")
		for i := range r.Logs {
			printStatRow(w, &r.Logs[i], false)
		}
		if len(r.Logs) > 1 {
			printStatRow(w, &r.Total, true)
		}
		for i := range r.Logs {
			for _, line := range statRemarks(&r.Logs[i]) {
				fmt.Fprintf(w, "%s: %s\n", r.Logs[i].Log, line)
			}
		}
		if !r.Clean {
			fmt.Fprintln(w, "Not closed cleanly: in use, or killed. What is being written looks torn.")
		}
	})
}

func printStatRow(w io.Writer, l *logstore.LogStat, total bool) {
	start, end, epoch, synced := fmt.Sprint(l.Start), fmt.Sprint(l.End), "-", "-"
	if n := len(l.Epochs); n > 0 {
		epoch = fmt.Sprint(l.Epochs[n-1].Epoch)
	}
	if l.RecoveryPoint >= 0 {
		synced = fmt.Sprint(l.RecoveryPoint)
	}
	if total {
		start, end = "-", "-"
	}
	every := "-"
	if l.OffsetEntries > 0 {
		every = bytesText(float64(l.DataBytes) / float64(l.OffsetEntries))
	}
	fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", l.Log, l.Segments,
		bytesText(float64(l.DataBytes)), bytesText(float64(l.IndexBytes)), start, end, l.Records, l.Batches, bytesText(float64(l.BatchBytes())),
		codecsText(l.Codecs), timeText(l.TimestampMin), timeText(l.TimestampMax), epoch, l.Producers, len(l.Open), l.Aborted, every, synced,
		bytesText(float64(l.BytesBehind)))
}

// codecsText is each codec's share of the batches, with how much larger its
// records are unpacked, where that is known.
func codecsText(codecs []logstore.CodecStat) string {
	var parts []string
	for _, c := range codecs {
		part := fmt.Sprintf("%s %d", c.Codec, c.Batches)
		if c.Codec != "none" && c.Unpacked >= 0 && c.Bytes > 0 {
			part += fmt.Sprintf(" (%.1fx)", float64(c.Unpacked)/float64(c.Bytes))
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

func timeText(ms int64) string {
	if ms < 0 {
		return "-"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05Z")
}

// statRemarks are what few logs have.
func statRemarks(l *logstore.LogStat) (lines []string) {
	for _, o := range l.Open {
		lines = append(lines, fmt.Sprintf("producer %d has a transaction open from offset %d on", o.Producer, o.First))
	}
	if l.CompactedUpto >= 0 {
		dirty := 100 * float64(l.DirtyBytes) / float64(max(l.DataBytes, 1))
		lines = append(lines, fmt.Sprintf("compacted up to offset %d, %s (%.0f %%) behind it are not", l.CompactedUpto, bytesText(float64(l.DirtyBytes)), dirty))
	}
	if l.Horizons > 0 || l.Emptied > 0 {
		lines = append(lines, fmt.Sprintf("%d batches have a delete horizon, of %d only the header is left", l.Horizons, l.Emptied))
	}
	if l.TornBytes > 0 {
		lines = append(lines, fmt.Sprintf("%d bytes are no whole batch", l.TornBytes))
	}
	if l.CutFiles > 0 {
		lines = append(lines, fmt.Sprintf("%d .cut files, %s", l.CutFiles, bytesText(float64(l.CutBytes))))
	}
	if l.DeletedFiles > 0 {
		lines = append(lines, fmt.Sprintf("%d .deleted files, %s", l.DeletedFiles, bytesText(float64(l.DeletedBytes))))
	}
	return append(lines, l.Notes...)
}
