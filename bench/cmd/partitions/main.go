package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

type options struct {
	moldau, dir, durabilities string
	partitions, perTopic      int
	few                       int
	blocks                    int
	blockMB                   int64
	connections, inFlight     int
	only                      string
	profile                   string
	limits                    bool
}

func main() {
	var o options
	flag.StringVar(&o.moldau, "moldau", "", "the built `binary`")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "`directory` on the disk to measure")
	flag.StringVar(&o.durabilities, "durability", "os,synced", "of os and synced, which")
	flag.IntVar(&o.partitions, "partitions", 10_000, "partitions that are many")
	flag.IntVar(&o.perTopic, "per-topic", 100, "partitions of a topic, where there are many topics")
	flag.IntVar(&o.few, "few", 100, "partitions that are few")
	flag.IntVar(&o.blocks, "blocks", 3, "blocks of each row")
	flag.Int64Var(&o.blockMB, "mb", 256, "MB that a block moves; a sixteenth in batches of 1 KiB")
	flag.IntVar(&o.connections, "connections", 1, "connections")
	flag.IntVar(&o.inFlight, "in-flight", 5, "requests in flight on each connection")
	flag.StringVar(&o.only, "only", "", "measure create or produce alone")
	flag.StringVar(&o.profile, "profile", "", "keep CPU profiles of the broker while it creates, and takes first batches, in this `directory`")
	flag.BoolVar(&o.limits, "limits", false, "fail if a figure is beyond its limit")
	flag.Parse()
	if o.moldau == "" || flag.NArg() > 0 || o.blocks < 1 || o.partitions%o.perTopic != 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "partitions:", err)
		os.Exit(1)
	}
	if o.limits && failed > 0 {
		os.Exit(1)
	}
}

// run measures and tells how many figures were beyond their limits.
func run(ctx context.Context, o options) (failed int, err error) {
	// All directories go at the end: for some minutes after, ext4 takes many times as
	// long to make a file, since it looks at every inode that was given free.
	if o.dir, err = os.MkdirTemp(o.dir, "partitions-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(o.dir)
	l := &limits{}
	for durability := range strings.SplitSeq(o.durabilities, ",") {
		if o.only != "produce" {
			for _, perTopic := range []int{o.perTopic, o.partitions} {
				if err := createAll(ctx, o, l, durability, perTopic); err != nil {
					return 0, fmt.Errorf("%s, %d to a topic: %w", durability, perTopic, err)
				}
			}
		}
		if o.only != "create" {
			if err := compare(ctx, o, l, durability); err != nil {
				return 0, fmt.Errorf("%s: %w", durability, err)
			}
		}
	}
	return l.failed, nil
}

// limits are what figures have to keep.
type limits struct{ failed int }

// atMost prints a figure with its limit, in the same unit.
func (l *limits) atMost(what string, figure, limit float64, unit string) {
	verdict := ""
	if figure > limit {
		verdict = ", MISSED"
		l.failed++
	}
	fmt.Printf("  %-44s %9.2f %s (at most %g%s)\n", what, figure, unit, limit, verdict)
}
