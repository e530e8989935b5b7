package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"moldau/bench/disk"
)

type options struct {
	dir, out           string
	blocks             int
	block, warmUp      time.Duration
	clients, logs, kib []int
	systems            []system
	journalBytes, cuts int64
}

// system is one of those that are compared.
type system struct {
	name string
	open func(dir string, r row, o options) (target, error)
}

const (
	moldau    = "moldau"
	oneFile   = "one-file"
	perFile   = "per-file"
	syncFS    = "syncfs"
	overwrite = "overwrite"
)

var systems = []system{
	{moldau, openMoldau}, {oneFile, openOneFile}, {perFile, openPerFile}, {syncFS, openSyncFS}, {overwrite, openOverwrite},
}

func main() {
	o := options{clients: []int{64}, logs: []int{1, 6, 32, 1000}, kib: []int{1, 16}, systems: systems[:4]}
	flag.StringVar(&o.dir, "dir", os.TempDir(), "`directory` on the disk to measure")
	flag.StringVar(&o.out, "out", "", "`directory` for the results")
	flag.IntVar(&o.blocks, "blocks", 5, "blocks of each row and system")
	flag.DurationVar(&o.block, "block", 3*time.Second, "how long a block lasts, at least")
	flag.DurationVar(&o.warmUp, "warm-up", time.Second/2, "how long clients append before a block is timed")
	flag.Int64Var(&o.journalBytes, "journal-bytes", 0, "size of the engine's journal; 0 is its default")
	flag.Int64Var(&o.cuts, "cuts", 4, "cuts of the journal in a block, at least, if it takes no longer than ten blocks")
	flag.Func("clients", "clients, separated by commas (default 64)", numbers(&o.clients))
	flag.Func("logs", "logs (default 1,6,32,1000)", numbers(&o.logs))
	flag.Func("kib", "KiB in a batch, in records of 1 KiB (default 1,16)", numbers(&o.kib))
	flag.Func("systems", "of moldau, one-file, per-file, syncfs, overwrite (default all but the last)", func(list string) error {
		return o.choose(strings.Split(list, ","))
	})
	flag.Parse()
	if o.out == "" || flag.NArg() > 0 || o.blocks < 1 || o.block <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "durable:", err)
		os.Exit(1)
	}
}

func numbers(into *[]int) func(string) error {
	return func(list string) error {
		*into = nil
		for s := range strings.SplitSeq(list, ",") {
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 {
				return fmt.Errorf("%q is not a number above 0", s)
			}
			*into = append(*into, n)
		}
		return nil
	}
}

func (o *options) choose(names []string) error {
	o.systems = nil
	for _, name := range names {
		i := slices.IndexFunc(systems, func(s system) bool { return s.name == name })
		if i < 0 {
			return fmt.Errorf("no system %q", name)
		}
		o.systems = append(o.systems, systems[i])
	}
	return nil
}

func run(o options) error {
	root, err := os.MkdirTemp(o.dir, "durable-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	if err := disk.SyncFileSystem(root); err != nil {
		return err
	}
	report := newReport(o)
	for _, r := range rowsOf(o.clients, o.logs, o.kib) {
		order := slices.Clone(o.systems)
		for n := range o.blocks {
			for _, s := range order {
				b, err := measure(s, r, o, root)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", r.name(), s.name, err)
				}
				fmt.Printf("%-34s %-10s block %d: %8.0f acks/s, p99 %7.2f ms, %6.2f CPU-s/GB, %d syncs, %d cuts\n",
					r.name(), s.name, n+1, b.perSecond(), b.p99(), b.cpuPerGB(), b.Syncs, b.Journal.Cuts)
				report.add(r, s.name, b)
			}
			slices.Reverse(order) // A B C D D C B A: what drifts hits all alike
		}
	}
	report.print(os.Stdout)
	return report.save(o.out)
}
