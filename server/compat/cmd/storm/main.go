package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"moldau/server/compat/broker"
	"moldau/server/compat/driver"
	"moldau/server/compat/groups"
)

type options struct {
	driver.Options
	duration    time.Duration
	members     int
	stay, away  time.Duration
	rate        int
	large       int
	limit       time.Duration
	java        bool
	sessionTime time.Duration
}

func main() {
	var o options
	flag.DurationVar(&o.duration, "duration", 5*time.Minute, "of the storm; 0 leaves it out")
	flag.IntVar(&o.members, "members", 200, "members in the storm, spread over five groups; every fifth of a group is franz-go's client")
	flag.DurationVar(&o.stay, "stay", 40*time.Second, "how long a member stays, on average")
	flag.DurationVar(&o.away, "away", 4*time.Second, "how long it is away then, on average")
	flag.DurationVar(&o.sessionTime, "session", 6*time.Second, "session timeout of the members in the storm")
	flag.IntVar(&o.rate, "rate", 500, "records a second that are produced to each of two topics")
	flag.IntVar(&o.large, "large", 500, "members of the one large group that must become stable; 0 leaves it out")
	flag.DurationVar(&o.limit, "limit", 10*time.Second, "how soon after its last member's start the large group must be stable")
	o.Register("of who does what when")
	flag.BoolVar(&o.java, "java", true, "have a member on Apache's client in two of the groups; needs Java")
	selfTest := flag.Bool("selftest", false, "plant faults in histories; the check must find each")
	flag.Parse()
	if flag.NArg() > 0 || o.members < 0 || o.large < 0 || o.rate < 5 || o.stay <= 0 || o.away <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	if *selfTest {
		os.Exit(min(groups.SelfTest(), 1))
	}
	o.Main("storm", func(ctx context.Context) (int, error) { return run(ctx, o) })
}

// run starts the broker and lets both parts have it, one after the other.
func run(ctx context.Context, o options) (faults int, err error) {
	launch, clean, err := broker.Fresh(ctx, "storm", o.Dir, o.Durability, o.Kafka)
	if err != nil {
		return 0, err
	}
	defer func() { clean(err == nil && faults == 0) }()
	// Kafka's default of three seconds would be all that the large group measures.
	launch.Properties = []string{"group.initial.rebalance.delay.ms=0"}
	b, err := broker.Start(ctx, launch)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.Stop()) }()
	if o.large > 0 {
		slow, err := large(ctx, o, launch.Addr())
		if err != nil {
			return faults, fmt.Errorf("large group: %w", err)
		}
		faults += slow
	}
	if o.duration > 0 && o.members > 0 {
		found, err := rage(ctx, o, launch.Addr())
		if err != nil {
			return faults, err
		}
		faults += found
	}
	select {
	case <-b.Exited():
		return faults, fmt.Errorf("the broker ended by itself, see %s", launch.LogFile())
	default:
	}
	return faults, nil
}
