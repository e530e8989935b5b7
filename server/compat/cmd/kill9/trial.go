package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/broker"
	"moldau/server/compat/history"
	"moldau/server/compat/java"
	"moldau/server/compat/producers"
)

const topic = "kill9"

// trial is one run: producers that never stop, and a broker that does.
type trial struct {
	options
	launch broker.Launch
	random *rand.Rand

	broker    *broker.Broker
	producers []*producers.Producer
	history   *history.History
	early     int // kills before the broker served
}

func (t *trial) run(ctx context.Context) (faults int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		if t.broker != nil {
			t.broker.Kill()
		}
	}()
	t.history = history.New()
	if err := t.start(ctx); err != nil {
		return 0, err
	}
	ledger := producers.NewLedger(t.history)
	if err := t.startProducers(ctx, ledger); err != nil {
		return 0, err
	}
	tail, err := follow(ctx, t.launch.Addr(), t.partitions, ledger)
	if err != nil {
		return 0, err
	}
	for cycle := range t.cycles {
		if err := t.cycle(ctx, cycle); err != nil {
			return 0, errors.Join(err, tail.stop())
		}
	}
	if err := t.progress(ctx); err != nil {
		return 0, errors.Join(err, tail.stop())
	}
	if err := t.stopProducers(ctx); err != nil {
		return 0, errors.Join(err, tail.stop())
	}
	if err := tail.stop(); err != nil {
		return 0, err
	}
	return t.judge(ctx)
}

// start brings the broker up for the first time and makes the topic, whose
// segments are as small as Kafka allows so that rolls happen all the time.
func (t *trial) start(ctx context.Context) (err error) {
	if t.broker, err = broker.Start(ctx, t.launch); err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.launch.Addr()))
	if err != nil {
		return err
	}
	defer cl.Close()
	segmentBytes := "1048576"
	created, err := kadm.NewClient(cl).CreateTopic(ctx, int32(t.partitions), 1,
		map[string]*string{"segment.bytes": &segmentBytes}, topic)
	return errors.Join(err, created.Err)
}

func (t *trial) startProducers(ctx context.Context, ledger *producers.Ledger) error {
	kafka, err := java.Install(ctx)
	if err != nil {
		return err
	}
	load := producers.Load{Bootstrap: t.launch.Addr(), Topic: topic, Partitions: t.partitions, RatePerSecond: t.rate}
	javaClient, err1 := producers.Java(ctx, kafka, "java", load, ledger)
	librdkafka, err2 := producers.Librdkafka(ctx, "librdkafka", load, ledger)
	franz, err3 := producers.Franz(ctx, "franz-go", load, ledger)
	t.producers = []*producers.Producer{javaClient, librdkafka, franz}
	return errors.Join(err1, err2, err3)
}

func (t *trial) stopProducers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var all error
	for _, p := range t.producers {
		all = errors.Join(all, p.Stop(ctx))
	}
	return all
}

// cycle kills the broker under load and starts it again, now and then killing
// it once more while it is still recovering.
func (t *trial) cycle(ctx context.Context, cycle int) (err error) {
	if err := t.progress(ctx); err != nil {
		return fmt.Errorf("cycle %d: %w", cycle, err)
	}
	if err := pause(ctx, time.Duration(t.random.IntN(700_000))*time.Microsecond); err != nil {
		return err
	}
	next, early, took, err := t.broker.KilledAgain(ctx, t.random)
	if early {
		t.early++
	}
	if t.broker = next; err != nil {
		return fmt.Errorf("cycle %d: %w", cycle, err)
	}
	var acked []int64
	for _, p := range t.producers {
		acked = append(acked, p.Acked())
	}
	fmt.Printf("kill %d: serves again after %v, acknowledged so far %v\n", cycle+1, took.Round(time.Millisecond), acked)
	return nil
}

// progress waits until every producer was told of more records: a broker that
// is killed before it did any work shows nothing.
func (t *trial) progress(ctx context.Context) error {
	before := map[string]int64{}
	for _, p := range t.producers {
		before[p.Name] = p.Acked()
	}
	const enough = 20
	deadline := time.Now().Add(time.Minute)
	for _, p := range t.producers {
		for p.Acked() < before[p.Name]+enough {
			select {
			case <-p.Done():
				return fmt.Errorf("%s ended early: %w", p.Name, p.Stop(ctx))
			case <-t.broker.Exited():
				return fmt.Errorf("the broker ended by itself, see %s", t.launch.LogFile())
			default:
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%s makes no progress", p.Name)
			}
			if err := pause(ctx, 2*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
