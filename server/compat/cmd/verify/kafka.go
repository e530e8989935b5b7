package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/broker"
)

// state is a log directory as Kafka left it.
type state struct {
	name, dir string
	topics    []string // partition 0 of each has sealed segments
	killed    bool
}

const (
	plain     = "plain"     // every codec, transactions, several segments
	compacted = "compacted" // few keys, cleaned
)

// kafkaDirectories lets a real Kafka write and returns copies of its log
// directory: after a clean close, and after kill -9 under load.
func kafkaDirectories(ctx context.Context, dir string) ([]state, error) {
	port, err := broker.FreePort()
	if err != nil {
		return nil, err
	}
	launch := broker.Launch{Dir: filepath.Join(dir, "kafka"), Port: port, Properties: []string{
		"log.cleaner.backoff.ms=200", "log.initial.task.delay.ms=100", "log.cleaner.min.cleanable.ratio=0.01"}}
	kafka, err := broker.Start(ctx, launch)
	if err != nil {
		return nil, err
	}
	w := &writer{addr: launch.Addr()}
	err = errors.Join(w.create(ctx), w.plain(ctx), w.compacted(ctx), w.awaitCleaner(ctx, launch.LogDir()))
	if err = errors.Join(err, kafka.Stop()); err != nil {
		return nil, err
	}
	clean := state{name: "closed cleanly", dir: filepath.Join(dir, "clean"), topics: []string{plain, compacted}}
	if err := os.CopyFS(clean.dir, os.DirFS(launch.LogDir())); err != nil {
		return nil, err
	}
	if kafka, err = broker.Start(ctx, launch); err != nil {
		return nil, err
	}
	err = w.plain(ctx)
	kafka.Kill()
	if err != nil {
		return nil, err
	}
	killed := state{name: "left by kill -9", dir: launch.LogDir(), topics: []string{plain, compacted}, killed: true}
	return []state{clean, killed}, nil
}

type writer struct{ addr string }

func (w *writer) create(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.addr))
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	segmentBytes, policy, lag := "1048576", "compact", "0"
	p, err1 := adm.CreateTopic(ctx, 1, 1, map[string]*string{"segment.bytes": &segmentBytes}, plain)
	c, err2 := adm.CreateTopic(ctx, 1, 1, map[string]*string{
		"segment.bytes": &segmentBytes, "cleanup.policy": &policy, "min.compaction.lag.ms": &lag}, compacted)
	return errors.Join(err1, p.Err, err2, c.Err)
}

// plain writes transactions in every codec, every third aborted.
func (w *writer) plain(ctx context.Context) error {
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	for i, codec := range codecs {
		err := w.transactions(ctx, codec, i)
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) transactions(ctx context.Context, codec kgo.CompressionCodec, n int) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.addr), kgo.DefaultProduceTopic(plain), kgo.ProducerBatchCompression(codec),
		kgo.TransactionalID(fmt.Sprint("verify-", n)), kgo.ProducerBatchMaxBytes(16<<10))
	if err != nil {
		return err
	}
	defer cl.Close()
	random := rand.New(rand.NewPCG(uint64(n), 1))
	for transaction := range 6 {
		if err := cl.BeginTransaction(); err != nil {
			return err
		}
		var records []*kgo.Record
		for range 200 {
			records = append(records, &kgo.Record{Key: fmt.Appendf(nil, "%x", random.Uint64()), Value: noise(random, 500)})
		}
		if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return err
		}
		if err := cl.EndTransaction(ctx, kgo.TransactionEndTry(transaction%3 != 0)); err != nil {
			return err
		}
	}
	return nil
}

// compacted writes few keys again and again, some of them deleted in the end.
func (w *writer) compacted(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.addr), kgo.DefaultProduceTopic(compacted), kgo.ProducerBatchMaxBytes(16<<10))
	if err != nil {
		return err
	}
	defer cl.Close()
	random := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		var records []*kgo.Record
		for range 1000 {
			r := &kgo.Record{Key: fmt.Append(nil, random.IntN(2500)), Value: noise(random, 300)}
			if random.IntN(20) == 0 {
				r.Value = nil
			}
			records = append(records, r)
		}
		if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

// awaitCleaner waits until Kafka has compacted something.
func (w *writer) awaitCleaner(ctx context.Context, logDir string) error {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		b, err := os.ReadFile(filepath.Join(logDir, "cleaner-offset-checkpoint"))
		if err == nil && strings.Contains(string(b), compacted+" 0 ") {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return errors.New("Kafka's cleaner does not start")
}

func noise(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// segments names the first sealed segment with data in it, and the last one.
func segments(partition string) (sealed, last string, err error) {
	logs, err := filepath.Glob(filepath.Join(partition, "*.log"))
	if err != nil || len(logs) < 2 {
		return "", "", fmt.Errorf("%s has %d segments", partition, len(logs))
	}
	name := func(log string) string { return strings.TrimSuffix(filepath.Base(log), ".log") }
	for _, log := range logs[:len(logs)-1] {
		data, err1 := os.Stat(log)
		index, err2 := os.Stat(strings.TrimSuffix(log, ".log") + ".index")
		if err := errors.Join(err1, err2); err != nil {
			return "", "", err
		}
		if data.Size() > 100_000 && index.Size() > 0 {
			return name(log), name(logs[len(logs)-1]), nil
		}
	}
	return "", "", fmt.Errorf("%s has no sealed segment with data", partition)
}
