package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// descriptors lets the broker open no more files than it has open, while it
// wants to roll segments and take connections, and then lets it again.
func (t *trial) descriptors(ctx context.Context) error {
	if err := t.start(ctx); err != nil {
		return err
	}
	if n := t.produce(ctx, 128, patience); n < 128 {
		t.expect(false, "%d of 128 records are taken", n)
		return nil
	}
	before, err := t.limit(0)
	if err != nil {
		return err
	}
	open := t.open()
	if _, err := t.limit(uint64(open)); err != nil {
		return err
	}
	n := t.produce(ctx, 1024, 10*time.Second)
	t.expect(true, "with %d descriptors of %d %d of 1024 records are taken, over rolls that cannot be made", open, open, n)
	err = t.createBriefly(ctx, "more")
	t.expect(err != nil, "a topic cannot be created: %v", err)
	select {
	case <-t.broker.Exited():
		t.expect(false, "the broker has ended, see %s", t.launch.LogFile())
		return nil
	default:
	}
	if _, err := t.limit(before); err != nil {
		return err
	}
	start := time.Now()
	n = t.produce(ctx, 1024, patience)
	t.expect(n == 1024, "with descriptors %d of 1024 records are taken, in %v", n, time.Since(start).Round(time.Millisecond))
	err = t.create(ctx, "more-now", 2)
	t.expect(err == nil, "a topic is created (error: %v)", err)
	t.allThere(ctx, "afterwards")
	return nil
}

func (t *trial) createBriefly(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return t.create(ctx, name, 2)
}

// open is how many descriptors the broker has.
func (t *trial) open() int {
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", t.broker.PID()))
	if err != nil {
		return 0
	}
	return len(names)
}

// limit sets how many the broker may have, unless to 0, and returns how many it
// might before.
func (t *trial) limit(n uint64) (before uint64, err error) {
	var old unix.Rlimit
	if err := unix.Prlimit(t.broker.PID(), unix.RLIMIT_NOFILE, nil, &old); err != nil || n == 0 {
		return old.Cur, err
	}
	return old.Cur, unix.Prlimit(t.broker.PID(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: old.Max}, nil)
}
