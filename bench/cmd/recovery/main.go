package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"moldau/bench/disk"
)

type options struct {
	dir, out              string
	blocks                int
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

func main() {
	if len(os.Args) == 2 && roles[os.Args[1]] != nil {
		play(os.Args[1])
	}
	o := options{parts: parts, logs: []int{1, 1000}}
	flag.StringVar(&o.dir, "dir", os.TempDir(), "`directory` on the disk to measure")
	flag.StringVar(&o.out, "out", "", "`directory` for the results")
	flag.IntVar(&o.blocks, "blocks", 5, "blocks of each row")
	flag.Float64Var(&o.gigabytes, "gb", 10, "kill: GB on disk that are flushed")
	flag.Int64Var(&o.unflushed, "unflushed", 512<<20, "kill: bytes appended, and acknowledged, behind the last flush")
	flag.IntVar(&o.batchKiB, "batch-kib", 16, "kill, scan: KiB in a batch of those")
	flag.IntVar(&o.cleanLogs, "clean-logs", 1000, "clean: logs")
	flag.IntVar(&o.cleanParts, "clean-segments", 10, "clean: segments of each log")
	flag.Int64Var(&o.scan, "scan", 1<<30, "scan: bytes, in segments of 256 MiB")
	flag.Int64Var(&o.journalBytes, "journal-bytes", 0, "size of the engine's journal; 0 is its default")
	flag.IntVar(&o.loopWorkers, "loop-workers", 1, "goroutines of the bare loop; the engine has as many as cores")
	flag.BoolVar(&o.forget, "forget", os.Geteuid() != 0, "make files cold one by one, which leaves their inodes cached, instead of emptying the machine's page cache")
	flag.StringVar(&o.profile, "profile", "", "kill, scan: `file` that gets a CPU profile of the last open")
	flag.Func("only", "parts of kill, clean, scan, separated by commas (default all)", o.choose)
	flag.Func("logs", "kill: logs (default 1,1000)", o.numbers)
	flag.Parse()
	if o.out == "" || flag.NArg() > 0 || o.blocks < 1 || o.loopWorkers < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "recovery:", err)
		os.Exit(1)
	}
}

func (o *options) choose(list string) error {
	o.parts = strings.Split(list, ",")
	for _, p := range o.parts {
		if !slices.Contains(parts, p) {
			return fmt.Errorf("no part %q", p)
		}
	}
	return nil
}

func (o *options) numbers(list string) error {
	o.logs = nil
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a number above 0", s)
		}
		o.logs = append(o.logs, n)
	}
	return nil
}

func run(o options) error {
	root, err := os.MkdirTemp(o.dir, "recovery-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	report := newReport(o)
	for _, part := range o.parts {
		dir := filepath.Join(root, part)
		switch part {
		case "kill":
			err = killed(o, dir, report)
		case "clean":
			err = clean(o, dir, report)
		case "scan":
			err = scanned(o, dir, report)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	report.print(os.Stdout)
	return report.save(o.out)
}

// cold takes what lies below dir out of the page cache, once it is on disk.
func (o options) cold(dir string) error {
	if err := disk.SyncFileSystem(dir); err != nil {
		return err
	}
	if o.forget {
		return disk.Forget(dir)
	}
	return disk.DropCaches()
}

// describe is for the report.
func (o options) describe() map[string]string {
	cold := "drop_caches"
	if o.forget {
		cold = "fadvise"
	}
	return map[string]string{
		"disk": disk.FileSystem(o.dir), "journal": fmt.Sprint(disk.HasJournal), "cold by": cold,
		"workers of the bare loop": fmt.Sprintf("%d, of the engine %d", o.loopWorkers, runtime.GOMAXPROCS(0)),
	}
}
