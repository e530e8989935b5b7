package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"moldau/server/compat/broker"
	"moldau/server/compat/driver"
)

type options struct {
	driver.Options
	requests, storming, connections int
	budgetMiB                       int64
	hold                            time.Duration
	together                        bool
	properties                      []string
}

func main() {
	var o options
	flag.IntVar(&o.requests, "requests", 1_000_000, "malformed requests to send")
	flag.IntVar(&o.storming, "storming", 32, "connections that send them")
	flag.IntVar(&o.connections, "connections", 5000, "idle, slow, promising and never-reading connections")
	flag.DurationVar(&o.hold, "hold", 20*time.Second, "how long those are held")
	flag.Int64Var(&o.budgetMiB, "budget", 256, "MiB that the broker may take beyond what it had with the clean client alone")
	flag.BoolVar(&o.together, "together", false, "leave out what each does alone: requests come beside the connections, which are held until the last was sent")
	flag.Func("set", "a `key=value` of the broker's configuration; may come again", func(p string) error { o.properties = append(o.properties, p); return nil })
	o.Register("of the malformed requests")
	flag.Parse()
	if flag.NArg() > 0 || o.requests < 0 || o.storming < 1 || o.connections < 0 {
		flag.Usage()
		os.Exit(2)
	}
	o.Main("hostile", func(ctx context.Context) (int, error) { return run(ctx, &o) })
}

// phase is what is done to the broker beside the clean client.
type phase struct {
	name string
	do   func(context.Context) error
}

func run(ctx context.Context, o *options) (faults int, err error) {
	launch, clean, err := broker.Fresh(ctx, "hostile", o.Dir, o.Durability, o.Kafka)
	if err != nil {
		return 0, err
	}
	defer func() { clean(err == nil && faults == 0) }()
	launch.Properties = append(launch.Properties, o.properties...)
	b, err := broker.Start(ctx, launch)
	if err != nil {
		return 0, err
	}
	defer b.Kill()
	c, err := newClean(ctx, launch.Addr())
	if err != nil {
		return 0, err
	}
	closeClean := sync.OnceFunc(c.close)
	defer closeClean()
	crowd := &crowd{addr: launch.Addr(), n: o.connections, hold: o.hold, random: rand.New(rand.NewPCG(o.Seed, 1))}
	storm := &storm{addr: launch.Addr(), requests: o.requests, connections: o.storming, seed: o.Seed}
	if storm.versions, err = c.versions(ctx); err != nil {
		return 0, err
	}
	w := watch(b.PID())
	defer w.stop()
	var before int64
	fmt.Printf("%-52s %9s %9s %9s %7s %9s\n", "while", "p50 ms", "p99 ms", "max ms", "errors", "peak MiB")
	phases := []phase{
		{"nothing else happens", func(ctx context.Context) error { return pause(ctx, o.hold/2) }},
		{fmt.Sprintf("%d connections announce 90 MiB, trickle, idle", o.connections), crowd.run},
		{fmt.Sprintf("%d malformed requests come", o.requests), storm.run},
		{"both", func(ctx context.Context) error { return beside(ctx, crowd.run, storm.run) }},
	}
	if o.together {
		phases = slices.Delete(phases, 1, 3)
		crowd.hold = 24 * time.Hour
	}
	for i, p := range phases {
		c.begin()
		w.begin()
		err := p.do(ctx)
		s := c.summary()
		peak := w.peakMiB()
		fmt.Printf("%-52s %9.2f %9.2f %9.2f %7d %9d\n", p.name, s.p50, s.p99, s.max, s.errors, peak)
		if err != nil {
			fmt.Print(storm.told(), crowd.told())
			return faults, fmt.Errorf("while %s: %w", p.name, err)
		}
		if i == 0 {
			before = peak
		}
		faults += judge(p.name, s, peak-before, o.budgetMiB, b)
		if faults > 0 && ended(b) {
			return faults, nil
		}
	}
	fmt.Print(storm.told(), crowd.told())
	closeClean()
	stopped := b.Stop()
	if stopped != nil {
		faults++
		fmt.Println("FAULT it does not close cleanly:", stopped)
	}
	return faults + launch.Verify(ctx, "afterwards"), nil
}

func judge(name string, s summary, grownMiB, budgetMiB int64, b *broker.Broker) (faults int) {
	fault := func(format string, args ...any) {
		faults++
		fmt.Printf("FAULT while %s: %s\n", name, fmt.Sprintf(format, args...))
	}
	if s.errors > 0 || s.done == 0 {
		fault("the clean client had %d errors in %d round trips, the first: %v", s.errors, s.done, s.first)
	}
	if grownMiB > budgetMiB {
		fault("the broker took %d MiB more", grownMiB)
	}
	if ended(b) {
		fault("the broker has ended, see %s", b.LogFile())
	}
	return faults
}

func ended(b *broker.Broker) bool {
	select {
	case <-b.Exited():
		return true
	default:
		return false
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// beside runs main, and the other for as long at most.
func beside(ctx context.Context, other, main func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- other(ctx) }()
	err := main(ctx)
	cancel()
	return errors.Join(err, <-ended)
}
