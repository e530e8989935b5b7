package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"moldau/bench/disk"
)

type options struct {
	dir, out   string
	blocks     int
	block      time.Duration
	bytes      int64
	appended   int64
	only       *regexp.Regexp
	peers      *regexp.Regexp
	quick      bool
	cpuProfile string
}

func main() {
	o := options{only: regexp.MustCompile(""), peers: regexp.MustCompile("")}
	flag.StringVar(&o.dir, "dir", os.TempDir(), "`directory` on the disk to measure")
	flag.StringVar(&o.out, "out", "", "`directory` for the results")
	flag.IntVar(&o.blocks, "blocks", 5, "blocks of each row and system")
	flag.DurationVar(&o.block, "block", 2*time.Second, "how long a block lasts at most, where it is not a whole log")
	flag.Int64Var(&o.bytes, "bytes", 1<<30, "bytes of the logs that are read and opened")
	flag.Int64Var(&o.appended, "appended", 256<<20, "bytes that a block appends, at most")
	flag.BoolVar(&o.quick, "quick", false, "3 blocks of half a second, logs of 64 MiB")
	flag.StringVar(&o.cpuProfile, "cpuprofile", "", "`file` for a profile of all that is measured")
	flag.Func("only", "the rows that match this `regexp`", expression(&o.only))
	flag.Func("peers", "the peers that match this `regexp`", expression(&o.peers))
	flag.Parse()
	if o.quick {
		o.blocks, o.block, o.bytes, o.appended = 3, time.Second/2, 64<<20, 64<<20
	}
	if o.out == "" || flag.NArg() > 0 || o.blocks < 1 || o.block <= 0 || o.bytes < 32<<20 || o.appended < 1<<20 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "embedded:", err)
		os.Exit(1)
	}
}

func expression(into **regexp.Regexp) func(string) error {
	return func(s string) (err error) {
		*into, err = regexp.Compile(s)
		return err
	}
}

func run(o options) (err error) {
	root, err := os.MkdirTemp(o.dir, "embedded-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	stop, err := profile(o.cpuProfile)
	if err != nil {
		return err
	}
	defer stop()
	report := newReport(o)
	for _, r := range slices.Concat(limitRows(o), appendRows(o), readRows(o)) {
		if !o.only.MatchString(r.name) {
			continue
		}
		if err := r.measure(o, root, report); err != nil {
			return err
		}
	}
	report.print(os.Stdout)
	return report.save(o.out)
}

// row is one kind of work, done by several systems.
type row struct {
	name    string
	goal    float64 // of the last system's rate, 0 for that of every other
	systems []system
	// prepare, where set, makes for a system what its blocks work on, and leave as it
	// was. All rows that have it mean the same by a system's name.
	prepare func(s system, dir string) error
	perOp   int64 // bytes, 0 where a rate of them says nothing
	ms      bool  // is told in milliseconds, not microseconds
}

func (r row) in(microseconds float64) float64 {
	if r.ms {
		return microseconds / 1000
	}
	return microseconds
}

func (r row) unit() string {
	if r.ms {
		return "ms"
	}
	return "us"
}

// system does the work of a row once. It returns how many operations it did.
type system struct {
	name  string
	notes string
	block func(dir string, t *stopwatch) (operations int64, err error)
}

func (r row) measure(o options, root string, report *report) error {
	dirs := map[string]string{}
	for _, s := range r.systems {
		dirs[s.name] = filepath.Join(root, strings.ReplaceAll(s.name, "/", "-"))
		if r.prepare == nil {
			continue
		}
		// Of the rows that want one the first makes it.
		dirs[s.name] += ", prepared"
		if _, err := os.Stat(dirs[s.name]); err == nil {
			continue
		}
		if err := r.prepare(s, dirs[s.name]); err != nil {
			return fmt.Errorf("%s, %s: %w", r.name, s.name, err)
		}
	}
	order := slices.Clone(r.systems)
	for n := range o.blocks {
		for _, s := range order {
			b, err := measureBlock(s, dirs[s.name])
			if err == nil && r.prepare == nil {
				err = os.RemoveAll(dirs[s.name])
			}
			if err == nil {
				err = disk.SyncFileSystem(root)
			}
			if err != nil {
				return fmt.Errorf("%s, %s: %w", r.name, s.name, err)
			}
			fmt.Printf("%-44s %-24s block %d: %10.2f %s, %8.2f of CPU, %6.1f allocations\n", r.name, s.name, n+1, r.in(b.microseconds()), r.unit(), r.in(b.cpuMicroseconds()), b.allocations())
			report.add(r, s.name, b)
		}
		slices.Reverse(order)
	}
	return nil
}
