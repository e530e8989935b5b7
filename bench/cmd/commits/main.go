package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type options struct {
	moldau, out          string
	blocks               int
	block, warmUp        time.Duration
	only                 string
	brokerCPU, clientCPU string
	moldauOnly           bool
}

func main() {
	var o options
	flag.StringVar(&o.moldau, "moldau", "", "Moldau's `binary`")
	flag.StringVar(&o.out, "out", "", "`directory` for the results")
	flag.IntVar(&o.blocks, "blocks", 5, "blocks of each row and system")
	flag.DurationVar(&o.block, "block", 4*time.Second, "how long a block lasts")
	flag.DurationVar(&o.warmUp, "warm-up", 30*time.Second, "how long to warm each system up")
	flag.StringVar(&o.only, "only", "", "measure the rows whose name holds this")
	flag.StringVar(&o.brokerCPU, "broker-cpu", "0", "cores of the brokers, in taskset's notation; empty lets them float")
	flag.StringVar(&o.clientCPU, "client-cpu", "1", "cores of this process; empty lets it float")
	flag.BoolVar(&o.moldauOnly, "moldau-only", false, "leave Kafka out, while working on Moldau")
	quick := flag.Bool("quick", false, "three blocks of two seconds, ten seconds of warming up")
	flag.Parse()
	if *quick {
		o.blocks, o.block, o.warmUp = 3, 2*time.Second, 10*time.Second
	}
	if o.moldau == "" || o.out == "" || flag.NArg() > 0 || o.blocks < 1 || o.block <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "commits:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.clientCPU != "" {
		pin := exec.CommandContext(ctx, "taskset", "-a", "-p", "-c", o.clientCPU, strconv.Itoa(os.Getpid()))
		if out, err := pin.CombinedOutput(); err != nil {
			return fmt.Errorf("taskset: %w: %s", err, out)
		}
	}
	dir, err := os.MkdirTemp("", "commits-")
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
		fmt.Println("warming up:", s.name)
		if _, err := s.measure(ctx, &rows[len(rows)-1], o.warmUp); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for i := range rows {
		if !strings.Contains(rows[i].name(), o.only) {
			continue
		}
		for n := range o.blocks {
			for _, s := range systems {
				b, err := s.measure(ctx, &rows[i], o.block)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", rows[i].name(), s.name, err)
				}
				fmt.Printf("%-42s %-12s block %d: %8.0f commits/s %7.1f ms of CPU for 1,000\n", rows[i].name(), s.name, n+1, b.perSecond(), b.cpuMs())
				report.add(&rows[i], s.name, b)
			}
		}
	}
	report.print(os.Stdout)
	return report.save(o.out)
}
