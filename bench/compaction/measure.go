package compaction

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

var tp = logstore.TopicPartition{Topic: "compacted", Partition: 0}

// distribution is how keys repeat.
type distribution struct {
	name string
	keys func(n int64) func() int64 // of a log of n records
}

func distributions() []distribution {
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
	return []distribution{
		{"uniform, 50 % duplicates", uniform(0.63)}, // of which that many draws hit half as many
		{"uniform, 90 % duplicates", uniform(0.1)},
		{"Zipf, 50 % duplicates", zipf(1.01, 10, 100)},
		{"Zipf, 90 % duplicates", zipf(1.2, 1, 1)},
	}
}

func config(o *options) logstore.Config {
	c := logstore.DefaultConfig()
	c.Durability, c.Compact, c.Delete, c.MinCleanableDirtyRatio = logstore.OS, true, false, 0
	c.SegmentBytes = o.segmentBytes
	return c
}

func open(o *options, dir string) (*logstore.Store, *logstore.LogCompacted, error) {
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

// written is what a log was made of.
type written struct {
	records, keys int64 // keys are those that differ
}

// write makes a log, all of which but its last segment may be compacted.
func write(o *options, w distribution, dir string) (made written, err error) {
	s, _, err := open(o, dir)
	if err != nil {
		return made, err
	}
	l, err := s.Create(tp, logstore.TopicID{1}, config(o))
	if err != nil {
		return made, err
	}
	codec, err := record.ParseCodec(o.codec)
	if err != nil {
		return made, err
	}
	keys := map[int64]struct{}{}
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
			copy(value, fmt.Sprint(made.records))
			v := value
			if o.tombstoneEvery > 0 && made.records%int64(o.tombstoneEvery) == 0 {
				v = nil
			}
			key := next()
			keys[key] = struct{}{}
			b.Append(time.Now().UnixMilli(), fmt.Appendf(nil, "key-%012d", key), v)
			made.records++
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
			return made, err
		}
	}
	made.keys = int64(len(keys))
	return made, s.Close()
}

// loop reads the segments, checks each batch's CRC-32C, hashes each key as cheaply as
// Go can, and writes as large a share of the bytes as of the records stay. It knows no
// more of a batch than is needed to find its keys.
func loop(dir string, stays float64) (bytes int64, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return 0, err
	}
	var it record.Iterator
	defer it.Close()
	sink, seed := uint64(0), maphash.MakeSeed()
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
				if b.ComputeCRC() != b.CRC() {
					return 0, record.ErrCRC
				}
				if err := it.Reset(b, 1<<30); err != nil {
					return 0, err
				}
				for it.Next() {
					sink ^= maphash.Bytes(seed, it.Record().Key)
				}
				at += len(b)
			}
			if _, err := out.Write(rest[:int(float64(at)*stays)]); err != nil {
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
