package driver

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Options are what every driver can be told.
type Options struct {
	Durability, Dir string
	Kafka           bool
	Seed            uint64
}

// Register registers the options' flags; seed says what the seed decides.
func (o *Options) Register(seed string) {
	flag.StringVar(&o.Durability, "durability", "", "Moldau's durability: synced, os; empty is its default")
	flag.BoolVar(&o.Kafka, "kafka", false, "a real Apache Kafka instead, to see what the check sees there")
	flag.StringVar(&o.Dir, "dir", "", "keep data here (default: a temporary directory, removed if all went well)")
	flag.Uint64Var(&o.Seed, "seed", rand.Uint64(), seed)
}

// Main runs a driver until it is done or interrupted, tells of the faults, and
// ends the process with 1 if there are any.
func (o *Options) Main(name string, run func(context.Context) (faults int, err error)) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	start := time.Now()
	faults, err := run(ctx)
	fmt.Printf("%d faults in %v (seed %d)\n", faults, time.Since(start).Round(time.Second), o.Seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
	}
	if err != nil || faults > 0 {
		os.Exit(1)
	}
}
