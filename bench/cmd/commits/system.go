package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/bench/yardstick"
	"moldau/server/compat/broker"
	"moldau/server/compat/groups"
	"moldau/server/compat/member"
	"moldau/server/compat/topics"
)

const (
	topic        = "commits"
	partitions   = 32
	offsetsTopic = "__consumer_offsets"
)

// system is one of the brokers that are compared.
type system struct {
	name   string
	broker *broker.Broker
	groups int // so far, for their names
}

// startSystems starts them all. They run through the whole comparison: an idle
// broker costs little, a JVM that is started again costs what it has to compile
// again.
func startSystems(ctx context.Context, o options, dir string) (systems []*system, err error) {
	type start struct {
		name   string
		launch broker.Launch
		synced bool
	}
	starts := []start{
		{"moldau os", broker.Launch{Binary: o.moldau, Durability: "os"}, false},
		{"moldau synced", broker.Launch{Binary: o.moldau, Durability: "synced"}, false},
	}
	if !o.moldauOnly {
		starts = append(starts, start{"kafka", broker.Launch{}, false}, start{"kafka synced", broker.Launch{}, true})
	}
	for i, st := range starts {
		st.launch.Dir, st.launch.CPUs = filepath.Join(dir, fmt.Sprint(i)), o.brokerCPU
		st.launch.Properties = []string{"group.initial.rebalance.delay.ms=0"}
		if st.launch.Port, err = broker.FreePort(); err != nil {
			return systems, err
		}
		b, err := broker.Start(ctx, st.launch)
		if err != nil {
			return systems, err
		}
		s := &system{name: st.name, broker: b}
		systems = append(systems, s)
		if err := s.prepare(ctx, st.synced); err != nil {
			return systems, fmt.Errorf("%s: %w", st.name, err)
		}
	}
	return systems, nil
}

// prepare makes the topic that is committed for and, by asking for a group's
// coordinator, the one that commits are kept in.
func (s *system) prepare(ctx context.Context, synced bool) error {
	if err := topics.Create(ctx, s.broker.Addr(), topic, partitions, nil); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := member.Dial(limited, s.broker.Addr(), topic)
	if err != nil {
		return err
	}
	if err := member.Coordinated(limited, conn, topic); err != nil || !synced {
		return err
	}
	return s.flushEveryCommit(ctx)
}

// flushEveryCommit has a real Kafka sync each write to the offsets topic before
// it answers, and makes sure that it took the setting.
func (s *system) flushEveryCommit(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.broker.Addr()))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	one := "1"
	altered, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: "flush.messages", Value: &one}}, offsetsTopic)
	if err != nil {
		return err
	}
	for _, a := range altered {
		err = errors.Join(err, a.Err)
	}
	if err != nil {
		return err
	}
	// A broker applies a config some time after its controller took it.
	limited, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("%s does not get flush.messages=1", offsetsTopic))
	defer cancel()
	for {
		described, err := admin.DescribeTopicConfigs(limited, offsetsTopic)
		if err != nil {
			return errors.Join(err, context.Cause(limited))
		}
		config, err := described.On(offsetsTopic, nil)
		if err != nil {
			return err
		}
		for _, c := range config.Configs {
			if c.Key == "flush.messages" && c.MaybeValue() == one {
				return nil
			}
		}
	}
}

// measure has new groups of a row commit for a while.
func (s *system) measure(ctx context.Context, r *row, d time.Duration) (block, error) {
	var committers []*committer
	defer func() {
		for _, c := range committers {
			c.close()
		}
	}()
	for range r.groups {
		s.groups++
		gathered, err := s.gather(ctx, fmt.Sprintf("commits-%d", s.groups), r)
		committers = append(committers, gathered...)
		if err != nil {
			return block{}, err
		}
	}
	cpu, steal, err := yardstick.Times(s.broker.PID())
	if err != nil {
		return block{}, err
	}
	b, err := commit(committers, r.inFlight, d)
	if err != nil {
		return b, err
	}
	cpuAfter, stealAfter, err := yardstick.Times(s.broker.PID())
	if err != nil {
		return b, err
	}
	b.CPUSeconds, b.StealSeconds = cpuAfter-cpu, stealAfter-steal
	for _, c := range committers {
		err = errors.Join(err, c.verify(ctx, s.broker.Addr()))
	}
	return b, err
}

// gather has members join a group and waits until all are in one generation.
func (s *system) gather(ctx context.Context, group string, r *row) (committers []*committer, err error) {
	gathering := member.NewGathering(r.members)
	for i := range r.members {
		o := member.Options{
			Addr: s.broker.Addr(), Group: group, Name: fmt.Sprint(group, "-", i), Balancer: kgo.RangeBalancer(),
			Topics: map[string]int32{topic: partitions}, Session: 2 * time.Minute, Rebalance: 2 * time.Minute,
			Heartbeat: 3 * time.Second, History: groups.New(time.Now), Told: gathering.Told,
		}
		if r.members == 1 {
			o.Heartbeat = 30 * time.Second // nobody else comes
		}
		committers = append(committers, &committer{group: group, name: o.Name, partition: int32(i), member: member.Start(ctx, o)})
	}
	limited, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("group %s is not stable after a minute", group))
	defer cancel()
	seats, _, err := gathering.Wait(limited)
	if err != nil {
		return committers, err
	}
	for _, c := range committers {
		if err := c.dial(ctx, s.broker.Addr(), seats[c.name]); err != nil {
			return committers, err
		}
	}
	return committers, nil
}
