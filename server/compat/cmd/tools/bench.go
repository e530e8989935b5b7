package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/java"
)

// bench is what the checks work on. Its own client prepares topics and looks at
// results, so that a tool is never judged by its own word alone.
type bench struct {
	addr  string
	kafka *java.Kafka // once a check asked for it
	cl    *kgo.Client
	adm   *kadm.Client
	run   string // makes topics of this run distinct
	topic int
	dir   string // scratch
}

func newBench(ctx context.Context, addr string) (*bench, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, err
	}
	if err := cl.Ping(ctx); err != nil {
		return nil, fmt.Errorf("no broker on %s: %w", addr, err)
	}
	dir, err := os.MkdirTemp("", "compat-tools-")
	if err != nil {
		return nil, err
	}
	return &bench{
		addr: addr, cl: cl, adm: kadm.NewClient(cl),
		run: fmt.Sprintf("tools-%06x", rand.Uint32N(1<<24)), dir: dir,
	}, nil
}

func (b *bench) close() {
	b.cl.Close()
	os.RemoveAll(b.dir)
}

// name is a topic's that nobody has.
func (b *bench) name() string {
	b.topic++
	return fmt.Sprintf("%s-%d", b.run, b.topic)
}

// create makes a topic for a check.
func (b *bench) create(ctx context.Context, partitions int32, configs ...string) (string, error) {
	topic := b.name()
	set := map[string]*string{}
	for _, c := range configs {
		k, v, _ := strings.Cut(c, "=")
		set[k] = &v
	}
	r, err := b.adm.CreateTopic(ctx, partitions, 1, set, topic)
	if err == nil {
		err = r.Err
	}
	return topic, err
}

// write produces values to a partition, one record a millisecond from at on.
func (b *bench) write(ctx context.Context, topic string, partition int32, at time.Time, values ...string) error {
	var records []*kgo.Record
	for i, v := range values {
		records = append(records, &kgo.Record{
			Topic: topic, Partition: partition, Value: []byte(v),
			Timestamp: at.Add(time.Duration(i) * time.Millisecond),
		})
	}
	return b.cl.ProduceSync(ctx, records...).FirstErr()
}

// read returns everything in the topic's partitions, in order of offset.
func (b *bench) read(ctx context.Context, topic string) (map[int32][]*kgo.Record, error) {
	ends, err := b.adm.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	read := map[int32][]*kgo.Record{}
	missing := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			missing[o.Partition] = o.Offset
		}
	})
	for len(missing) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			read[r.Partition] = append(read[r.Partition], r)
			if r.Offset+1 >= missing[r.Partition] {
				delete(missing, r.Partition)
			}
		})
	}
	return read, nil
}

// file writes a scratch file.
func (b *bench) file(name, content string) (string, error) {
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, []byte(content), 0o644)
}

// output is what a command said.
type output struct {
	out, err string
	failed   error
}

// ok is the standard output of a command that must not fail.
func (o output) ok() (string, error) {
	if o.failed != nil {
		return "", fmt.Errorf("%w\n%s%s", o.failed, o.out, o.err)
	}
	return o.out, nil
}

// refused is an error unless the command failed and said why.
func (o output) refused(why string) error {
	if o.failed == nil {
		return fmt.Errorf("succeeded, but must fail with %q; it said: %s%s", why, o.out, o.err)
	}
	if !strings.Contains(o.out+o.err, why) {
		return fmt.Errorf("does not name %q as the reason: %s%s", why, o.out, o.err)
	}
	return nil
}

func finish(cmd *exec.Cmd, stdin string) output {
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return output{out.String(), errs.String(), err}
}

// java runs a class of Kafka's. Kafka is installed at the first one, so that
// checks of other clients need no Java.
func (b *bench) java(ctx context.Context, stdin, class string, args ...string) output {
	if b.kafka == nil {
		kafka, err := java.Install(ctx)
		if err != nil {
			return output{failed: err}
		}
		b.kafka = kafka
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return finish(b.kafka.Command(ctx, class, args...), stdin)
}

// tool runs a tool of Kafka's with the broker's address.
func (b *bench) tool(ctx context.Context, class string, args ...string) output {
	return b.toolFed(ctx, "", class, args...)
}

func (b *bench) toolFed(ctx context.Context, stdin, class string, args ...string) output {
	return b.java(ctx, stdin, class, append([]string{"--bootstrap-server", b.addr}, args...)...)
}

// kcat runs kcat with the broker's address.
func (b *bench) kcat(ctx context.Context, stdin string, args ...string) output {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return finish(exec.CommandContext(ctx, "kcat", append([]string{"-b", b.addr}, args...)...), stdin)
}
