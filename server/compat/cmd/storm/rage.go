package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/groups"
	"moldau/server/compat/history"
	"moldau/server/compat/java"
	"moldau/server/compat/member"
	"moldau/server/compat/producers"
	"moldau/server/compat/topics"
)

// topics of the storm, with their partitions.
var stormTopics = map[string]int32{"storm-a": 48, "storm-b": 24}

// kind is one of the storm's groups.
type kind struct {
	group    string
	balancer func() kgo.GroupBalancer
	static   bool
	topics   []string
}

var kinds = []kind{
	{"range", kgo.RangeBalancer, false, []string{"storm-a"}},
	{"roundrobin", kgo.RoundRobinBalancer, false, []string{"storm-a", "storm-b"}},
	{"cooperative", kgo.CooperativeStickyBalancer, false, []string{"storm-a", "storm-b"}},
	{"static-range", kgo.RangeBalancer, true, []string{"storm-a", "storm-b"}},
	{"static-cooperative", kgo.CooperativeStickyBalancer, true, []string{"storm-a"}},
}

// storm is one run.
type storm struct {
	options
	addr    string
	history *groups.History
	// quiet is done when nobody leaves any more.
	quiet context.Context

	kafka *java.Kafka // nil without members on Apache's client

	joins, leaves, kills, sleeps, takeovers, fenced atomic.Int64
	up                                              atomic.Int64

	mu   sync.Mutex
	errs []error // what the broker did against the protocol
}

// rage is the storm: members come and go for its duration under produce load,
// then all stay until everything is consumed.
func rage(ctx context.Context, o options, addr string) (faults int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet, calm := context.WithCancel(ctx)
	defer calm()
	s := &storm{options: o, addr: addr, history: groups.New(time.Now), quiet: quiet}
	if o.java {
		if s.kafka, err = java.Install(ctx); err != nil {
			return 0, err
		}
	}
	loads, err := s.load(ctx)
	if err != nil {
		return 0, err
	}
	var observed []groups.Slot
	for i := range kinds {
		observed = append(observed, kinds[i].slots()...)
	}
	observer := member.Observe(ctx, addr, s.history, observed)
	live, end := context.WithCancel(ctx)
	defer end()
	var slots sync.WaitGroup
	for i := range o.members {
		slots.Go(func() { s.slot(live, i) })
	}
	s.watch(ctx)
	calm()
	for _, p := range loads {
		err = errors.Join(err, p.Stop(ctx))
	}
	stuck := 0
	if err == nil {
		stuck, err = s.drain(ctx, observer)
	}
	end()
	slots.Wait()
	if err = errors.Join(err, observer.Stop()); err != nil {
		return 0, errors.Join(append(s.errs, err)...)
	}
	for _, e := range s.errs {
		fmt.Println("FAULT", e)
	}
	fmt.Printf("%d joins, %d leaves, %d killed, %d put to sleep, %d taken over by their instance id\n",
		s.joins.Load(), s.leaves.Load(), s.kills.Load(), s.sleeps.Load(), s.takeovers.Load())
	return len(s.errs) + stuck + s.history.Report() + s.tooLittle(), nil
}

// tooLittle is a fault too: a storm that did nothing shows nothing.
func (s *storm) tooLittle() int {
	c := s.history.Counts()
	if c.Groups < len(kinds) || c.Acked < s.members || c.Spells < s.members || c.Generations < 2*len(kinds) {
		fmt.Println("FAULT the storm did too little to show anything")
		return 1
	}
	return 0
}

func (s *storm) load(ctx context.Context) (loads []*producers.Producer, err error) {
	ledger := producers.NewLedger(history.New())
	for topic, partitions := range stormTopics {
		if err := topics.Create(ctx, s.addr, topic, partitions, nil); err != nil {
			return nil, err
		}
		p, err := producers.Franz(ctx, "load-"+topic, producers.Load{
			Bootstrap: s.addr, Topic: topic, Partitions: int(partitions), RatePerSecond: s.rate}, ledger)
		if err != nil {
			return nil, err
		}
		loads = append(loads, p)
	}
	return loads, nil
}

// watch tells how it goes until the duration is over.
func (s *storm) watch(ctx context.Context) {
	over := time.After(s.duration)
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	start := time.Now()
	for {
		select {
		case <-tick.C:
			c := s.history.Counts()
			fmt.Printf("%4.0f s: %d members up, %d generations so far, %d commits acknowledged\n",
				time.Since(start).Seconds(), s.up.Load(), c.Generations, c.Acked)
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}

// slot is a place for one member after another. The last one stays until ctx
// ends.
func (s *storm) slot(ctx context.Context, n int) {
	random := rand.New(rand.NewPCG(s.Seed, uint64(n)))
	k := &kinds[n%len(kinds)]
	franz := n/len(kinds)%5 == 0
	java := s.kafka != nil && n/len(kinds) == 1 && len(k.topics) == 1
	// Not all at once: that is what the large group is for.
	s.wait(time.Duration(random.Float64() * float64(s.away)))
	for life := 0; ctx.Err() == nil; life++ {
		o := s.member(k, n, life)
		switch {
		case franz:
			s.franz(ctx, o, random)
		case java:
			s.java(ctx, o, random)
		default:
			s.light(ctx, o, random)
		}
		s.wait(time.Duration(random.Float64() * 2 * float64(s.away)))
	}
}

// wait waits, or until it is quiet.
func (s *storm) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.quiet.Done():
	}
}

// stays waits until a member's time is over; when it is quiet that is the end
// of all.
func (s *storm) stays(ctx context.Context, d time.Duration) {
	s.wait(d)
	if s.quiet.Err() != nil {
		<-ctx.Done()
	}
}

func (s *storm) member(k *kind, n, life int) member.Options {
	o := member.Options{
		Addr: s.addr, Group: k.group, Name: fmt.Sprintf("%s-%d.%d", k.group, n, life), Balancer: k.balancer(),
		Topics: map[string]int32{}, Session: s.sessionTime, Rebalance: 3 * s.sessionTime, Heartbeat: s.sessionTime / 8,
		Work: 500 * time.Millisecond, History: s.history,
	}
	for _, topic := range k.topics {
		o.Topics[topic] = stormTopics[topic]
	}
	if k.static {
		o.Instance = fmt.Sprintf("%s-%d", k.group, n)
	}
	return o
}

func (s *storm) failed(err error) {
	if err != nil {
		s.mu.Lock()
		s.errs = append(s.errs, err)
		s.mu.Unlock()
	}
}

// life is how long a member stays: now and then so short that it does not even
// see its first answer.
func (s *storm) life(random *rand.Rand) time.Duration {
	if random.IntN(10) == 0 {
		return time.Duration(random.IntN(300)) * time.Millisecond
	}
	return time.Duration(random.Float64() * 2 * float64(s.stay))
}

// franz is one life of a franz-go client. It always leaves in order; a static
// one just ends.
func (s *storm) franz(ctx context.Context, o member.Options, random *rand.Rand) {
	m, err := member.StartFranz(ctx, o)
	if err != nil {
		s.failed(err)
		return
	}
	s.joins.Add(1)
	s.up.Add(1)
	s.stays(ctx, s.life(random))
	s.up.Add(-1)
	s.leaves.Add(1)
	s.failed(m.End(member.Leave))
}

// java is one life of a member on Apache's client, which takes seconds to start.
func (s *storm) java(ctx context.Context, o member.Options, random *rand.Rand) {
	m, err := member.StartJava(context.WithoutCancel(ctx), s.kafka, o)
	if err != nil {
		s.failed(err)
		return
	}
	s.joins.Add(1)
	s.up.Add(1)
	s.stays(ctx, 10*time.Second+s.life(random))
	s.up.Add(-1)
	if ctx.Err() == nil && random.IntN(3) == 0 {
		s.kills.Add(1)
		s.failed(m.End(member.Kill))
		return
	}
	s.leaves.Add(1)
	s.failed(m.End(member.Leave))
}

// light is one life of a light member, or several under one instance id.
func (s *storm) light(ctx context.Context, o member.Options, random *rand.Rand) {
	m := member.Start(context.WithoutCancel(ctx), o)
	s.joins.Add(1)
	s.up.Add(1)
	defer s.up.Add(-1)
	for takeover := 0; ; takeover++ {
		s.stays(ctx, s.life(random))
		dice := random.IntN(100)
		switch {
		case ctx.Err() != nil || dice < 60:
			s.leaves.Add(1)
			s.failed(m.End(member.Leave))
			return
		case dice < 80:
			s.kills.Add(1)
			s.failed(m.End(member.Kill))
			return
		case dice < 90 && o.Instance != "":
			// The next one of its instance is there before it is gone.
			s.takeovers.Add(1)
			next := o
			next.Name = fmt.Sprintf("%s.%d", o.Name, takeover)
			old := m
			m = member.Start(context.WithoutCancel(ctx), next)
			s.wait(2 * o.Heartbeat)
			s.failed(old.End(member.Kill))
		default:
			s.sleeps.Add(1)
			m.Sleep(time.Duration((0.3 + 1.5*random.Float64()) * float64(o.Session)))
		}
	}
}
