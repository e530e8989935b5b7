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
// when all of them are in one generation.
func large(ctx context.Context, o options, addr string) (faults int, err error) {
	if err := topics.Create(ctx, addr, largeTopic, int32(o.large), nil); err != nil {
		return 0, err
	}
	h := groups.New(time.Now)
	gathering := member.NewGathering(o.large)
	var members []member.Member
	start := time.Now()
	for i := range o.large {
		m, err := startLarge(ctx, i, member.Options{
			Addr: addr, Group: "large", Name: fmt.Sprintf("large-%d", i), Balancer: kgo.RangeBalancer(),
			Topics:  map[string]int32{largeTopic: int32(o.large)},
			Session: 45 * time.Second, Rebalance: time.Minute, Heartbeat: time.Second,
			History: h, Told: gathering.Told,
		})
		if err != nil {
			return 0, err
		}
		members = append(members, m)
	}
	last := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("not stable after two minutes"))
	defer cancel()
	seats, when, err := gathering.Wait(limited)
	took := when.Sub(last)
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
		o.large, last.Sub(start).Round(time.Millisecond), seats["large-0"].Generation, took.Round(time.Millisecond))
	if took > o.limit {
		fmt.Printf("FAULT above the limit of %v\n", o.limit)
		faults = 1
	}
	return faults + h.Report(), nil
}

// startLarge makes every tenth member franz-go's.
func startLarge(ctx context.Context, i int, o member.Options) (member.Member, error) {
	if i%10 == 0 {
		o.Work = time.Second
		return member.StartFranz(ctx, o)
	}
	return member.Start(ctx, o), nil
}
