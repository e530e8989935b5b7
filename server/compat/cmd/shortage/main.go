package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"moldau/server/compat/broker"
	"moldau/server/compat/driver"
)

// scenarios by name, in the order in which they run.
var scenarios = []struct {
	name string
	run  func(*trial, context.Context) error
}{
	{"full", (*trial).full},
	{"full-without-reserve", (*trial).fullWithoutReserve},
	{"frozen", (*trial).frozen},
	{"descriptors", (*trial).descriptors},
}

func main() {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	var o driver.Options
	only := flag.String("only", "", "one of "+strings.Join(names, ", "))
	o.Register("of nothing yet")
	flag.Parse()
	if flag.NArg() > 0 || *only != "" && !slices.Contains(names, *only) || o.Kafka {
		flag.Usage()
		os.Exit(2)
	}
	o.Main("shortage", func(ctx context.Context) (faults int, err error) {
		for _, s := range scenarios {
			if *only != "" && s.name != *only {
				continue
			}
			n, err := one(ctx, o, s.name, s.run)
			if faults += n; err != nil {
				return faults, fmt.Errorf("%s: %w", s.name, err)
			}
		}
		return faults, nil
	})
}

// one runs a scenario on a broker and a file system of its own.
func one(ctx context.Context, o driver.Options, name string, run func(*trial, context.Context) error) (faults int, err error) {
	launch, clean, err := broker.Fresh(ctx, "shortage", o.Dir, o.Durability, false)
	if err != nil {
		return 0, err
	}
	t := &trial{name: name, launch: launch, acked: map[int64]int64{}}
	if t.disk, err = newDisk(ctx, launch.Dir); err == nil {
		err = run(t, ctx)
		if err == nil {
			err = t.judge(ctx)
		}
	}
	t.stop()
	err = errors.Join(err, t.disk.tearDown())
	clean(err == nil && t.faults == 0)
	return t.faults, err
}
