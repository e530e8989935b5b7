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
	"moldau/server/compat/history"
)

func main() {
	var o options
	flag.IntVar(&o.cycles, "cycles", 50, "how often to kill the broker")
	flag.IntVar(&o.rate, "rate", 3000, "records a second and producer")
	flag.IntVar(&o.partitions, "partitions", 4, "partitions of the topic")
	flag.StringVar(&o.durability, "durability", "", "Moldau's durability: synced, os; empty is its default")
	flag.BoolVar(&o.kafka, "kafka", false, "kill a real Apache Kafka instead, to see what the check sees there")
	flag.StringVar(&o.dir, "dir", "", "keep data here (default: a temporary directory, removed if all went well)")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "of the moments at which to kill")
	selfTest := flag.Bool("selftest", false, "plant faults in histories; the check must find each")
	flag.Parse()
	if flag.NArg() > 0 || o.cycles < 1 || o.rate < 5 || o.partitions < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if *selfTest {
		os.Exit(judgeChecker())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	start := time.Now()
	faults, err := run(ctx, o)
	fmt.Printf("%d faults in %v (seed %d)\n", faults, time.Since(start).Round(time.Second), o.seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kill9:", err)
	}
	if err != nil || faults > 0 {
		os.Exit(1)
	}
}

type options struct {
	cycles, rate, partitions int
	durability, dir          string
	kafka                    bool
	seed                     uint64
}

func judgeChecker() int {
	wrong, judged := history.Misjudged()
	for _, w := range wrong {
		fmt.Println("MISJUDGED", w)
	}
	fmt.Printf("%d planted histories, %d misjudged\n", judged, len(wrong))
	return min(len(wrong), 1)
}

// run sets up the directory and the broker, and cleans up what served its turn.
func run(ctx context.Context, o options) (faults int, err error) {
	launch, clean, err := broker.Fresh(ctx, "kill9", o.dir, o.durability, o.kafka)
	if err != nil {
		return 0, err
	}
	defer func() { clean(err == nil && faults == 0) }()
	t := &trial{options: o, launch: launch, random: rand.New(rand.NewPCG(o.seed, 0))}
	return t.run(ctx)
}
