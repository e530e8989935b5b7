package ontime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/client"
	"moldau/bench/disk"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

// What rows call the limit programs: the bare read of a file, and a bare loop that
// takes what is produced beside another that sends a file from the disk.
const (
	file = "file"
	bare = "bare"
)

// catchUp is the scenario's parameters.
type catchUp struct {
	pool    *system.Pool
	session *harness.Session

	rate  float64
	alone time.Duration
	mb    int64
	name  string          // of the file
	cold  map[string]cold // by contestant
}

// cold is what a consumer reads from the disk, and the system that has it.
type cold struct {
	*system.System
	topic string
	ends  int64    // of each partition
	dirs  []string // where it lies
}

// forget has it written back and taken from the page cache.
func (c cold) forget() error {
	if err := disk.SyncFileSystem(c.dirs[0]); err != nil {
		return err
	}
	for _, dir := range c.dirs {
		if err := disk.Forget(dir); err != nil {
			return err
		}
	}
	return nil
}

// CatchUp is a consumer far behind beside those who are not.
func CatchUp(pool func(*harness.Session) *system.Pool) harness.Scenario {
	c := &catchUp{cold: map[string]cold{}}
	return harness.Scenario{
		Name:    "catch-up",
		Summary: "what a consumer that reads from the disk costs those who produce and follow, and how fast it is",
		Help: `2,000 requests of a batch of 16 KiB a second, evenly, go to six partitions, and a
consumer waits at their ends. A block does that alone, then takes another topic out
of the page cache and does it again while a consumer reads that topic, 1 MiB of each
of six partitions a fetch, from its beginning to its end. p50 to p99.9 are of the
acknowledgements meanwhile, from when they were due; alone-p99 is that of before.
disk-bytes-read tells whether the topic really was cold: near 1 if it was.

file is a program that reads a file as large, as cold, 1 MiB at a time. bare is the
limit of latency: a program that takes what is produced, as echo of latency does, beside
one that sends that file by sendfile, with no consumer at the end.`,
		Flags: func(f *pflag.FlagSet) {
			f.Float64Var(&c.rate, "rate", 2000, "`REQUESTS` a second that are produced")
			f.DurationVar(&c.alone, "alone", 4*time.Second, "`TIME` without the cold reader")
			f.Int64Var(&c.mb, "mb", 2048, "`MB` that are read from the disk")
			harness.Quick(f, "alone", "1500ms")
			harness.Quick(f, "mb", "1024")
		},
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			c.pool, c.session = pool(s), s
			rows := c.plan()
			if len(rows) > 0 {
				rows[0].Prepare = c.pool.Expect(system.Moldau, system.Kafka) + time.Duration(3*c.mb)*3*time.Millisecond
			}
			return rows, nil
		},
	}
}

func (c *catchUp) plan() (workloads []harness.Workload) {
	for _, durability := range durabilities(c.session) {
		w := harness.Workload{
			AfterTurn: late,
			Expect:    c.alone + 2*settle + 2*time.Second + time.Duration(c.mb)*2*time.Millisecond,
			Row: result.Row{
				Name:   fmt.Sprintf("%.0f requests of 16 KiB a second and a tail reader, beside a cold read of %d MB", c.rate, c.mb),
				Client: "replay", Acks: "all", Durability: durability, Headline: result.P99, Shape: c.load().Shape(),
				Goals: []result.Goal{
					{System: system.Moldau, Metric: result.BesideAlone, AtMost: 2},
					{System: system.Moldau, Metric: result.BytesPerSecond, Against: file, AtLeast: 0.7},
				},
				Notes: []string{"MB/s is the cold reader's"},
			},
			Contestants: []harness.Contestant{{System: file, Limit: true, Block: c.readFile}},
		}
		for _, name := range []string{system.Moldau, system.Kafka, bare} {
			w.Contestants = append(w.Contestants, harness.Contestant{System: name, Limit: name == bare, WarmUp: !c.session.Quick,
				Block: func(ctx context.Context, turn int) (result.Block, error) {
					return c.block(ctx, name, durability == "synced")
				}})
		}
		workloads = append(workloads, w)
	}
	return workloads
}

// load is what is produced all the time.
func (c *catchUp) load() client.Load {
	l := shape
	l.Kind, l.Seconds = client.OpenLoopProduce, (c.alone + settle).Seconds()
	l.OpenLoop = client.OpenLoop{PerSecond: c.rate, Consumers: 1, SettleSeconds: settle.Seconds()}
	return l
}

func (c *catchUp) block(ctx context.Context, name string, synced bool) (b result.Block, err error) {
	l, taker := c.load(), name
	if name == bare {
		l.Consumers, taker = 0, echo
	}
	s, err := get(ctx, c.pool, taker, synced)
	if err != nil {
		return b, err
	}
	from, err := c.coldOf(ctx, name)
	if err != nil {
		return b, err
	}
	t := system.Topic{Partitions: shape.Partitions, Synced: synced}
	before, err := onTime(ctx, c.pool, c.session, s, l, t)
	if err != nil {
		return b, err
	}
	if err := from.forget(); err != nil {
		return b, err
	}
	if l.Topic, err = s.Create(ctx, t); err != nil {
		return b, err
	}
	if b, err = c.beside(ctx, s, l, from); err != nil {
		return b, err
	}
	if alone, beside := before.Metrics[result.P99], b.Metrics[result.P99]; alone > 0 && beside > 0 {
		b.Metrics[result.AloneP99], b.Metrics[result.BesideAlone] = alone, beside/alone
	}
	b.StealSeconds += before.StealSeconds
	return b, s.Delete(ctx, l.Topic)
}

// beside has a system take a load for as long as the cold topic is read.
func (c *catchUp) beside(ctx context.Context, s *system.System, l client.Load, from cold) (b result.Block, err error) {
	l.Held, l.Addr = true, s.Addr()
	producer, err := client.Start(ctx, c.session.ClientCPUs, l)
	if err != nil {
		return b, err
	}
	var reader client.Outcome
	err = producer.AtWork()
	if err == nil {
		b, reader, err = from.Measure(ctx, c.session.ClientCPUs, client.Load{Kind: client.Fetch, Topic: from.topic, Partitions: shape.Partitions,
			RecordBytes: shape.RecordBytes, BatchBytes: shape.BatchBytes, Ends: from.ends, Bytes: c.mb * 1e6 * 99 / 100})
	}
	o, stopped := producer.Stop()
	if err = errors.Join(err, stopped); err != nil {
		return b, err
	}
	fromDisk, told := b.Metrics[result.ReadPerByte]
	if !told {
		return b, errors.New("the kernel does not tell what was read from the disk: nobody knows whether the topic was cold")
	}
	b = result.Block{Latency: o.Latency, StealSeconds: b.StealSeconds, Metrics: map[result.Metric]float64{
		result.BytesPerSecond: float64(reader.Bytes) / 1e6 / reader.Seconds,
		result.ReadPerByte:    fromDisk,
	}}
	o.Latency.Into(b.Metrics)
	addTimes(&b, l, o)
	return b, s.KeptAll(ctx, l.Topic, o)
}

// coldOf is what a contestant reads, made the first time: a topic of the broker's, or
// the file.
func (c *catchUp) coldOf(ctx context.Context, name string) (from cold, err error) {
	if from, ok := c.cold[name]; ok {
		return from, nil
	}
	if name == bare {
		from, err = c.coldFile(ctx)
	} else {
		from, err = c.coldTopic(ctx, name)
	}
	if err == nil {
		c.cold[name] = from
	}
	return from, err
}

func (c *catchUp) coldFile(ctx context.Context) (cold, error) {
	if err := c.writeFile(); err != nil {
		return cold{}, err
	}
	s, err := c.pool.SendfileOf(ctx, c.name)
	return cold{s, "limit", 1 << 40, []string{filepath.Dir(c.name)}}, err
}

func (c *catchUp) coldTopic(ctx context.Context, name string) (cold, error) {
	s, err := c.pool.Get(ctx, name)
	if err != nil {
		return cold{}, err
	}
	c.session.Say("filling a topic of %s with %d MB", name, c.mb)
	topic, err := s.Create(ctx, system.Topic{Partitions: shape.Partitions})
	if err != nil {
		return cold{}, err
	}
	l := client.Load{Kind: client.Produce, Topic: topic, Partitions: shape.Partitions, PerRequest: shape.Partitions,
		RecordBytes: shape.RecordBytes, BatchBytes: shape.BatchBytes, Bytes: c.mb * 1e6}
	_, o, err := s.Measure(ctx, c.session.ClientCPUs, l)
	if err == nil {
		err = s.KeptAll(ctx, topic, o)
	}
	if err != nil {
		return cold{}, err
	}
	dirs, err := s.TopicDirs(topic)
	return cold{s, topic, o.Records / int64(shape.Partitions), dirs}, err
}

// readFile is the limit's block.
func (c *catchUp) readFile(context.Context, int) (b result.Block, err error) {
	if err := c.writeFile(); err != nil {
		return b, err
	}
	if err := (cold{dirs: []string{filepath.Dir(c.name)}}).forget(); err != nil {
		return b, err
	}
	f, err := os.Open(c.name)
	if err != nil {
		return b, err
	}
	defer f.Close()
	piece := make([]byte, 1<<20)
	var bytes int64
	start := time.Now()
	for {
		n, err := f.Read(piece)
		bytes += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return b, err
		}
	}
	b.Metrics = map[result.Metric]float64{result.BytesPerSecond: float64(bytes) / 1e6 / time.Since(start).Seconds()}
	return b, nil
}

// writeFile writes the file that limits read, the first time.
func (c *catchUp) writeFile() error {
	if c.name != "" {
		return nil
	}
	dir, err := c.pool.Directory()
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "cold"))
	if err != nil {
		return err
	}
	piece := make([]byte, 1<<20)
	for i := range piece {
		piece[i] = byte(i * i >> 9)
	}
	for written := int64(0); written < c.mb*1e6 && err == nil; written += int64(len(piece)) {
		_, err = f.Write(piece)
	}
	c.name = f.Name()
	return errors.Join(err, f.Close())
}
