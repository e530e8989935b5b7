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
	group      string
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

With --group it is a member of a consumer group, which gives it partitions, and
commits the offsets of what it printed, always after the output took it: after
a crash records may come twice, but none is missing. --offset tells where to
begin in partitions without a committed offset; with --until-end it ends when
the partitions that it holds are at their end.

Where the output is a file or a pipe, progress is shown on a terminal: records,
rates, and with --until-end the share that is done and the time that is left.`,
		Example: `  moldau consume events
  moldau consume events --offset beginning --until-end --format json
  moldau consume events --offset 2026-01-31T12:00:00Z --max 10 -f '%p %o %k\t%v\n'
  moldau consume events --offset 1500 --partitions 0
  moldau consume events --group billing --offset beginning`,
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
	f.StringVarP(&k.group, "group", "g", "", "`name` of the group to join")
	registerFlag(c, "group", k.bootstrap.complete(groupNames, 0))
	f.BoolVarP(&k.quiet, "quiet", "q", false, "show no progress")
	return c
}

func (k *consumption) run(ctx context.Context, topic string, o output, errOut io.Writer) error {
	from, err := parseStart("--offset", k.offset)
	if err != nil {
		return err
	}
	if k.max < 0 {
		return usageErrorf("--max is %d", k.max)
	}
	if k.group != "" && len(k.partitions) > 0 {
		return usageErrorf("--group and --partitions exclude each other: a group divides the partitions among its members")
	}
	print, err := newRecordPrinter(k.layout, o.json)
	if err != nil {
		return err
	}
	// Among records on the same terminal, progress would get in the way.
	shown := startProgress(errOut, !k.quiet && isTerminal(errOut) && !isTerminal(o.w))
	defer shown.end()
	r := reading{untilEnd: k.untilEnd, max: k.max, print: print, w: bufio.NewWriter(o.w), shown: shown}
	if k.group != "" {
		return k.runGroup(ctx, topic, from, r, errOut)
	}
	return k.runAlone(ctx, topic, from, r)
}

func (k *consumption) runAlone(ctx context.Context, topic string, from start, r reading) error {
	client, err := k.bootstrap.connect(ctx, append(pollUntilEnd(k.untilEnd),
		// Markers of transactions are not printed, but they take offsets: without
		// them the end of a partition would be seen to be reached late.
		kgo.KeepControlRecords(),
		// An offset that is no longer there is an error, and no reason to begin
		// somewhere else.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()))...)
	if err != nil {
		return err
	}
	defer client.Close()
	if r.spans, err = k.plan(ctx, kadm.NewClient(client), topic, from); err != nil {
		return err
	}
	return r.follow(ctx, client, topic)
}

func (k *consumption) plan(ctx context.Context, admin *kadm.Client, topic string, from start) (map[int32]span, error) {
	partitions, err := partitionsOf(ctx, admin, topic, k.partitions)
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", topic, err)
	}
	return from.resolve(ctx, admin, topic, partitions)
}

// partitionsOf are the wanted partitions of a topic, all if none are, which must
// exist.
func partitionsOf(ctx context.Context, admin *kadm.Client, topic string, wanted []int32) ([]int32, error) {
	details, err := admin.ListTopicsWithInternal(ctx, topic)
	if err != nil {
		return nil, err
	}
	if err := details[topic].Err; err != nil {
		return nil, brokerError(err, "")
	}
	partitions := details[topic].Partitions.Numbers()
	for _, p := range wanted {
		if !slices.Contains(partitions, p) {
			return nil, fmt.Errorf("it has no partition %d", p)
		}
	}
	if len(wanted) > 0 {
		return wanted, nil
	}
	return partitions, nil
}

// reading is what is still to be printed.
type reading struct {
	untilEnd bool
	max      int64 // records, 0 is unlimited
	printed  int64
	spans    map[int32]span // of partitions not at their end
	// commits, where a group wants them, are the offsets to go on from.
	commits map[int32]kgo.EpochOffset
	print   recordPrinter
	w       *bufio.Writer
	shown   *progress
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
		fetches, quiet := r.poll(ctx, client)
		if quiet {
			r.skip(r.spans, look(ctx, client, topic, r.spans))
		}
		if ctx.Err() != nil {
			if r.untilEnd || r.max > 0 {
				return fmt.Errorf("interrupted after %d records: %w", r.printed, ctx.Err())
			}
			return nil // to interrupt is how following ends
		}
		var failed error
		fetches.EachError(func(t string, p int32, err error) {
			if quiet && errors.Is(err, context.Canceled) {
				return
			}
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
			if r.untilEnd && rec.Offset >= sp.to {
				delete(r.spans, ftp.Partition) // what was before it is compacted away
				return
			}
			if !rec.Attrs.IsControl() {
				b = r.print(b[:0], &ftp.FetchPartition, rec)
				if _, failed = r.w.Write(b); failed != nil {
					return
				}
				r.printed++
				r.shown.add(len(rec.Key) + len(rec.Value))
			}
			sp = r.advance(ftp.Partition, sp, rec.Offset+1, rec.LeaderEpoch)
			if _, open = r.spans[ftp.Partition]; !open {
				return
			}
		}
	})
	return errors.Join(failed, r.w.Flush())
}

// advance moves the start of what is still to be printed of a partition. epoch is
// that of what stands before it, -1 if unknown.
func (r *reading) advance(p int32, sp span, from int64, epoch int32) span {
	r.shown.steps.Add(min(from, sp.to) - min(sp.from, sp.to))
	sp.from = from
	r.spans[p] = sp
	if r.untilEnd && sp.from >= sp.to {
		delete(r.spans, p)
	}
	if r.commits != nil {
		r.commits[p] = kgo.EpochOffset{Epoch: epoch, Offset: sp.from}
	}
	return sp
}
