package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"moldau/server/compat/suite"
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
		groupChecks(), groupWorkChecks(),
	} {
		all = append(all, part...)
	}
	return all
}

func main() {
	bootstrap := flag.String("b", "127.0.0.1:9092", "the broker, `host:port`")
	only := flag.String("only", "", "run the checks whose name holds this")
	except := flag.String("except", "", "but not those whose name holds this")
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
	code, err := runAll(ctx, *bootstrap, *only, *except)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tools:", err)
		code = 1
	}
	os.Exit(code)
}

// runAll reports the checks as a suite, so that server/compat/run can run them.
func runAll(ctx context.Context, bootstrap, only, except string) (code int, err error) {
	b, err := newBench(ctx, bootstrap)
	if err != nil {
		return 1, err
	}
	defer b.close()
	var tests []suite.Test
	for _, c := range checks() {
		if strings.Contains(c.name, only) && (except == "" || !strings.Contains(c.name, except)) {
			tests = append(tests, suite.Test{Name: c.name, Run: func(ctx context.Context) error { return c.run(ctx, b) }})
		}
	}
	if len(tests) == 0 {
		return 1, fmt.Errorf("no check is named like %q", only)
	}
	return suite.Run(ctx, os.Stdout, 3*time.Minute, tests), nil
}
