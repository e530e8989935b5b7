package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"moldau/bench/disk"
	"moldau/bench/yardstick"
	"moldau/logstore"
	"moldau/logstore/record"
)

// meanwhile is what a store does while a producer is measured.
type meanwhile struct {
	name     string
	compacts bool
	throttle int64 // bytes a second, 0 for none
}

// besideRow is what was measured of one producer beside one of those.
type besideRow struct {
	Name   string        `json:"name"`
	Blocks []besideBlock `json:"blocks"`
}

type besideBlock struct {
	Appends          int     `json:"appends"`
	P50, P99, P999   float64 // ms, from when an append was due
	CompactedSeconds float64 `json:"compactedSeconds"` // for how much of the block a compaction ran
	Seconds          float64 `json:"seconds"`
	CompactedMB      float64 `json:"compactedMB"` // read and written, of rounds that ended
	Steal            float64 `json:"stealSeconds"`
}

type besideReport struct {
	yardstick.Run
	Rows []*besideRow `json:"rows"`
}

// runProducers measures a producer of each durability beside each kind of work, in
// turns.
func runProducers(o options) error {
	root, err := os.MkdirTemp(o.dir, "compaction-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	r := &besideReport{Run: yardstick.NewRun(map[string]string{"disk": disk.FileSystem(o.dir)})}
	delete(r.Environment, "java")
	works := []meanwhile{{name: "idle"}, {"compaction", true, 0}, {fmt.Sprintf("compaction at %d MB/s", o.throttleMB), true, o.throttleMB * 1e6}}
	durabilities := []string{logstore.OS: "os", logstore.Synced: "synced"}
	rowsBy := map[string]*besideRow{}
	for d := range durabilities {
		for _, w := range works {
			row := &besideRow{Name: durabilities[d] + ", " + w.name}
			rowsBy[row.Name] = row
			r.Rows = append(r.Rows, row)
		}
	}
	for n := range o.blocks {
		for _, d := range []logstore.Durability{logstore.OS, logstore.Synced} {
			for _, w := range works {
				name := durabilities[d] + ", " + w.name
				b, err := produceBeside(o, w, d, filepath.Join(root, "data"))
				if err == nil {
					err = errors.Join(os.RemoveAll(filepath.Join(root, "data")), disk.SyncFileSystem(root))
				}
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				fmt.Printf("%-34s block %d: %d appends, p50 %.3f ms, p99 %.3f, p99.9 %.3f; a compaction ran for %.1f of %.1f s\n",
					name, n+1, b.Appends, b.P50, b.P99, b.P999, b.CompactedSeconds, b.Seconds)
				rowsBy[name].Blocks = append(rowsBy[name].Blocks, b)
			}
			slices.Reverse(works)
		}
	}
	r.print(o)
	return yardstick.Save(o.out, "compaction-producer", r.At, r)
}

func (r *besideReport) print(o options) {
	r.PrintEnvironment(os.Stdout)
	fmt.Printf("%d appends a second of 1 KiB\n\n| producer, meanwhile | p50 ms | p99 ms (least-most) | p99.9 ms (least-most) | ratio of p99 to idle |\n|---|---|---|---|---|\n", o.producer)
	idle := 0.0
	for _, row := range r.Rows {
		of := func(f func(besideBlock) float64) []float64 { return yardstick.Values(row.Blocks, f) }
		p99, p999 := of(func(b besideBlock) float64 { return b.P99 }), of(func(b besideBlock) float64 { return b.P999 })
		if strings.HasSuffix(row.Name, ", idle") {
			idle = yardstick.Median(p99)
		}
		fmt.Printf("| %s | %.3f | %.2f (%.2f-%.2f) | %.2f (%.2f-%.2f) | %.2f |\n", row.Name, yardstick.Median(of(func(b besideBlock) float64 { return b.P50 })),
			yardstick.Median(p99), slices.Min(p99), slices.Max(p99), yardstick.Median(p999), slices.Min(p999), slices.Max(p999), yardstick.Median(p99)/idle)
	}
}

// produceBeside writes a log, opens its store again and appends to another log,
// until the compaction is over or the window is.
func produceBeside(o options, w meanwhile, d logstore.Durability, dir string) (b besideBlock, err error) {
	if _, err := write(o, rows()[0], dir); err != nil {
		return b, err
	}
	var compacted atomic.Bool
	idle := config(o)
	idle.Compact, idle.RetentionMs = false, -1
	s, err := logstore.Open(dir, logstore.Options{
		Log: idle, CompactionMapBytes: o.mapBytes, CompactionIntervalMs: 20, CompactionBytesPerSecond: w.throttle,
		Events: func(e logstore.Event) {
			switch e := e.(type) {
			case logstore.LogCompacted:
				compacted.Store(true)
			case logstore.CompactionFailed:
				fmt.Fprintln(os.Stderr, "compaction failed:", e.Err)
			}
		},
	})
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	idle.Durability = d
	l, err := s.Create(logstore.TopicPartition{Topic: "produced"}, logstore.TopicID{2}, idle)
	if err != nil {
		return b, err
	}
	p := producer{log: l, every: time.Second / time.Duration(o.producer)}
	if _, err := p.appendUntil(func(d time.Duration) bool { return d > time.Second/2 }); err != nil { // warm
		return b, err
	}
	p.late = p.late[:0]
	if w.compacts {
		dirty, err := s.Log(tp)
		if err != nil {
			return b, err
		}
		if err := dirty.Configure(config(o)); err != nil {
			return b, err
		}
	}
	used, err := yardstick.Used()
	if err != nil {
		return b, err
	}
	before := s.Counters()
	took, err := p.appendUntil(func(d time.Duration) bool { return d > o.window || w.compacts && compacted.Load() })
	if err != nil {
		return b, err
	}
	now, err := yardstick.Used()
	if err != nil {
		return b, err
	}
	b.Steal, b.Seconds, b.Appends = now.Since(used).StealSeconds, took.Seconds(), len(p.late)
	if after := s.Counters(); w.compacts {
		b.CompactedSeconds = took.Seconds()
		b.CompactedMB = float64(after.CompactionReadBytes+after.CompactionWrittenBytes-before.CompactionReadBytes-before.CompactionWrittenBytes) / 1e6
	}
	slices.Sort(p.late)
	at := func(part float64) float64 { return p.late[int(part*float64(len(p.late)-1))].Seconds() * 1e3 }
	b.P50, b.P99, b.P999 = at(0.5), at(0.99), at(0.999)
	return b, nil
}

// producer appends one record at a time, each when it is due.
type producer struct {
	log   *logstore.Log
	every time.Duration
	mu    sync.Mutex
	late  []time.Duration // of each, from when it was due until it was acknowledged
}

// appendUntil appends until over says so, and waits for what is under way. Who is
// due waits for none before it: each has a goroutine of its own.
func (p *producer) appendUntil(over func(time.Duration) bool) (time.Duration, error) {
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	value := make([]byte, 1024-80)
	began := time.Now()
	for n := 1; failed.Load() == nil; n++ {
		due := began.Add(time.Duration(n) * p.every)
		time.Sleep(time.Until(due))
		if over(time.Since(began)) {
			break
		}
		all.Go(func() {
			_, err := p.log.Append(context.Background(), record.Record{Value: value})
			if err != nil {
				failed.Store(&err)
				return
			}
			took := time.Since(due)
			p.mu.Lock()
			p.late = append(p.late, took)
			p.mu.Unlock()
		})
	}
	all.Wait()
	took := time.Since(began)
	if err := failed.Load(); err != nil {
		return took, *err
	}
	return took, nil
}
