package scale

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/logstore"
)

const (
	moldau    = "moldau"
	bareFiles = "bare-files"
)

type options struct {
	logs, few, many int
	clients         int
	kib             []int
	block           time.Duration
}

func (o *options) declare(flags *pflag.FlagSet) {
	flags.IntVar(&o.logs, "logs", 100_000, "logs of the store")
	flags.IntVar(&o.few, "few", 100, "logs that are few")
	flags.IntVar(&o.many, "many", 10_000, "logs that are many")
	flags.IntVar(&o.clients, "clients", 64, "goroutines that append, each waiting for its own")
	flags.IntSliceVar(&o.kib, "kib", []int{1, 16}, "KiB in a batch, in records of 1 KiB")
	flags.DurationVar(&o.block, "block", 3*time.Second, "how long a quarter of a block lasts")
	harness.Quick(flags, "logs", "10000")
	harness.Quick(flags, "many", "1000")
	harness.Quick(flags, "kib", "1")
	harness.Quick(flags, "block", "500ms")
}

// Scenario is a store of very many logs, without a broker.
func Scenario() harness.Scenario {
	var o options
	return harness.Scenario{
		Name:    "scale",
		Summary: "a store of very many logs: open, close, memory, and appends to many of them beside few",
		Help: `The logs are made without syncs. A block of the first row opens the store after a clean
close, appends to the many logs once, and closes it. A block of the others has 64
goroutines append to few logs, twice to many, and to few; the rows of bare files do the same with a
CRC-32C and a pwrite to the end of as many files.`,
		Flags: o.declare,
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			return plan(s, &o)
		},
	}
}

func plan(s *harness.Session, o *options) ([]harness.Workload, error) {
	if o.few < 1 || o.many < o.few || o.logs < o.many || o.clients < 1 {
		return nil, errors.New("at least one log that is few, no more few than many, and no more many than all")
	}
	root, err := s.Directory("scale")
	if err != nil {
		return nil, err
	}
	st := &store{root: root, options: o, say: s.Say}
	s.OnClose(st.close)
	workloads := []harness.Workload{st.opening()}
	for _, kib := range o.kib {
		if s.WantsDurability("os") {
			workloads = append(workloads, st.bareRow(kib))
		}
	}
	for _, d := range []logstore.Durability{logstore.Synced, logstore.OS} {
		for _, kib := range o.kib {
			if s.WantsDurability(durabilityNames[d]) {
				workloads = append(workloads, st.appending(d, kib))
			}
		}
	}
	return workloads, nil
}

var durabilityNames = map[logstore.Durability]string{logstore.Synced: "synced", logstore.OS: "os"}

// opening is the row of opens and closes.
func (st *store) opening() harness.Workload {
	o := st.options
	return harness.Workload{Expect: 2*time.Second + time.Duration(o.many)*time.Millisecond, Prepare: time.Duration(o.logs) * 600 * time.Microsecond, Row: result.Row{
		Name:   fmt.Sprintf("open a store of %d logs, append to %d of them, close", o.logs, o.many),
		Client: "embedded", Acks: "-", Durability: "synced", Headline: result.OpenSeconds,
		Goals: []result.Goal{{System: moldau, Metric: result.HeapPerLog, AtMost: 10_000}},
	}, Contestants: []harness.Contestant{{System: moldau, Block: func(context.Context, int) (result.Block, error) {
		return st.openAndClose()
	}}}}
}

// appending is a row of appends to few logs and to many.
func (st *store) appending(d logstore.Durability, kib int) harness.Workload {
	o := st.options
	return harness.Workload{Expect: 4*o.block + time.Second, Row: result.Row{
		Name:   fmt.Sprintf("append %d KiB to %d logs beside %d, of %d", kib, o.many, o.few, o.logs),
		Client: "embedded", Acks: "-", Durability: durabilityNames[d], Headline: result.OfFew,
		Goals: []result.Goal{{System: moldau, Metric: result.OfFew, AtLeast: 0.70}},
	}, Contestants: []harness.Contestant{{System: moldau, Block: func(context.Context, int) (result.Block, error) {
		return st.appendToBoth(d, kib)
	}}}, After: st.close}
}

// bareRow is the same with files that nobody keeps a log in: a row of its own, since
// a process may not have so many files open twice.
func (st *store) bareRow(kib int) harness.Workload {
	o := st.options
	var files *bare
	return harness.Workload{Expect: 4*o.block + time.Second, Row: result.Row{
		Name:   fmt.Sprintf("append %d KiB to %d bare files beside %d", kib, o.many, o.few),
		Client: "embedded", Acks: "-", Durability: "os", Headline: result.OfFew,
	}, Contestants: []harness.Contestant{{System: bareFiles, Limit: true, Block: func(context.Context, int) (b result.Block, err error) {
		if files == nil {
			if files, err = newBare(st.root, o); err != nil {
				return b, err
			}
		}
		return files.appendToBoth(kib)
	}}}, After: func() error {
		if files == nil {
			return nil
		}
		return files.close()
	}}
}
