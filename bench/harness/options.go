package harness

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Options are those of all scenarios.
type Options struct {
	Quick      bool     // a first look: few blocks, small ones
	Full       bool     // all rows of a scenario, also those that its default leaves out
	Blocks     int      // of each contestant; 0: five, or three in a quick run
	Rows       string   // measure only the rows whose title holds this
	Systems    []string // measure only these, and the limits; empty: all that the scenario has
	Durability []string // of "os", "synced"
	Dir        string   // where data lies: the disk to measure
	BrokerCPUs string   // in taskset's notation; empty lets them float
	ClientCPUs string
	Moldau     string  // the broker's binary; empty: built from this repository
	Out        string  // directory of the run's figures
	WarmUpGiB  float64 // at most, to and from each JVM before its first row; 0: twelve, or two in a quick run
}

// Declare declares them.
func (o *Options) Declare(flags *pflag.FlagSet) {
	flags.BoolVar(&o.Quick, "quick", false, "a first look: fewer and smaller blocks, fewer rows")
	flags.BoolVar(&o.Full, "full", false, "also rows that are left out by default, because they take long")
	flags.Float64Var(&o.WarmUpGiB, "warm-up", 0, "GiB at most to move through a JVM before the first row (default 12, 2 in a quick run)")
	flags.IntVar(&o.Blocks, "blocks", 0, "blocks of each system and row (default 5, 3 in a quick run)")
	flags.StringVar(&o.Rows, "rows", "", "measure only rows whose title contains `TEXT`")
	flags.StringSliceVar(&o.Systems, "systems", nil, "measure only these `SYSTEMS`, and the limit programs")
	flags.StringSliceVar(&o.Durability, "durability", []string{"os", "synced"}, "what an acknowledgement promises: os, synced")
	flags.StringVar(&o.Dir, "dir", os.TempDir(), "`DIRECTORY` for data, on the disk to measure")
	flags.StringVar(&o.BrokerCPUs, "broker-cpus", "0", "`CORES` of the broker, in taskset's notation; empty lets it float")
	flags.StringVar(&o.ClientCPUs, "client-cpus", "1", "`CORES` of the client; empty lets it float")
	flags.StringVar(&o.Moldau, "moldau", "", "Moldau's `BINARY` (default: built from this repository)")
	flags.StringVar(&o.Out, "out", "", "`DIRECTORY` for the figures (default bench/out/SCENARIO-TIME)")
}

// warmUpGiBMax bounds what a warm-up moves: who gives bytes instead would fill the disk.
const warmUpGiBMax = 1024

// Check tells what of the options can have no meaning.
func (o *Options) Check() error {
	var err error
	if o.WarmUpGiB < 0 || o.WarmUpGiB > warmUpGiBMax {
		err = fmt.Errorf("--warm-up %g: GiB from 0 to %d", o.WarmUpGiB, warmUpGiBMax)
	}
	if o.Blocks < 0 {
		err = errors.Join(err, fmt.Errorf("--blocks %d", o.Blocks))
	}
	for _, d := range o.Durability {
		if d != "os" && d != "synced" {
			err = errors.Join(err, fmt.Errorf("--durability %s: os or synced", d))
		}
	}
	return err
}

// Turns is how many blocks a contestant does.
func (o *Options) Turns() int {
	switch {
	case o.Blocks > 0:
		return o.Blocks
	case o.Quick:
		return 3
	}
	return 5
}

// WarmUpBytes is how much may be moved through a JVM, both ways together, before
// its first row.
func (o *Options) WarmUpBytes() int64 {
	gib := o.WarmUpGiB
	switch {
	case gib > 0:
	case o.Quick:
		gib = 2
	default:
		gib = 12
	}
	return int64(gib * (1 << 30))
}

// Wants tells whether a contestant is to be measured.
func (o *Options) Wants(system string, limit bool) bool {
	return limit || len(o.Systems) == 0 || slices.Contains(o.Systems, system)
}

// WantsRow tells whether a row is to be measured.
func (o *Options) WantsRow(title string) bool { return strings.Contains(title, o.Rows) }

// WantsDurability tells whether rows of that durability are to be measured.
func (o *Options) WantsDurability(d string) bool { return slices.Contains(o.Durability, d) }
