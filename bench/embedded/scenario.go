package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/disk"
	"moldau/bench/harness"
	"moldau/bench/peers"
	"moldau/bench/result"
	"moldau/bench/yardstick"
)

const moldau = "moldau"

type options struct {
	block      time.Duration
	bytes      int64
	appended   int64
	cpuProfile string
}

func (o *options) declare(flags *pflag.FlagSet) {
	flags.DurationVar(&o.block, "block", 2*time.Second, "how long a block lasts at most, where it is not a whole log")
	flags.Int64Var(&o.bytes, "bytes", 1<<30, "bytes of the logs that are read and opened")
	flags.Int64Var(&o.appended, "appended", 256<<20, "bytes that a block appends, at most")
	flags.StringVar(&o.cpuProfile, "cpu-profile", "", "`FILE` for a profile of all that is measured")
	harness.Quick(flags, "block", "250ms")
	harness.Quick(flags, "bytes", "33554432")
	harness.Quick(flags, "appended", "33554432")
}

// Scenario is the engine in a program that embeds it.
func Scenario() harness.Scenario {
	var o options
	return harness.Scenario{
		Name:    "embedded",
		Summary: "what a program pays that embeds a log: the engine beside a bare loop and other Go libraries",
		Help: `No broker, one process. Batches that were encoded beforehand are appended, beside a
loop of CRC-32C and pwrite; then records of 1 KiB go in and out, beside libraries that
keep logs. A block that appends has a new log; logs that are read lie in the page
cache. What each library promises is in the rows' notes.`,
		Flags: o.declare,
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			return plan(s, &o)
		},
	}
}

func plan(s *harness.Session, o *options) ([]harness.Workload, error) {
	if o.bytes < 32<<20 || o.appended < 1<<20 || o.block <= 0 {
		return nil, errors.New("at least 32 MiB of logs, 1 MiB of appends, and some time for a block")
	}
	s.Run.Environment["peers"] = versions()
	root, err := s.Directory("embedded")
	if err != nil {
		return nil, err
	}
	stop, err := yardstick.Profile(o.cpuProfile)
	if err != nil {
		return nil, err
	}
	s.OnClose(stop)
	var workloads []harness.Workload
	for _, r := range slices.Concat(limitRows(o), appendRows(o), readRows(o)) {
		if s.WantsDurability(r.durability) {
			workloads = append(workloads, r.workload(o, root))
		}
	}
	return workloads, nil
}

// versions are those of the peers' modules, as they are linked.
func versions() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	var linked []string
	for _, m := range info.Deps {
		if slices.ContainsFunc(peers.All, func(p peers.Peer) bool { return p.Module == m.Path }) {
			linked = append(linked, m.Path+" "+m.Version)
		}
	}
	return strings.Join(linked, ", ")
}

// row is one kind of work, done by several systems, the engine first.
type row struct {
	name       string
	durability string
	headline   result.Metric
	goals      []result.Goal // beside those of every system
	systems    []system
	// prepare, where set, makes for a system what its blocks work on, and leave as it
	// was. All rows that have it mean the same by a system's name.
	prepare func(s system, dir string) error
	perOp   int64 // bytes, 0 where a rate of them says nothing
}

// system does the work of a row once. It returns how many operations it did.
type system struct {
	name  string
	limit bool
	notes string
	block func(dir string, t *stopwatch) (operations int64, err error)
}

// workload is the row as the harness has it.
func (r row) workload(o *options, root string) harness.Workload {
	w := harness.Workload{Expect: o.block + o.block/2, Row: result.Row{
		Name: r.name, Client: "embedded", Acks: "-", Durability: r.durability, Headline: r.headline, Goals: r.goals,
	}}
	for _, s := range r.systems {
		if s.notes != "" {
			w.Row.Notes = append(w.Row.Notes, s.name+": "+s.notes)
		}
		w.Contestants = append(w.Contestants, harness.Contestant{System: s.name, Limit: s.limit, Block: func(context.Context, int) (result.Block, error) {
			return r.measure(s, root)
		}})
	}
	return w
}

// measure runs one block of a system. Of the rows that have something prepared the
// first makes it.
func (r row) measure(s system, root string) (b result.Block, err error) {
	dir := filepath.Join(root, s.name)
	if r.prepare != nil {
		dir += ", prepared"
		if _, missing := os.Stat(dir); missing != nil {
			if err := errors.Join(r.prepare(s, dir), disk.SyncFileSystem(root)); err != nil {
				return b, fmt.Errorf("preparing: %w", err)
			}
		}
	}
	if b, err = measureBlock(s, dir, r.perOp); err != nil {
		return b, err
	}
	if r.prepare == nil {
		err = os.RemoveAll(dir)
	}
	return b, errors.Join(err, disk.SyncFileSystem(root))
}

// beside are goals of not being slower than any of the others.
func beside(systems []system, m result.Metric) (goals []result.Goal) {
	for _, s := range systems {
		if !strings.HasPrefix(s.name, moldau) {
			goals = append(goals, result.Goal{System: moldau, Metric: m, Against: s.name, AtMost: 1})
		}
	}
	return goals
}
