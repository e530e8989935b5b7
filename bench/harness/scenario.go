package harness

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/result"
)

// Scenario is a named kind of workload with parameters.
type Scenario struct {
	Name    string // a word
	Summary string // a line
	Help    string // what is measured, what a block is, what the limit is
	// Flags declares the scenario's own parameters; nil without any.
	Flags func(*pflag.FlagSet)
	// Plan says what is to be done with these parameters. Systems that it starts, it
	// has the session close.
	Plan func(context.Context, *Session) ([]Workload, error)
}

// Workload is one row and those that take turns at it.
type Workload struct {
	Row         result.Row // without series
	Contestants []Contestant
	// Bytes or time of a block are the scenario's; Expect is how long a block of one
	// contestant may take, what is around its timed region included, for estimates.
	Expect time.Duration
	// DiskBytes is what a block may have on the disk at one time, where that is
	// gigabytes; 0 is not looked at.
	DiskBytes int64
	// Prepare is what the row takes once and for all: warming a JVM up, filling.
	Prepare time.Duration
	// Blocks is how many turns are needed; 0 leaves that to the options.
	Blocks int
	// After undoes what the row's blocks left; nil without anything.
	After func() error
	// AfterTurn adds what can be told only of a whole turn, such as a share of what
	// another contestant needed, to the row's blocks of it; nil without any.
	AfterTurn func(row *result.Row, turn int)
}

// Contestant is a system at work.
type Contestant struct {
	System string
	Limit  bool // a limit program
	// Block does the work once and tells the figures. Turn -1 is the warm-up, whose
	// figures are thrown away.
	Block func(ctx context.Context, turn int) (result.Block, error)
	// WarmUp asks for a block that is not counted.
	WarmUp bool
	// Expect is how long a block of this one may take; 0: as the workload says.
	Expect time.Duration
}
