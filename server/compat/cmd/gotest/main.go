package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"moldau/server/compat/suite"
)

func main() {
	dir := flag.String("C", ".", "the `folder` of the module that requires the packages")
	base := flag.String("base", "", "import `path` that tests' names leave out")
	var except []string
	var needs []need
	flag.Func("except", "do not run the test of this `name`, and report it as failed", func(name string) error {
		except = append(except, name)
		return nil
	})
	flag.Func("needs", "`KEY:NAME`: do not run the test if the broker does not serve the API, and report it as failed", func(s string) error {
		key, name, _ := strings.Cut(s, ":")
		n, err := strconv.ParseInt(key, 10, 16)
		if err != nil {
			return err
		}
		needs = append(needs, need{int16(n), name})
		return nil
	})
	flag.Parse()
	packages, flags := flag.Args(), []string(nil)
	if i := slices.Index(packages, "--"); i >= 0 {
		packages, flags = packages[:i], packages[i+1:]
	}
	if len(packages) == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	unmet, err := unmetNeeds(ctx, os.Getenv("MOLDAU_BROKER"), needs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
	except = append(except, unmet...)
	args := []string{"test", "-C", *dir, "-json", "-count=1"}
	if len(except) > 0 {
		args = append(args, "-skip", skipPattern(except))
	}
	args = append(append(args, flags...), packages...)
	code, err := run(ctx, *base, except, args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		code = 1
	}
	os.Exit(code)
}

// skipPattern matches exactly the tests of these names.
func skipPattern(names []string) string {
	var patterns []string
	for _, name := range names {
		levels := strings.Split(name, "/")
		for i, l := range levels {
			levels[i] = "^" + regexp.QuoteMeta(l) + "$"
		}
		patterns = append(patterns, strings.Join(levels, "/"))
	}
	return strings.Join(patterns, "|")
}

// run is "go test" with its events turned into reports.
func run(ctx context.Context, base string, except, args []string) (int, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	t := tests{report: suite.Reporter{W: os.Stdout}, base: base}
	err = t.read(events)
	exit := cmd.Wait()
	if err != nil {
		return 1, err
	}
	t.unfinished()
	for _, name := range except {
		t.report.Test(name, errors.New("not run"), 0)
	}
	code := t.report.End()
	var exited *exec.ExitError
	if exit != nil && !errors.As(exit, &exited) {
		return 1, exit
	}
	if exit != nil {
		code = 1
	}
	return code, nil
}
