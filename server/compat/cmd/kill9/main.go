package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"

	"moldau/server/compat/broker"
	"moldau/server/compat/driver"
	"moldau/server/compat/history"
)

func main() {
	var o options
	flag.IntVar(&o.cycles, "cycles", 50, "how often to kill the broker")
	flag.IntVar(&o.rate, "rate", 3000, "records a second and producer")
	flag.IntVar(&o.partitions, "partitions", 4, "partitions of the topic")
	o.Register("of the moments at which to kill")
	selfTest := flag.Bool("selftest", false, "plant faults in histories; the check must find each")
	flag.Parse()
	if flag.NArg() > 0 || o.cycles < 1 || o.rate < 5 || o.partitions < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if *selfTest {
		os.Exit(judgeChecker())
	}
	o.Main("kill9", func(ctx context.Context) (int, error) { return run(ctx, o) })
}

type options struct {
	driver.Options
	cycles, rate, partitions int
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
	launch, clean, err := broker.Fresh(ctx, "kill9", o.Dir, o.Durability, o.Kafka)
	if err != nil {
		return 0, err
	}
	defer func() { clean(err == nil && faults == 0) }()
	t := &trial{options: o, launch: launch, random: rand.New(rand.NewPCG(o.Seed, 0))}
	return t.run(ctx)
}
