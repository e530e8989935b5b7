package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

type production struct {
	bootstrap   bootstrap
	layout      string
	file        string
	key         string
	hasKey      bool
	headers     []string
	partition   int32
	acks        string
	compression string
	emptyNull   bool
	timeout     time.Duration
	quiet       bool
}

func newProduceCommand() *cobra.Command {
	var p production
	c := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Produce records read from standard input",
		Long: `Produce records to a topic: by default one for each line of standard input. A
topic that does not exist is created if the broker allows it.

The format says how a record is read: %v value, %k key, %t topic, %p partition,
%d timestamp in ms, %h{%k=%v } headers, whose number %H comes before them; %V,
%K and %T are lengths, so that "%V{big32}%v" reads values behind a 4-byte size;
%v{json}, %v{base64}, %v{hex} decode; \t and \n are themselves.

Reading ends with the first record that is not acknowledged, and the exit code
is then 1: what was read before it may have been acknowledged or not, as the
counts tell. On a terminal progress is shown while a file or pipe is read.`,
		Example: `  echo hello | moldau produce events
  moldau produce events --file lines.txt --compression zstd
  printf 'user1\tlogin\n' | moldau produce events -f '%k\t%v\n'
  moldau produce events --key user1 --header source=cron < record.json -f '%v{json}'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p.hasKey = c.Flags().Changed("key")
			return p.run(c.Context(), args[0], c.InOrStdin(), outputOf(c), c.ErrOrStderr())
		},
	}
	p.bootstrap.register(c.Flags())
	c.ValidArgsFunction = p.bootstrap.complete(topicNames, 1)
	f := c.Flags()
	f.StringVarP(&p.layout, "record-format", "f", `%v\n`, "`layout` of a record in the input")
	f.StringVar(&p.file, "file", "", "`path` to read instead of standard input")
	f.StringVarP(&p.key, "key", "k", "", "`key` of every record")
	f.StringArrayVarP(&p.headers, "header", "H", nil, "`name=value` added to every record; may be repeated")
	f.Int32VarP(&p.partition, "partition", "p", -1, "`number` of the partition; -1 chooses by key")
	f.StringVar(&p.acks, "acks", "all", "`all`, 1 or 0: what to wait for")
	f.StringVarP(&p.compression, "compression", "z", "none", "`codec`: none, gzip, snappy, lz4 or zstd")
	f.BoolVar(&p.emptyNull, "empty-as-null", false, "produce empty values as null: on compacted topics they delete the key")
	f.DurationVar(&p.timeout, "timeout", 30*time.Second, "`duration` without any acknowledgement after which to give up")
	f.BoolVarP(&p.quiet, "quiet", "q", false, "print nothing but errors: no progress, no counts")
	return c
}

func (p *production) run(ctx context.Context, topic string, in io.Reader, o output, errOut io.Writer) error {
	opts, err := p.options(topic)
	if err != nil {
		return err
	}
	headers, err := parseHeaders(p.headers)
	if err != nil {
		return err
	}
	if p.file != "" {
		f, err := os.Open(p.file)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	input := in
	if strings.HasSuffix(p.layout, `\n`) || strings.HasSuffix(p.layout, "\n") {
		input = &terminated{r: in}
	}
	reader, err := kgo.NewRecordReader(input, p.layout)
	if err != nil {
		return usageErrorf("--record-format: %w", err)
	}
	client, err := p.bootstrap.connect(ctx, opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	// An interrupt ends the reading; what was read by then is still sent.
	// To somebody who types the records, progress would get in the way.
	shown := startProgress(errOut, !p.quiet && isTerminal(errOut) && !isTerminal(in))
	d, sendCtx := newDelivery(context.WithoutCancel(ctx), topic, p.timeout, shown)
	readErr := p.produceAll(ctx, sendCtx, client, reader, headers, d)
	flushErr := client.Flush(context.WithoutCancel(ctx)) // ends at the latest with sendCtx
	shown.end()
	if report := d.report(); !p.quiet {
		if err := o.write(report, report.writeText); err != nil {
			return err
		}
	}
	return errors.Join(readErr, flushErr, d.err())
}

func (p *production) options(topic string) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.DefaultProduceTopic(topic),
		kgo.AllowAutoTopicCreation(),
	}
	switch p.acks {
	// Nothing is produced again after a failure, so nothing can be doubled by
	// giving up; waiting for a broker that is gone would hang.
	case "all", "-1":
		opts = append(opts, kgo.AllowIdempotentProduceCancellation())
	case "1":
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	case "0":
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	default:
		return nil, usageErrorf("--acks is %q, want all, 1 or 0", p.acks)
	}
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	codec, ok := codecs[p.compression]
	if !ok {
		return nil, usageErrorf("--compression is %q, want none, gzip, snappy, lz4 or zstd", p.compression)
	}
	opts = append(opts, kgo.ProducerBatchCompression(codec))
	if p.partition < -1 {
		return nil, usageErrorf("--partition is %d", p.partition)
	}
	inFormat := readsVerb(p.layout, 'p')
	if inFormat && p.partition >= 0 {
		return nil, usageErrorf("--partition and %%p in --record-format exclude each other")
	}
	if inFormat || p.partition >= 0 {
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	if p.hasKey && readsVerb(p.layout, 'k') {
		return nil, usageErrorf("--key and %%k in --record-format exclude each other")
	}
	if p.timeout < time.Second {
		return nil, usageErrorf("--timeout is %v, want at least 1s", p.timeout)
	}
	return opts, nil
}

func parseHeaders(pairs []string) ([]kgo.RecordHeader, error) {
	var headers []kgo.RecordHeader
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usageErrorf("header %q is not name=value", pair)
		}
		headers = append(headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	return headers, nil
}

// readAhead is how many records wait between input and client.
const readAhead = 256

// produceAll hands every record of the input to the client, until the input
// ends, a record fails or ctx is done.
func (p *production) produceAll(ctx, sendCtx context.Context, client *kgo.Client, reader *kgo.RecordReader, headers []kgo.RecordHeader, d *delivery) error {
	records := make(chan *kgo.Record, readAhead)
	stop := make(chan struct{})
	defer close(stop)
	var readErr error // written before records is closed
	// A read of a terminal or pipe cannot be interrupted, so it is left behind.
	go func() {
		defer close(records)
		for {
			r, err := reader.ReadRecord()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					readErr = err
				}
				return
			}
			select {
			case records <- r:
			case <-stop:
				return
			}
		}
	}()
	for n := int64(1); ; n++ {
		select {
		case <-ctx.Done():
			return fmt.Errorf("interrupted: %w", ctx.Err())
		case <-d.failed:
			return nil
		case r, ok := <-records:
			if !ok {
				if readErr != nil {
					return fmt.Errorf("read record %d: %w", n, readErr)
				}
				return nil
			}
			p.complete(r, headers)
			d.expect()
			client.Produce(sendCtx, r, func(r *kgo.Record, err error) { d.done(n, r, err) })
		}
	}
}

// complete sets what the flags say of a record.
func (p *production) complete(r *kgo.Record, headers []kgo.RecordHeader) {
	if p.hasKey {
		r.Key = []byte(p.key)
	}
	if p.partition >= 0 {
		r.Partition = p.partition
	}
	// The reader has nil for what is empty, and nil is null: on compacted topics that is
	// asked for, and not what an empty field comes to.
	if r.Value == nil && !p.emptyNull && readsVerb(p.layout, 'v') {
		r.Value = []byte{}
	}
	if r.Key == nil && readsVerb(p.layout, 'k') {
		r.Key = []byte{}
	}
	for i := range r.Headers {
		if r.Headers[i].Value == nil {
			r.Headers[i].Value = []byte{}
		}
	}
	r.Headers = append(r.Headers, headers...)
}
