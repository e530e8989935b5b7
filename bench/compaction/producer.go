package compaction

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/disk"
	"moldau/bench/harness"
	"moldau/bench/pace"
	"moldau/bench/result"
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

// besideOptions are those of a producer beside a compaction.
type besideOptions struct {
	options
	perSecond  int
	window     time.Duration
	throttleMB int64
}

// Beside is how long appends to another log of the same store take meanwhile.
func Beside() harness.Scenario {
	var o besideOptions
	return harness.Scenario{
		Name:    "compaction-latency",
		Summary: "how long appends take while another log of the store is compacted",
		Help: `Appends are due at their times, whether the one before is done or not, and late by the
time from then on. The limit is the same store with nothing to compact.`,
		Flags: func(flags *pflag.FlagSet) {
			o.declare(flags)
			flags.IntVar(&o.perSecond, "rate", 2000, "appends of 1 KiB a second")
			flags.DurationVar(&o.window, "window", 5*time.Second, "how long a block lasts, at most")
			flags.Int64Var(&o.throttleMB, "throttle-mb", 50, "MB/s of the compaction that is throttled")
			harness.Quick(flags, "window", "1s")
		},
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			return planBeside(s, &o)
		},
	}
}

func planBeside(s *harness.Session, o *besideOptions) (workloads []harness.Workload, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.perSecond < 1 || o.window <= 0 {
		return nil, errors.New("at least one append a second, and a window")
	}
	root, err := s.Directory("compaction-latency")
	if err != nil {
		return nil, err
	}
	works := []meanwhile{{"idle", false, 0}, {moldau, true, 0}, {"moldau-throttled", true, o.throttleMB * 1e6}}
	for d, durability := range []string{logstore.OS: "os", logstore.Synced: "synced"} {
		if !s.WantsDurability(durability) {
			continue
		}
		w := harness.Workload{Expect: o.window + time.Second + time.Duration(o.bytes>>20)*4*time.Millisecond, Row: result.Row{
			Name:   fmt.Sprintf("%d appends of 1 KiB a second beside a compaction of %d MiB", o.perSecond, o.bytes>>20),
			Client: "embedded", Acks: "-", Durability: durability, Headline: result.P99,
			Notes: []string{fmt.Sprintf("moldau-throttled: the compaction reads and writes %d MB/s at most", o.throttleMB)},
		}}
		for _, work := range works {
			w.Contestants = append(w.Contestants, harness.Contestant{System: work.name, Limit: !work.compacts, Block: func(context.Context, int) (result.Block, error) {
				dir := filepath.Join(root, "data")
				b, err := produceBeside(o, work, logstore.Durability(d), dir)
				return b, errors.Join(err, os.RemoveAll(dir), disk.SyncFileSystem(root))
			}})
		}
		workloads = append(workloads, w)
	}
	return workloads, nil
}

// produceBeside writes a log, opens its store again and appends to another log,
// until the compaction is over or the window is.
func produceBeside(o *besideOptions, w meanwhile, d logstore.Durability, dir string) (b result.Block, err error) {
	if _, err := write(&o.options, distributions()[0], dir); err != nil {
		return b, err
	}
	var compacted atomic.Bool
	idle := config(&o.options)
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
	p := producer{log: l, every: time.Second / time.Duration(o.perSecond)}
	if _, err := p.appendUntil(func(d time.Duration) bool { return d > time.Second/2 }); err != nil { // warm
		return b, err
	}
	p.late = p.late[:0]
	if w.compacts {
		dirty, err := s.Log(tp)
		if err != nil {
			return b, err
		}
		if err := dirty.Configure(config(&o.options)); err != nil {
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
	late := result.NewLatency()
	for _, l := range p.late {
		late.Record(l)
	}
	b = result.Block{StealSeconds: now.Since(used).StealSeconds, Latency: late, Metrics: map[result.Metric]float64{
		result.OpsPerSecond: float64(len(p.late)) / took.Seconds(),
	}}
	late.Into(b.Metrics)
	if after := s.Counters(); w.compacts { // read and written, of rounds that ended
		b.Metrics[result.CompactedMB] = float64(after.CompactionReadBytes+after.CompactionWrittenBytes-before.CompactionReadBytes-before.CompactionWrittenBytes) / 1e6
	}
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
	release, err := pace.Thread()
	if err != nil {
		return 0, err
	}
	defer release()
	began := time.Now()
	for n := 1; failed.Load() == nil; n++ {
		due := began.Add(time.Duration(n) * p.every)
		pace.Until(due)
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
