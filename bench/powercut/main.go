package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// workerArg makes this program a worker.
const workerArg = "worker"

// options of a run.
type options struct {
	cycles     int
	partitions []int
	load       [2]time.Duration
	dir        string
	seed       uint64
	killOnly   bool
	selftest   bool
	before     bool
	checkEvery int
	storeBytes int64
	faultsMax  int
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == workerArg {
		if err := work(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	o, limit, err := parse()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, limit)
	do := (*options).trials
	if o.selftest {
		do = (*options).test
	}
	faults, err := do(o, ctx)
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("not all cycles were run: %w", ctx.Err())
	}
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if faults > 0 {
		fmt.Printf("seed %d, kept in %s\n", o.seed, o.dir)
	} else {
		os.RemoveAll(o.dir)
	}
	if faults > 0 || err != nil {
		os.Exit(1)
	}
}

func parse() (*options, time.Duration, error) {
	o := &options{}
	flag.IntVar(&o.cycles, "cycles", 200, "of each store")
	partitions := flag.String("partitions", "1,6,32", "a store of so many logs each, at the same time")
	low := flag.Duration("load-min", 5*time.Millisecond, "least time under load before a cut")
	high := flag.Duration("load-max", 150*time.Millisecond, "most")
	flag.StringVar(&o.dir, "dir", "", "an empty scratch directory, on the disk that is to hold the images")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "of all that is drawn")
	flag.BoolVar(&o.killOnly, "kill-only", false, "kill -9 only; needs neither root nor Linux")
	flag.BoolVar(&o.selftest, "selftest", false, "break what is tested, and want faults")
	flag.BoolVar(&o.before, "before", false, "keep an image of what each cut left before it is opened")
	flag.IntVar(&o.checkEvery, "check-every", 10, "offline check after so many cuts")
	flag.IntVar(&o.faultsMax, "faults", 1, "give a store up after so many faults")
	flag.Int64Var(&o.storeBytes, "store-bytes", 8<<20, "about what a store may hold")
	limit := flag.Duration("timeout", time.Hour, "of the whole run")
	flag.Parse()
	o.load = [2]time.Duration{*low, *high}
	for _, p := range strings.Split(*partitions, ",") {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 {
			return nil, 0, fmt.Errorf("--partitions %q: want numbers above 0", *partitions)
		}
		o.partitions = append(o.partitions, n)
	}
	if o.dir == "" || *low > *high || o.checkEvery < 1 || flag.NArg() > 0 {
		return nil, 0, errors.New("want --dir, load-min at most load-max, check-every above 0, and no arguments")
	}
	return o, *limit, nil
}

// trials runs all stores at the same time, and tells of each.
func (o *options) trials(ctx context.Context) (faults int, err error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	for _, p := range o.partitions {
		group.Go(func() {
			t := newTrial(o, p, "")
			failed := errors.Join(t.run(ctx, o.cycles), t.tearDown())
			mu.Lock()
			defer mu.Unlock()
			fmt.Println(t.summary())
			for _, f := range t.ledger.faults {
				fmt.Printf("  FAULT %s\n", f)
			}
			faults += len(t.ledger.faults)
			err = errors.Join(err, failed)
		})
	}
	group.Wait()
	return faults, err
}

// test wants each way of breaking the engine to be found.
func (o *options) test(ctx context.Context) (faults int, err error) {
	for _, how := range []string{breakOS, breakSync, breakSyncDir, breakEarly} {
		for _, p := range o.partitions {
			t := newTrial(o, p, how)
			failed := errors.Join(t.run(ctx, o.cycles), t.tearDown())
			os.RemoveAll(t.dir)
			if failed != nil {
				return 0, failed
			}
			if len(t.ledger.faults) == 0 {
				err = errors.Join(err, fmt.Errorf("%s, %d partitions: no fault in %d cycles", how, p, t.cycles))
				continue
			}
			fmt.Printf("%s, %d partitions: found %s\n", how, p, t.ledger.faults[0])
		}
	}
	return 0, err
}
