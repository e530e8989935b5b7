package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"moldau/server/compat/broker"
	"moldau/server/compat/groups"
	"moldau/server/compat/history"
	"moldau/server/compat/member"
	"moldau/server/compat/producers"
	"moldau/server/compat/topics"
)

const (
	topic      = "kill9groups"
	partitions = 12
)

// trial is one run: groups that never stop, and a broker that does.
type trial struct {
	options
	launch  broker.Launch
	random  *rand.Rand
	history *groups.History

	broker     *broker.Broker
	load       *producers.Producer
	crowd      *crowd
	committers []*committer
	observer   *member.Observer
	early      int // kills before the broker served
}

func (t *trial) run(ctx context.Context) (faults int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		if t.broker != nil {
			t.broker.Kill()
		}
	}()
	if err := t.start(ctx); err != nil {
		return 0, err
	}
	for cycle := range t.cycles {
		if err := t.cycle(ctx, cycle); err != nil {
			return 0, fmt.Errorf("cycle %d: %w", cycle+1, errors.Join(err, t.failed()))
		}
	}
	if err := t.progress(ctx); err != nil {
		return 0, errors.Join(err, t.failed())
	}
	stuck, err := t.finish(ctx)
	if err := errors.Join(err, t.failed()); err != nil {
		return 0, err
	}
	found, err := t.judge(ctx)
	return stuck + found, err
}

// start brings the broker up for the first time, and everybody who works on it.
func (t *trial) start(ctx context.Context) (err error) {
	if t.broker, err = broker.Start(ctx, t.launch); err != nil {
		return err
	}
	addr := t.launch.Addr()
	if err := topics.Create(ctx, addr, topic, partitions, nil); err != nil {
		return err
	}
	load := producers.Load{Bootstrap: addr, Topic: topic, Partitions: partitions, RatePerSecond: t.rate}
	if t.load, err = producers.Franz(ctx, "load", load, producers.NewLedger(history.New())); err != nil {
		return err
	}
	if t.crowd, err = gather(ctx, addr, t.history); err != nil {
		return err
	}
	var slots []groups.Slot
	for _, group := range t.crowd.groups() {
		for p := range int32(partitions) {
			slots = append(slots, groups.Slot{Group: group, Topic: topic, Partition: p})
		}
	}
	for i := range committersCount {
		c := startCommitter(ctx, addr, t.history, i, t.commitRate)
		t.committers = append(t.committers, c)
		slots = append(slots, c.slots...)
	}
	t.observer = member.Observe(ctx, addr, t.history, slots)
	return nil
}

// cycle kills the broker under load and starts it again, now and then killing
// it once more while it is still recovering. What is committed is read as soon
// as the broker lets itself be asked.
func (t *trial) cycle(ctx context.Context, cycle int) (err error) {
	if err := t.progress(ctx); err != nil {
		return err
	}
	if err := t.crowd.change(ctx, t.random); err != nil {
		return err
	}
	if err := pause(ctx, time.Duration(t.random.IntN(700_000))*time.Microsecond); err != nil {
		return err
	}
	next, early, took, err := t.broker.KilledAgain(ctx, t.random)
	if early {
		t.early++
	}
	if t.broker = next; err != nil {
		return err
	}
	serving := time.Now()
	if err := t.observer.Read(ctx, fmt.Sprint("who asks after kill ", cycle+1)); err != nil {
		return err
	}
	c := t.history.Counts()
	fmt.Printf("kill %d: serves after %v, tells offsets after %v; so far %d commits acknowledged, %d unknown, %d generations\n", cycle+1,
		took.Round(time.Millisecond), (took + time.Since(serving)).Round(time.Millisecond), c.Acked, c.Unknown, c.Generations)
	return nil
}

// progress waits until every group and every committer was told of more
// commits: members have found back, and a broker that is killed before it did
// any work shows nothing.
func (t *trial) progress(ctx context.Context) error {
	names := t.crowd.groups()
	for _, c := range t.committers {
		names = append(names, c.group)
	}
	const enough = 5
	want := map[string]int{}
	for _, group := range names {
		want[group] = t.history.Acked(group) + enough
	}
	deadline := time.Now().Add(time.Minute)
	for _, group := range names {
		for t.history.Acked(group) < want[group] {
			select {
			case <-t.broker.Exited():
				return fmt.Errorf("the broker ended by itself, see %s", t.launch.LogFile())
			default:
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("group %s makes no progress for a minute", group)
			}
			if err := pause(ctx, 5*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// failed is what members and committers say that the broker did against the
// protocol, as far as they have ended.
func (t *trial) failed() (err error) {
	for _, c := range t.committers {
		err = errors.Join(err, c.stop())
	}
	return errors.Join(err, t.crowd.end(), t.observer.Stop())
}

// finish lets the groups consume everything and ends them.
func (t *trial) finish(ctx context.Context) (stuck int, err error) {
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := t.load.Stop(limited); err != nil {
		return 0, err
	}
	ends, err := topics.Ends(ctx, t.launch.Addr(), topic)
	if err != nil {
		return 0, err
	}
	for p, end := range ends[topic] {
		t.history.Ended(topic, p, end)
	}
	left, err := t.observer.Drained(ctx, ends, time.Minute)
	for _, l := range left {
		fmt.Println("FAULT not consumed a minute after the last kill:", l)
	}
	return len(left), err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
