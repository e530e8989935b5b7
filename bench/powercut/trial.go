package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// trial is one store that goes through many cycles.
type trial struct {
	o          *options
	partitions int
	slots      int
	broken     string // how, on purpose
	dir        string // scratch; holds the image and the mount
	device     string // of the loop
	mounted    bool
	ledger     *ledger
	rand       *rand.Rand
	last       fate

	cycles, cuts, kills, checks int
	fates                       map[string]int
	events                      map[string]int
	cutBytes                    int64
	opens                       []time.Duration
	took                        time.Duration
}

func newTrial(o *options, partitions int, broken string) *trial {
	return &trial{o: o, partitions: partitions, slots: max(1, min(4, 12/partitions)), broken: broken,
		dir: filepath.Join(o.dir, fmt.Sprintf("p%d%s", partitions, broken)), ledger: newLedger(),
		rand:  rand.New(rand.NewPCG(o.seed, uint64(partitions))),
		fates: map[string]int{}, events: map[string]int{}}
}

// failed tells whether there were as many faults as it takes.
func (t *trial) failed() bool { return len(t.ledger.faults) >= t.o.faultsMax }

func (t *trial) storeDir() string { return filepath.Join(t.mountpoint(), "store") }

// start is what the next worker is started with.
func (t *trial) start() start {
	return start{Dir: t.storeDir(), Epoch: t.ledger.worker, Seed: t.rand.Uint64(),
		Partitions: t.partitions, Slots: t.slots, StoreBytes: t.o.storeBytes,
		CheckpointMs: []int64{20, 200, 60_000}[t.rand.IntN(3)], Break: t.broken}
}

// run goes through the cycles, or up to the first fault.
func (t *trial) run(ctx context.Context, cycles int) error {
	began := time.Now()
	defer func() { t.took = time.Since(began) }()
	if err := t.setUp(ctx); err != nil {
		return err
	}
	for t.cycles < cycles && !t.failed() && ctx.Err() == nil {
		if err := t.cycle(ctx); err != nil {
			return fmt.Errorf("cycle %d: %w", t.cycles, err)
		}
	}
	return nil
}

func (t *trial) cycle(ctx context.Context) error {
	t.cycles++
	t.ledger.worker++
	t.ledger.expired, t.ledger.dark = false, false
	if t.o.before {
		if err := t.snapshot(ctx); err != nil {
			return err
		}
	}
	f := drawFate(t.rand, t.last, t.o.load, t.o.killOnly)
	t.last = f
	t.fates[f.name]++
	c := &cycle{t: t, fate: f}
	if err := c.run(ctx); err != nil || t.failed() {
		return err
	}
	if f.kill {
		t.kills++
		return nil
	}
	t.cuts++
	t.ledger.powerLost(func(tp logstore.TopicPartition) bool { return tp.Topic != topicOS })
	if err := t.unmount(); err != nil {
		return err
	}
	if t.cuts%t.o.checkEvery == 0 {
		t.fsck(ctx)
	}
	if err := t.mount(); err != nil {
		return err
	}
	if t.cuts%t.o.checkEvery == 0 {
		return t.check()
	}
	return nil
}

// check is the engine's own of a directory that nobody has open.
func (t *trial) check() error {
	if _, err := os.Stat(t.storeDir()); err != nil {
		return nil // the first worker did not get that far
	}
	fsys, err := vfs.OpenOSReadOnly(t.storeDir())
	if err != nil {
		return err
	}
	defer fsys.Close()
	t.checks++
	report, err := logstore.Check(fsys, ".", logstore.CheckOptions{Deep: true})
	if errors.Is(err, logstore.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	for _, f := range report.Findings {
		if f.Severity == logstore.Fault {
			t.ledger.fault("the offline check: %s", f)
		}
	}
	return nil
}

// fsck wants what the kernel will repair by replaying the journal to be all
// that is wrong with the file system: else it is not the engine that is tested.
func (t *trial) fsck(ctx context.Context) {
	out, err := exec.CommandContext(ctx, "e2fsck", "-fn", "-E", "journal_only", t.device).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 4 {
		t.ledger.fault("e2fsck: %v\n%s", err, out)
	}
}

// summary is a line for people.
func (t *trial) summary() string {
	n := t.ledger.counts
	slices.Sort(t.opens)
	median, most := time.Duration(0), time.Duration(0)
	if len(t.opens) > 0 {
		median, most = t.opens[len(t.opens)/2], t.opens[len(t.opens)-1]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d partitions: %d cycles in %.1f s (%.1f/s), %d cuts, %d kills, %d offline checks\n",
		t.partitions, t.cycles, t.took.Seconds(), float64(t.cycles)/t.took.Seconds(), t.cuts, t.kills, t.checks)
	fmt.Fprintf(&b, "  batches: %d attempted, %d acknowledged (%d records); %d more read after the cut, %d of them lost; unknown and then found %d, lost %d, ghosts %d; resent %d, duplicates %d\n",
		n.Attempted, n.Acknowledged, n.Records, n.Late, n.LateLost, n.UnknownFound, n.UnknownLost, n.Ghosts, n.Resent, n.Duplicates)
	fmt.Fprintf(&b, "  logs: %d created, %d half-made, %d deleted, %d truncated, %d starts advanced; recovery cut %d bytes; from start to findings %v median, %v at most\n",
		n.Created, n.HalfMade, n.Deleted, n.Truncated, n.Advanced, t.cutBytes, median.Round(time.Millisecond), most.Round(time.Millisecond))
	fmt.Fprintf(&b, "  ends %v, events %v, faults %d", t.fates, t.events, len(t.ledger.faults))
	return b.String()
}
