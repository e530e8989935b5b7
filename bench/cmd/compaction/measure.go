package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"moldau/bench/yardstick"
	"moldau/logstore"
	"moldau/logstore/record"
)

var tp = logstore.TopicPartition{Topic: "compacted", Partition: 0}

func rows() []*row {
	uniform := func(part float64) func(int64) func() int64 {
		return func(n int64) func() int64 {
			r, keys := rand.New(rand.NewPCG(1, 2)), max(int64(float64(n)*part), 1)
			return func() int64 { return r.Int64N(keys) }
		}
	}
	zipf := func(exponent, first float64, keys int64) func(int64) func() int64 {
		return func(n int64) func() int64 {
			z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), exponent, first, uint64(n*keys))
			return func() int64 { return int64(z.Uint64()) }
		}
	}
	return []*row{
		{Name: "uniform, 50 % duplicates", keys: uniform(0.63)}, // of which that many draws hit half as many
		{Name: "uniform, 90 % duplicates", keys: uniform(0.1)},
		{Name: "Zipf, 50 % duplicates", keys: zipf(1.01, 10, 100)},
		{Name: "Zipf, 90 % duplicates", keys: zipf(1.2, 1, 1)},
	}
}

func config(o options) logstore.Config {
	c := logstore.DefaultConfig()
	c.Durability, c.Compact, c.Delete, c.MinCleanableDirtyRatio = logstore.OS, true, false, 0
	c.SegmentBytes = o.segmentBytes
	return c
}

func open(o options, dir string) (*logstore.Store, *logstore.LogCompacted, error) {
	done := &logstore.LogCompacted{}
	s, err := logstore.Open(dir, logstore.Options{Manual: true, Log: config(o), CompactionMapBytes: o.mapBytes, Events: func(e logstore.Event) {
		switch e := e.(type) {
		case logstore.LogCompacted:
			*done = e
		case logstore.CompactionFailed:
			fmt.Fprintln(os.Stderr, "compaction failed:", e.Err)
		}
	}})
	return s, done, err
}

// measure writes a log and has all work on it. kafka, unless nil, cleans a copy,
// before the engine or behind it.
func measure(o options, w *row, dir string, kafka *kafkaCleaner, kafkaFirst bool) (b block, err error) {
	if b.Records, err = write(o, w, dir); err != nil {
		return b, err
	}
	kafkas := filepath.Join(dir, "kafka")
	clean := func() (err error) {
		b.KafkaSeconds, b.KafkaCPU, err = kafka.clean(filepath.Join(kafkas, tp.String()))
		return err
	}
	if kafka != nil {
		if err := copyLog(filepath.Join(dir, "logs", tp.String()), filepath.Join(kafkas, tp.String())); err != nil {
			return b, err
		}
	}
	began := time.Now()
	if b.Bytes, err = loop(dir); err != nil {
		return b, err
	}
	b.LoopSeconds = time.Since(began).Seconds()
	if kafka != nil && kafkaFirst {
		if err := clean(); err != nil {
			return b, err
		}
	}
	s, err := compact(o, dir, &b)
	if err != nil {
		return b, err
	}
	l, err := s.Log(tp)
	if err != nil {
		return b, err
	}
	if kafka != nil {
		if !kafkaFirst {
			err = clean()
		}
		if err == nil {
			err = sameRecords(l, kafkas)
		}
		if err != nil {
			return b, err
		}
	}
	for batch, err := range l.Batches(context.Background(), 0, logstore.LogEnd) {
		if err != nil {
			return b, err
		}
		b.Left += int64(batch.Count())
	}
	return b, s.Close()
}

// compact has the engine compact the log, and leaves the store open.
func compact(o options, dir string, b *block) (*logstore.Store, error) {
	s, done, err := open(o, dir)
	if err != nil {
		return nil, err
	}
	stop := watchHeap(&b.HeapBytes)
	used, err := yardstick.Used()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	n := s.Compact(time.Now())
	b.CompactSeconds = time.Since(began).Seconds()
	now, err := yardstick.Used()
	stop()
	if n != 1 {
		return nil, errors.Join(err, errors.New("nothing was compacted"))
	}
	b.CompactCPU = now.Since(used).CPUSeconds
	b.ReadBytes, b.WrittenBytes, b.Rounds = done.BytesMapped+done.BytesRead, done.BytesWritten, done.Rounds
	return s, err
}

// write makes a log, all of which but its last segment may be compacted.
func write(o options, w *row, dir string) (records int64, err error) {
	s, _, err := open(o, dir)
	if err != nil {
		return 0, err
	}
	l, err := s.Create(tp, logstore.TopicID{1}, config(o))
	if err != nil {
		return 0, err
	}
	codec, err := record.ParseCodec(o.codec)
	if err != nil {
		return 0, err
	}
	next := w.keys(o.bytes / int64(o.value+40))
	r, value := rand.New(rand.NewPCG(3, 4)), make([]byte, o.value)
	for i := range value {
		value[i] = "abcdefghijklmnopqrstuvwxyz"[r.IntN(26)]
	}
	sequences := [2]int32{}
	for batches := int64(0); l.Bytes() < o.bytes; batches++ {
		bo := record.BuilderOptions{Codec: codec}
		producer := batches / 4 % 2
		transactional := o.transactional && batches%4 == 0
		if transactional {
			bo.Transactional, bo.Producer = true, &record.Producer{ID: producer, BaseSequence: sequences[producer]}
		}
		b := record.NewBuilder(bo)
		for b.Size() < o.batchKiB<<10 {
			copy(value, fmt.Sprint(records))
			v := value
			if o.tombstoneEvery > 0 && records%int64(o.tombstoneEvery) == 0 {
				v = nil
			}
			b.Append(time.Now().UnixMilli(), fmt.Appendf(nil, "key-%012d", next()), v)
			records++
		}
		batch, err := b.Finish()
		if err == nil {
			_, err = l.AppendLeader(batch, 0)
		}
		if err == nil && transactional {
			sequences[producer] += int32(b.Count())
			_, err = l.AppendMarker(logstore.Marker{ProducerID: producer, Commit: batches%8 == 0}, 0)
		}
		if err != nil {
			return 0, err
		}
	}
	return records, s.Close()
}

// loop reads the segments, hashes each key and copies all bytes. It knows no more
// of a batch than is needed to find its keys.
func loop(dir string) (bytes int64, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "logs", tp.String(), "*.log"))
	if err != nil {
		return 0, err
	}
	files = files[:len(files)-1] // the last is active
	var it record.Iterator
	defer it.Close()
	sink := byte(0)
	buffer := make([]byte, 1<<20)
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		out, err := os.Create(filepath.Join(dir, strings.TrimSuffix(filepath.Base(name), ".log")+".copy"))
		if err != nil {
			return 0, err
		}
		left := 0
		for {
			n, readErr := f.Read(buffer[left:])
			rest := buffer[:left+n]
			if n == 0 {
				break
			}
			at := 0
			for {
				b, _, err := record.Next(rest[at:])
				if err != nil {
					break
				}
				if err := it.Reset(b, 1<<30); err != nil {
					return 0, err
				}
				for it.Next() {
					sum := sha256.Sum256(it.Record().Key)
					sink ^= sum[0]
				}
				at += len(b)
			}
			if _, err := out.Write(rest[:at]); err != nil {
				return 0, err
			}
			bytes += int64(at)
			left = copy(buffer, rest[at:])
			if readErr != nil {
				break
			}
		}
		if err := errors.Join(out.Sync(), out.Close(), f.Close(), os.Remove(out.Name())); err != nil {
			return 0, err
		}
	}
	runtime.KeepAlive(sink)
	return bytes, nil
}

// watchHeap notes the largest heap until it is stopped.
func watchHeap(most *uint64) (stop func()) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	var ended atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !ended.Load() {
			runtime.ReadMemStats(&m)
			*most = max(*most, m.HeapAlloc-min(before, m.HeapAlloc))
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func() { ended.Store(true); <-done }
}
