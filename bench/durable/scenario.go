package durable

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/harness"
	"moldau/bench/result"
)

type options struct {
	block, warmUp      time.Duration
	clients, logs, kib []int
	overwrite          bool
	journalBytes, cuts int64
}

func (o *options) declare(flags *pflag.FlagSet) {
	flags.DurationVar(&o.block, "block", 3*time.Second, "how long a block lasts, at least")
	flags.DurationVar(&o.warmUp, "warm-up-time", time.Second/2, "how long clients append before a block is timed")
	flags.Int64Var(&o.journalBytes, "journal-bytes", 0, "size of the engine's journal; 0 is its default")
	flags.Int64Var(&o.cuts, "cuts", 4, "cuts of the journal in a block, at least, if it takes no longer than ten blocks")
	flags.IntSliceVar(&o.clients, "clients", []int{64}, "clients that wait")
	flags.IntSliceVar(&o.logs, "logs", []int{1, 6, 32, 1000}, "logs")
	flags.IntSliceVar(&o.kib, "kib", []int{1, 16}, "KiB in a batch, in records of 1 KiB")
	flags.BoolVar(&o.overwrite, "overwrite", false, "also measure a preallocated file that is written round and round")
	harness.Quick(flags, "block", "300ms")
	harness.Quick(flags, "warm-up-time", "200ms")
	harness.Quick(flags, "logs", "6")
	harness.Quick(flags, "cuts", "1")
}

// system is one of those that take turns.
type system struct {
	name  string
	limit bool
	open  func(dir string, r row, o *options) (target, error)
}

const (
	moldau    = "moldau"
	oneFile   = "one-file"
	perFile   = "per-file"
	syncFS    = "syncfs"
	overwrite = "overwrite"
)

func (o *options) systems() []system {
	all := []system{{moldau, false, openMoldau}, {oneFile, true, openOneFile}, {perFile, true, openPerFile}, {syncFS, true, openSyncFS}}
	if o.overwrite {
		all = append(all, system{overwrite, true, openOverwrite})
	}
	return all
}

// Scenario is durable acknowledgements of the engine without a broker.
func Scenario() harness.Scenario {
	var o options
	return harness.Scenario{
		Name:    "durable",
		Summary: "durable acknowledgements of the engine, beside one file, a file a log, and syncfs",
		Help: `Clients append one batch each, wait until it is on stable storage, and append the
next, without a broker. A block begins with files and memory warm and nothing left to
write back; it ends when all data is in its own files and the engine's journal was cut
several times. The limit is one file for all logs with a group commit.`,
		Flags: o.declare,
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			return plan(s, &o)
		},
	}
}

func plan(s *harness.Session, o *options) (workloads []harness.Workload, err error) {
	if !s.WantsDurability("synced") {
		return nil, nil
	}
	for _, n := range append(append(append([]int{}, o.clients...), o.logs...), o.kib...) {
		if n < 1 {
			return nil, fmt.Errorf("%d of clients, logs or KiB", n)
		}
	}
	root, err := s.Directory("durable")
	if err != nil {
		return nil, err
	}
	for _, r := range rowsOf(o.clients, o.logs, o.kib) {
		w := harness.Workload{Expect: o.block + o.warmUp + time.Second, Row: result.Row{
			Name: r.name(), Client: "embedded", Acks: "-", Durability: "synced", Headline: result.OpsPerSecond, Goals: r.goals(o.cuts),
		}}
		for _, sys := range o.systems() {
			w.Contestants = append(w.Contestants, harness.Contestant{System: sys.name, Limit: sys.limit, Block: func(context.Context, int) (result.Block, error) {
				return measure(sys, r, o, root)
			}})
		}
		workloads = append(workloads, w)
	}
	return workloads, nil
}
