package main

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"time"

	"moldau/server/compat/broker"
	"moldau/server/compat/driver"
	"moldau/server/compat/groups"
)

type options struct {
	driver.Options
	cycles, rate, commitRate int
}

func main() {
	var o options
	flag.IntVar(&o.cycles, "cycles", 50, "how often to kill the broker")
	flag.IntVar(&o.rate, "rate", 500, "records a second that the groups consume")
	flag.IntVar(&o.commitRate, "commit-rate", 200, "commits a second of each of the committers that are not members")
	o.Register("of the moments at which to kill")
	selfTest := flag.Bool("selftest", false, "plant faults in histories; the check must find each")
	flag.Parse()
	if flag.NArg() > 0 || o.cycles < 1 || o.rate < 5 || o.commitRate < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if *selfTest {
		os.Exit(min(groups.SelfTest(), 1))
	}
	o.Main("kill9groups", func(ctx context.Context) (int, error) { return run(ctx, o) })
}

// run sets up the directory and the broker, and cleans up what served its turn.
func run(ctx context.Context, o options) (faults int, err error) {
	launch, clean, err := broker.Fresh(ctx, "kill9groups", o.Dir, o.Durability, o.Kafka)
	if err != nil {
		return 0, err
	}
	defer func() { clean(err == nil && faults == 0) }()
	launch.Properties = []string{"group.initial.rebalance.delay.ms=0", "offsets.topic.segment.bytes=1048576"}
	t := &trial{options: o, launch: launch, random: rand.New(rand.NewPCG(o.Seed, 0)), history: groups.New(time.Now)}
	return t.run(ctx)
}
