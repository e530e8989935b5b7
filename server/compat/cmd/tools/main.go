package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// check is one row of the table.
type check struct {
	name string
	run  func(context.Context, *bench) error
}

func checks() []check {
	var all []check
	for _, part := range [][]check{
		clusterChecks(), topicChecks(), configChecks(), kcatChecks(), franzChecks(),
		perfChecks(), consoleChecks(), offsetChecks(), deletionChecks(), logDirChecks(),
	} {
		all = append(all, part...)
	}
	return all
}

func main() {
	bootstrap := flag.String("b", "127.0.0.1:9092", "the broker, `host:port`")
	only := flag.String("only", "", "run the checks whose name holds this")
	list := flag.Bool("list", false, "print the checks' names and end")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if *list {
		for _, c := range checks() {
			fmt.Println(c.name)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed, err := runAll(ctx, *bootstrap, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tools:", err)
	}
	if err != nil || failed > 0 {
		os.Exit(1)
	}
}

func runAll(ctx context.Context, bootstrap, only string) (failed int, err error) {
	b, err := newBench(ctx, bootstrap)
	if err != nil {
		return 0, err
	}
	defer b.close()
	var reasons []string
	passed := 0
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, c := range checks() {
		if !strings.Contains(c.name, only) {
			continue
		}
		start := time.Now()
		verdict := "passed"
		if err := b.try(ctx, c); err != nil {
			verdict = "FAILED"
			failed++
			reasons = append(reasons, fmt.Sprintf("--- %s\n%v", c.name, err))
		} else {
			passed++
		}
		fmt.Fprintf(table, "%s\t%s\t%.1f s\n", verdict, c.name, time.Since(start).Seconds())
		table.Flush()
	}
	for _, r := range reasons {
		fmt.Println(r)
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if passed+failed == 0 {
		return 0, fmt.Errorf("no check is named like %q", only)
	}
	return failed, nil
}
