package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"moldau/fuzz/corpus"
)

const usage = `usage: fuzz/run [flags] [duration [target...]]

Runs every fuzz target, or those named, for the duration each: 10s, 5m, 2h.
The default is 10s. Exits with 1 if there is a finding.

`

// options are what the command line asks for.
type options struct {
	duration time.Duration
	targets  []string
	blind    bool
	parallel int
	corpus   string
	seed     string
	list     bool
}

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	findings, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(2)
	}
	if findings > 0 {
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	o := options{duration: 10 * time.Second}
	flags := flag.NewFlagSet("fuzz/run", flag.ExitOnError)
	flags.BoolVar(&o.blind, "blind", false, "do not watch what is reached: many times as many executions")
	flags.IntVar(&o.parallel, "parallel", 1, "inputs tried at once, of a guided run")
	flags.StringVar(&o.corpus, "corpus", os.Getenv(corpus.Directory), "a `directory` of more files to start from, such as a data directory")
	flags.StringVar(&o.seed, "seed", "", "of a blind run's random `numbers`; default the time's")
	flags.BoolVar(&o.list, "list", false, "list the targets and run none")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if rest := flags.Args(); len(rest) > 0 {
		d, err := time.ParseDuration(rest[0])
		if err != nil {
			return o, err
		}
		o.duration, o.targets = d, rest[1:]
	}
	if o.corpus != "" {
		abs, err := filepath.Abs(o.corpus)
		if err != nil {
			return o, err
		}
		o.corpus = abs
	}
	return o, nil
}

// run runs the targets, and returns how many findings there are.
func run(ctx context.Context, o options) (findings int, err error) {
	root, err := moduleRoot()
	if err != nil {
		return 0, err
	}
	all, err := findTargets(root)
	if err != nil {
		return 0, err
	}
	if all, err = chosen(all, o.targets); err != nil {
		return 0, err
	}
	r := runner{options: o, root: root}
	var results []result
	for _, t := range all {
		if o.list {
			fmt.Printf("%-22s %s\n", t.name, t.pkg)
			continue
		}
		if o.blind && !t.blind {
			if len(o.targets) > 0 {
				return 0, fmt.Errorf("%s has no blind run: it is none of package target's", t.name)
			}
			continue
		}
		if ctx.Err() != nil {
			break
		}
		res, err := r.run(ctx, t)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", t.name, err)
		}
		findings += len(res.findings)
		results = append(results, res)
	}
	if !o.list {
		report(results)
	}
	return findings, nil
}

// chosen picks the targets that were named, all if none was.
func chosen(all []fuzzTarget, names []string) (picked []fuzzTarget, err error) {
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		before := len(picked)
		for _, t := range all {
			if t.name == name || t.pkg+"."+t.name == name {
				picked = append(picked, t)
			}
		}
		if len(picked) == before {
			return nil, fmt.Errorf("no target is called %s; fuzz/run -list tells which there are", name)
		}
	}
	return picked, nil
}

// report tells of all targets in a table.
func report(results []result) {
	fmt.Printf("\n%-22s %14s %9s %9s %8s %8s %8s\n", "target", "executions", "a second", "past", "accepted", "coverage", "findings")
	for _, r := range results {
		past, accepted, coverage := "-", "-", "-"
		if n := r.counts.All(); n > 0 {
			past = fmt.Sprintf("%.1f %%", r.counts.Past())
			accepted = fmt.Sprintf("%.1f %%", 100*float64(r.counts.Accepted)/float64(n))
		}
		if r.coverageBits > 0 {
			coverage = fmt.Sprint(r.coverageBits)
		}
		fmt.Printf("%-22s %14d %9.0f %9s %8s %8s %8d\n", r.target.name, r.executions, float64(r.executions)/r.took.Seconds(), past, accepted, coverage, len(r.findings))
	}
	for _, r := range results {
		for _, f := range r.findings {
			fmt.Printf("\n%s: %s\n%s\n", r.target.name, f, strings.TrimRight(r.failure, "\n"))
		}
	}
}
