package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"moldau/server/compat/java"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "usage: transactions")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	faults, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "transactions:", err)
	}
	if err != nil || faults > 0 {
		os.Exit(1)
	}
}

// judge counts what is not as it must be.
type judge struct{ compared, faults int }

func (j *judge) same(what string, got, want any) {
	j.compared++
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		j.faults++
		fmt.Printf("FAULT: %s\n   got  %s\n   want %s\n", what, g, w)
	}
}

func run(ctx context.Context) (faults int, err error) {
	kafka, err := java.Install(ctx)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "transactions-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	j := &judge{}
	if err := j.ours(ctx, kafka, filepath.Join(dir, "ours")); err != nil {
		return 0, err
	}
	if err := j.theirs(ctx, kafka, dir); err != nil {
		return 0, err
	}
	fmt.Printf("%d compared, %d faults\n", j.compared, j.faults)
	return j.faults, nil
}
