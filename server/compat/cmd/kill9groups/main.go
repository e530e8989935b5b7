package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"moldau/server/compat/broker"
	"moldau/server/compat/groups"
)

type options struct {
	cycles, rate, commitRate int
	durability, dir          string
	kafka                    bool
	seed                     uint64
}

func main() {
	var o options
	flag.IntVar(&o.cycles, "cycles", 50, "how often to kill the broker")
	flag.IntVar(&o.rate, "rate", 500, "records a second that the groups consume")
	flag.IntVar(&o.commitRate, "commit-rate", 200, "commits a second of each of the committers that are not members")
	flag.StringVar(&o.durability, "durability", "", "Moldau's durability: synced, os; empty is its default")
	flag.BoolVar(&o.kafka, "kafka", false, "kill a real Apache Kafka instead, to see what the check sees there")
	flag.StringVar(&o.dir, "dir", "", "keep data here (default: a temporary directory, removed if all went well)")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "of the moments at which to kill")
	selfTest := flag.Bool("selftest", false, "plant faults in histories; the check must find each")
	flag.Parse()
	if flag.NArg() > 0 || o.cycles < 1 || o.rate < 5 || o.commitRate < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if *selfTest {
		os.Exit(min(groups.SelfTest(), 1))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	start := time.Now()
	faults, err := run(ctx, o)
	fmt.Printf("%d faults in %v (seed %d)\n", faults, time.Since(start).Round(time.Second), o.seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kill9groups:", err)
	}
	if err != nil || faults > 0 {
		os.Exit(1)
	}
}

// run sets up the directory and the broker, and cleans up what served its turn.
func run(ctx context.Context, o options) (faults int, err error) {
	launch, clean, err := broker.Fresh(ctx, "kill9groups", o.dir, o.durability, o.kafka)
	if err != nil {
		return 0, err
	}
	defer func() { clean(err == nil && faults == 0) }()
	launch.Properties = []string{"group.initial.rebalance.delay.ms=0", "offsets.topic.segment.bytes=1048576"}
	t := &trial{options: o, launch: launch, random: rand.New(rand.NewPCG(o.seed, 0)), history: groups.New(time.Now)}
	return t.run(ctx)
}
