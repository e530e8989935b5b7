package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type consumption struct {
	bootstrap  bootstrap
	layout     string
	offset     string
	partitions []int32
	max        int64
	untilEnd   bool
	quiet      bool
}

func newConsumeCommand() *cobra.Command {
	var k consumption
	c := &cobra.Command{
		Use:   "consume TOPIC",
		Short: "Print records",
		Long: `Print the records of a topic as they come, until Ctrl-C, or until --max records
or, with --until-end, the end of each partition as it was at the start.

The format says how a record is printed: %v value, %k key, %t topic, %p
partition, %o offset, %d timestamp in ms, %h{%k=%v } headers, %i a running
number; %V, %K and %T are lengths; %v{hex}, %v{base64}, %d{strftime[%F %T]} and
others change the form; \t and \n are themselves. With --format json each
record is one line of JSON; keys and values that are no text are in
keyBase64 and valueBase64 there.

Where the output is a file or a pipe, progress is shown on a terminal: records,
rates, and with --until-end the share that is done and the time that is left.`,
		Example: `  moldau consume events
  moldau consume events --offset beginning --until-end --format json
  moldau consume events --offset 2026-01-31T12:00:00Z --max 10 -f '%p %o %k\t%v\n'
  moldau consume events --offset 1500 --partitions 0`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o := outputOf(c)
			if o.json && c.Flags().Changed("record-format") {
				return usageErrorf("--record-format and --format json exclude each other")
			}
			return k.run(c.Context(), args[0], o, c.ErrOrStderr())
		},
	}
	k.bootstrap.register(c.Flags())
	c.ValidArgsFunction = k.bootstrap.complete(topicNames, 1)
	f := c.Flags()
	f.StringVarP(&k.layout, "record-format", "f", `%v\n`, "`layout` of a record in the output")
	f.StringVarP(&k.offset, "offset", "o", "end", "where to `start`: beginning, end, an offset, @milliseconds or 2006-01-02T15:04:05Z")
	f.Int32SliceVarP(&k.partitions, "partitions", "p", nil, "`numbers` of the partitions, comma-separated; all by default")
	f.Int64VarP(&k.max, "max", "n", 0, "end after this `number` of records; 0 does not")
	f.BoolVarP(&k.untilEnd, "until-end", "e", false, "end where the partitions end now")
	f.BoolVarP(&k.quiet, "quiet", "q", false, "show no progress")
	return c
}

func (k *consumption) run(ctx context.Context, topic string, o output, errOut io.Writer) error {
	from, err := parseStart(k.offset)
	if err != nil {
		return err
	}
	if k.max < 0 {
		return usageErrorf("--max is %d", k.max)
	}
	print, err := newRecordPrinter(k.layout, o.json)
	if err != nil {
		return err
	}
	client, err := k.bootstrap.connect(ctx,
		// Markers of transactions are not printed, but they take offsets: without
		// them the end of a partition might never be seen to be reached.
		kgo.KeepControlRecords(),
		// An offset that is no longer there is an error, and no reason to begin
		// somewhere else.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err != nil {
		return err
	}
	defer client.Close()
	spans, err := k.plan(ctx, kadm.NewClient(client), topic, from)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(o.w)
	// Among records on the same terminal, progress would get in the way.
	shown := startProgress(errOut, !k.quiet && isTerminal(errOut) && !isTerminal(o.w))
	r := &reading{untilEnd: k.untilEnd, max: k.max, spans: spans, print: print, w: w, shown: shown}
	err = r.follow(ctx, client, topic)
	shown.end()
	return errors.Join(err, w.Flush())
}

func (k *consumption) plan(ctx context.Context, admin *kadm.Client, topic string, from start) (map[int32]span, error) {
	details, err := admin.ListTopicsWithInternal(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", topic, err)
	}
	if err := details[topic].Err; err != nil {
		return nil, fmt.Errorf("topic %s: %w", topic, brokerError(err, ""))
	}
	partitions := details[topic].Partitions.Numbers()
	if len(k.partitions) > 0 {
		for _, p := range k.partitions {
			if !slices.Contains(partitions, p) {
				return nil, fmt.Errorf("topic %s has no partition %d", topic, p)
			}
		}
		partitions = k.partitions
	}
	return from.resolve(ctx, admin, topic, partitions)
}

// reading is what is still to be printed.
type reading struct {
	untilEnd bool
	max      int64 // records, 0 is unlimited
	printed  int64
	spans    map[int32]span // of partitions not at their end
	print    recordPrinter
	w        *bufio.Writer
	shown    *progress
}

func (r *reading) follow(ctx context.Context, client *kgo.Client, topic string) error {
	offsets := make(map[int32]kgo.Offset, len(r.spans))
	for p, sp := range r.spans {
		if r.untilEnd && sp.from >= sp.to {
			delete(r.spans, p)
			continue
		}
		if r.untilEnd {
			r.shown.total.Add(sp.to - sp.from)
		}
		offsets[p] = kgo.NewOffset().At(sp.from)
	}
	if r.done() {
		return nil
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets})
	for !r.done() {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			if r.untilEnd || r.max > 0 {
				return fmt.Errorf("interrupted after %d records: %w", r.printed, ctx.Err())
			}
			return nil // to interrupt is how following ends
		}
		var failed error
		fetches.EachError(func(t string, p int32, err error) {
			failed = errors.Join(failed, fmt.Errorf("fetch %s-%d: %w", t, p, brokerError(err, "")))
		})
		if failed != nil {
			return failed
		}
		if err := r.take(fetches); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) done() bool {
	return (r.untilEnd && len(r.spans) == 0) || (r.max > 0 && r.printed >= r.max)
}

func (r *reading) take(fetches kgo.Fetches) error {
	var b []byte
	var failed error
	fetches.EachPartition(func(ftp kgo.FetchTopicPartition) {
		sp, open := r.spans[ftp.Partition]
		if !open {
			return
		}
		for _, rec := range ftp.Records {
			if failed != nil || r.done() {
				return
			}
			if !r.untilEnd || rec.Offset < sp.to {
				if !rec.Attrs.IsControl() {
					b = r.print(b[:0], &ftp.FetchPartition, rec)
					if _, failed = r.w.Write(b); failed != nil {
						return
					}
					r.printed++
					r.shown.add(len(rec.Key) + len(rec.Value))
				}
			}
			sp = r.advance(ftp.Partition, sp, rec.Offset+1)
			if r.untilEnd && rec.Offset+1 >= sp.to {
				delete(r.spans, ftp.Partition)
				return
			}
		}
	})
	return errors.Join(failed, r.w.Flush())
}

// advance moves the start of what is still to be printed of a partition.
func (r *reading) advance(partition int32, sp span, to int64) span {
	r.shown.steps.Add(min(to, sp.to) - min(sp.from, sp.to))
	sp.from = to
	r.spans[partition] = sp
	return sp
}
