package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

type options struct {
	moldau, replay, out   string
	blocks                int
	only                  string
	synced                bool
	brokerCPU, clientCPU  string
	warmUpBytes           int64
	scale                 float64
	moldauOnly, skipCheck bool
}

func main() {
	var o options
	flag.StringVar(&o.moldau, "moldau", "", "Moldau's `binary`")
	flag.StringVar(&o.replay, "replay", "", "the replay client's `binary`")
	flag.StringVar(&o.out, "out", "", "`directory` for the results")
	flag.IntVar(&o.blocks, "blocks", 3, "blocks of each row and system")
	flag.StringVar(&o.only, "only", "", "measure the rows whose name holds this")
	flag.BoolVar(&o.synced, "synced", false, "measure durable rows too: every batch synced on both")
	flag.StringVar(&o.brokerCPU, "broker-cpu", "0", "cores of the brokers, in taskset's notation; empty lets them float")
	flag.StringVar(&o.clientCPU, "client-cpu", "1", "cores of the client; empty lets it float")
	flag.Int64Var(&o.warmUpBytes, "warm-up", 3<<30, "bytes to produce and to fetch before the first block: a cold JVM costs twice as much")
	flag.Float64Var(&o.scale, "scale", 1, "factor on the bytes of a block")
	flag.BoolVar(&o.moldauOnly, "moldau-only", false, "leave Kafka out, while working on Moldau")
	flag.BoolVar(&o.skipCheck, "skip-sendfile", false, "leave the check of Moldau's sendfile share out")
	flag.Parse()
	if o.moldau == "" || o.replay == "" || o.out == "" || flag.NArg() > 0 || o.blocks < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "compare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	systems, err := startSystems(ctx, o, dir)
	defer func() {
		for _, s := range systems {
			err = errors.Join(err, s.broker.Stop())
		}
	}()
	if err != nil {
		return err
	}
	report := newReport(o)
	for _, s := range systems {
		fmt.Printf("warming %s up\n", s.name)
		if err := s.warmUp(ctx, o); err != nil {
			return err
		}
	}
	for _, r := range rows(o) {
		if !strings.Contains(r.name, o.only) {
			continue
		}
		if err := measure(ctx, o, r, systems, report); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	if !o.skipCheck {
		if report.Sendfile, err = sendfileShare(ctx, o, filepath.Join(dir, "sendfile")); err != nil {
			return err
		}
	}
	report.print(os.Stdout)
	if err := report.save(o.out); err != nil {
		return err
	}
	if s := report.Sendfile; s != nil && s.Share < 0.95 {
		return fmt.Errorf("%.1f %% of the fetched bytes went by sendfile, must be 95 %%", s.Share*100)
	}
	return nil
}
