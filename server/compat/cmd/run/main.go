package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"moldau/server/compat/broker"
	"moldau/server/compat/java"
)

func main() {
	r := runner{}
	kafka := flag.Bool("kafka", false, "run against the pinned Apache Kafka instead of Moldau")
	list := flag.Bool("list", false, "print the suites' names and end")
	flag.BoolVar(&r.keep, "keep", false, "keep data and logs also of suites in which nothing failed")
	flag.DurationVar(&r.timeout, "timeout", 20*time.Minute, "end a suite after `this` long")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: run [flags] [quick|all|NAME...]   (default: quick)")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, &r, *kafka, *list, flag.Args()))
}

func run(ctx context.Context, r *runner, kafka, list bool, args []string) int {
	root, err := java.Root()
	if err != nil {
		return report(err)
	}
	all, err := find(filepath.Join(root, "suites"))
	if err != nil {
		return report(err)
	}
	if list {
		for _, s := range all {
			fmt.Println(s.name)
		}
		return 0
	}
	chosen, err := choose(all, args)
	if err != nil {
		report(err)
		return 2
	}
	if !kafka {
		if r.binary, err = broker.Build(ctx); err != nil {
			return report(err)
		}
	}
	if r.dir, err = os.MkdirTemp("", "compat-run-"); err != nil {
		return report(err)
	}
	rows := r.all(ctx, chosen)
	good := !slices.ContainsFunc(rows, func(w row) bool { return !w.Good() })
	printTable(os.Stdout, rows)
	if good && !r.keep {
		err = os.RemoveAll(r.dir)
	} else {
		fmt.Printf("data and logs: %s\n", r.dir)
	}
	if err != nil {
		return report(err)
	}
	if !good || ctx.Err() != nil {
		return 1
	}
	return 0
}

func report(err error) int {
	fmt.Fprintln(os.Stderr, "run:", err)
	return 1
}

// choose picks suites by what was asked for.
func choose(all []foreign, args []string) ([]foreign, error) {
	if len(args) == 0 {
		args = []string{"quick"}
	}
	var chosen []foreign
	for _, arg := range args {
		found := false
		for _, s := range all {
			if arg != "all" && arg != s.name && !(arg == "quick" && s.quick) {
				continue
			}
			found = true
			if !slices.ContainsFunc(chosen, func(c foreign) bool { return c.name == s.name }) {
				chosen = append(chosen, s)
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no suite %q; --list names them", arg)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("there are no suites")
	}
	return chosen, nil
}
