package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/groups"
	"moldau/server/compat/member"
	"moldau/server/compat/topics"
)

const largeTopic = "large"

// large starts one group's members as fast as they can be started and measures
// when all of them are in one generation and stay in it.
func large(ctx context.Context, o options, addr string) (faults int, err error) {
	if err := topics.Create(ctx, addr, largeTopic, int32(o.large), nil); err != nil {
		return 0, err
	}
	h := groups.New(time.Now)
	watch := &watch{want: o.large, at: map[int]int32{}, stable: make(chan struct{})}
	var members []member.Member
	start := time.Now()
	for i := range o.large {
		m, err := startLarge(ctx, i, member.Options{
			Addr: addr, Group: "large", Name: fmt.Sprintf("large-%d", i), Balancer: kgo.RangeBalancer(),
			Topics:  map[string]int32{largeTopic: int32(o.large)},
			Session: 45 * time.Second, Rebalance: time.Minute, Heartbeat: time.Second,
			History: h, Stable: func(generation int32) { watch.assigned(i, generation) },
		})
		if err != nil {
			return 0, err
		}
		members = append(members, m)
	}
	last := time.Now()
	select {
	case <-watch.stable:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-time.After(2 * time.Minute):
		err = errors.New("not stable after two minutes")
	}
	took := watch.since(last)
	var ends sync.WaitGroup
	var mu sync.Mutex
	for _, m := range members {
		ends.Go(func() {
			e := m.End(member.Leave)
			mu.Lock()
			err = errors.Join(err, e)
			mu.Unlock()
		})
	}
	ends.Wait()
	if err != nil {
		return 0, err
	}
	fmt.Printf("%d members started within %v, all in generation %d %v after the last one's start\n",
		o.large, last.Sub(start).Round(time.Millisecond), watch.generation, took.Round(time.Millisecond))
	if took > o.limit {
		fmt.Printf("FAULT above the limit of %v\n", o.limit)
		faults = 1
	}
	return faults + report(h), nil
}

// startLarge makes every tenth member franz-go's.
func startLarge(ctx context.Context, i int, o member.Options) (member.Member, error) {
	if i%10 == 0 {
		o.Work = time.Second
		return member.StartFranz(ctx, o)
	}
	return member.Start(ctx, o), nil
}

// watch waits until all members were told the same generation.
type watch struct {
	want   int
	stable chan struct{}

	mu sync.Mutex
	at map[int]int32 // by member
	// members counts those that were told the highest generation.
	members    int
	generation int32
	when       time.Time
}

func (w *watch) assigned(who int, generation int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if generation > w.generation {
		w.generation, w.members = generation, 0
	}
	if w.at[who] == generation || generation < w.generation {
		return
	}
	w.at[who] = generation
	if w.members++; w.members == w.want {
		if w.when.IsZero() {
			close(w.stable)
		}
		w.when = time.Now()
	}
}

func (w *watch) since(last time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.when.Sub(last)
}
