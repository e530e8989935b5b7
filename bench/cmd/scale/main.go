package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

type options struct {
	dir             string
	logs, few, many int
	clients, blocks int
	block           time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", os.TempDir(), "`directory` on the disk to measure")
	flag.IntVar(&o.logs, "logs", 100_000, "logs of the store")
	flag.IntVar(&o.few, "few", 100, "logs that are few")
	flag.IntVar(&o.many, "many", 10_000, "logs that are many")
	flag.IntVar(&o.clients, "clients", 64, "goroutines that append, each waiting for its own")
	flag.IntVar(&o.blocks, "blocks", 5, "blocks of each row")
	flag.DurationVar(&o.block, "block", 3*time.Second, "how long a block lasts")
	flag.Parse()
	if flag.NArg() > 0 || o.many > o.logs || o.few > o.many {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	dir, err := os.MkdirTemp(o.dir, "scale")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	began := time.Now()
	if err := prepare(dir, o.logs); err != nil {
		return err
	}
	if err := bareFiles(dir, o); err != nil {
		return err
	}
	fmt.Printf("%d logs made, without syncs, in %.1f s\n", o.logs, time.Since(began).Seconds())
	for _, durability := range []logstore.Durability{logstore.Synced, logstore.OS} {
		if err := measure(dir, durability, o); err != nil {
			return err
		}
	}
	return nil
}

func name(i int) logstore.TopicPartition {
	return logstore.TopicPartition{Topic: "scale", Partition: int32(i)}
}

// prepare makes the logs, with a record each.
func prepare(dir string, logs int) error {
	tree, err := vfs.OpenOS(dir)
	if err != nil {
		return err
	}
	defer tree.Close()
	s, err := logstore.Open(".", logstore.Options{FS: lax{tree}})
	if err != nil {
		return err
	}
	batch, err := batchOf(1)
	if err != nil {
		return err
	}
	for i := range logs {
		l, err := s.Create(name(i), logstore.TopicID{}, logstore.DefaultConfig())
		if err == nil {
			_, err = l.AppendLeader(batch, 0)
		}
		if err != nil {
			return err
		}
	}
	return s.Close()
}

// measure opens the store and appends to its logs.
func measure(dir string, durability logstore.Durability, o options) error {
	c := logstore.DefaultConfig()
	c.Durability = durability
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	s, err := logstore.Open(filepath.ToSlash(dir), logstore.Options{Log: c})
	if err != nil {
		return err
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	fmt.Printf("opened in %.2f s; heap %.0f MiB, %.0f bytes a log; %.0f MiB of the system\n", took.Seconds(),
		float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), float64(after.HeapAlloc-before.HeapAlloc)/float64(o.logs), float64(after.Sys)/(1<<20))
	var logs []*logstore.Log
	for i := range o.many {
		l, err := s.Log(name(i * (o.logs / o.many)))
		if err != nil {
			return err
		}
		logs = append(logs, l)
	}
	for _, kib := range []int{1, 16} {
		if err := compare(s, logs, durability, kib, o); err != nil {
			return err
		}
	}
	began = time.Now()
	err = s.Close()
	fmt.Printf("closed in %.2f s\n", time.Since(began).Seconds())
	return err
}

// compare appends to few and to many logs, block by block.
func compare(s *logstore.Store, logs []*logstore.Log, durability logstore.Durability, kib int, o options) error {
	var ratios, fewRates, manyRates []float64
	if _, err := appendTo(logs, kib, o, len(logs)); err != nil { // opens them
		return err
	}
	for range o.blocks {
		few, err := appendTo(logs[:o.few], kib, o, 0)
		if err != nil {
			return err
		}
		many, err := appendTo(logs, kib, o, 0)
		if err != nil {
			return err
		}
		fewRates, manyRates, ratios = append(fewRates, few), append(manyRates, many), append(ratios, many/few)
	}
	u := s.Usage()
	fmt.Printf("%s, %d KiB: %d logs %.0f appends/s, %d logs %.0f appends/s: %.2f (%.2f to %.2f); %d files open, %d logs shed\n", map[logstore.Durability]string{logstore.Synced: "synced", logstore.OS: "os"}[durability], kib,
		o.few, median(fewRates), len(logs), median(manyRates), median(ratios), slices.Min(ratios), slices.Max(ratios), u.OpenFiles, s.Counters().ShedLogs)
	return nil
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// appendTo appends to the logs in turn, for a block or, if that is not 0, so often, and
// returns the appends per second.
func appendTo(logs []*logstore.Log, kib int, o options, times int) (float64, error) {
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, o.clients)
	began := time.Now()
	for range o.clients {
		group.Go(func() {
			batch, err := batchOf(kib)
			for err == nil {
				n := next.Add(1) - 1
				if times > 0 && n >= int64(times) || times == 0 && time.Since(began) > o.block {
					return
				}
				l := logs[n%int64(len(logs))]
				var a logstore.Appended
				if a, err = l.AppendLeader(batch, 0); err == nil {
					err = l.Wait(context.Background(), logstore.HighWatermark, a.Last+1)
				}
			}
			failed <- err
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return float64(next.Load()) / time.Since(began).Seconds(), nil
	}
}

// batchOf is a batch of records of 1 KiB.
func batchOf(kib int) ([]byte, error) {
	b := record.NewBuilder(record.BuilderOptions{})
	for range kib {
		b.Append(time.Now().UnixMilli(), nil, bytes.Repeat([]byte{'v'}, 1000))
	}
	batch, err := b.Finish()
	return bytes.Clone(batch), err
}
