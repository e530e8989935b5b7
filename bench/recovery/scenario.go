package recovery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/child"
	"moldau/bench/disk"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/yardstick"
)

const (
	moldau   = "moldau"
	bareLoop = "read-crc"
)

type options struct {
	parts                 []string
	logs                  []int
	gigabytes             float64
	unflushed, scan       int64
	batchKiB              int
	journalBytes          int64
	loopWorkers           int
	forget                bool
	profile               string
	cleanLogs, cleanParts int
}

var parts = []string{"kill", "clean", "scan"}

func (o *options) declare(flags *pflag.FlagSet) {
	flags.Float64Var(&o.gigabytes, "gb", 10, "kill: GB on disk that are flushed")
	flags.Int64Var(&o.unflushed, "unflushed", 512<<20, "kill: bytes appended, and acknowledged, behind the last flush")
	flags.IntVar(&o.batchKiB, "batch-kib", 16, "kill, scan: KiB in a batch of those")
	flags.IntVar(&o.cleanLogs, "clean-logs", 1000, "clean: logs")
	flags.IntVar(&o.cleanParts, "clean-segments", 10, "clean: segments of each log")
	flags.Int64Var(&o.scan, "scan", 1<<30, "scan: bytes, in segments of 256 MiB")
	flags.Int64Var(&o.journalBytes, "journal-bytes", 0, "size of the engine's journal; 0 is its default")
	flags.IntVar(&o.loopWorkers, "loop-workers", 1, "goroutines of the bare loop; the engine has as many as cores")
	flags.BoolVar(&o.forget, "forget", os.Geteuid() != 0, "make files cold one by one, which leaves their inodes cached, instead of emptying the machine's page cache")
	flags.StringVar(&o.profile, "profile", "", "kill, scan: `FILE` that gets a CPU profile of the last open")
	flags.StringSliceVar(&o.parts, "parts", parts, "of kill, clean, scan")
	flags.IntSliceVar(&o.logs, "logs", []int{1, 1000}, "kill: logs")
	harness.Quick(flags, "gb", "0.5")
	harness.Quick(flags, "unflushed", "134217728")
	harness.Quick(flags, "scan", "268435456")
	harness.Quick(flags, "logs", "1")
	harness.Quick(flags, "clean-logs", "100")
}

// Scenario is how soon the engine is back.
func Scenario() harness.Scenario {
	var o options
	return harness.Scenario{
		Name:    "recovery",
		Summary: "how soon the engine is back after kill -9 and after a clean close, beside a loop of reads and CRCs",
		Help: `A process appends and is killed; another opens the store from a cold disk, until every
log has planned a read of its last record; the limit reads exactly what was not flushed
and checks the CRC-32C of each batch. It empties the machine's page cache where it may;
--forget leaves that alone.`,
		Flags: o.declare,
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			return plan(s, &o)
		},
	}
}

func plan(s *harness.Session, o *options) ([]harness.Workload, error) {
	for _, p := range o.parts {
		if !slices.Contains(parts, p) {
			return nil, fmt.Errorf("no part %q", p)
		}
	}
	if o.loopWorkers < 1 || slices.ContainsFunc(o.logs, func(n int) bool { return n < 1 }) {
		return nil, errors.New("at least one log, and one worker of the loop")
	}
	root, err := s.Directory("recovery")
	if err != nil {
		return nil, err
	}
	cold := "drop_caches"
	if o.forget {
		cold = "fadvise"
	}
	s.Run.Environment["cold by"] = cold
	s.Run.Environment["workers of the bare loop"] = fmt.Sprintf("%d, of the engine %d", o.loopWorkers, runtime.GOMAXPROCS(0))
	var workloads []harness.Workload
	for _, part := range o.parts {
		dir := filepath.Join(root, part)
		switch part {
		case "kill":
			workloads = append(workloads, killed(o, dir)...)
		case "clean":
			workloads = append(workloads, clean(s, o, dir)...)
		case "scan":
			workloads = append(workloads, scanned(o, dir))
		}
	}
	return slices.DeleteFunc(workloads, func(w harness.Workload) bool { return !s.WantsDurability(w.Row.Durability) }), nil
}

// rowOf is a row without goals, whose blocks take about so long.
func rowOf(name, durability string, headline result.Metric, expect time.Duration) harness.Workload {
	return harness.Workload{Expect: expect, Row: result.Row{Name: name, Client: "embedded", Acks: "-", Durability: durability, Headline: headline}}
}

// cold takes what lies below dir out of the page cache, once it is on disk.
func (o *options) cold(dir string) error {
	if err := disk.SyncFileSystem(dir); err != nil {
		return err
	}
	if o.forget {
		return disk.Forget(dir)
	}
	return disk.DropCaches()
}

// ask has a child play a role, and tells how much time the machine's host took from
// it meanwhile.
func ask[A any](ctx context.Context, r child.Role, task any, under ...string) (answer A, steal float64, err error) {
	_, before, err := yardstick.Times(os.Getpid())
	if err != nil {
		return answer, 0, err
	}
	if answer, err = child.Ask[A](ctx, r, task, under...); err != nil {
		return answer, 0, err
	}
	_, after, err := yardstick.Times(os.Getpid())
	return answer, after - before, err
}
